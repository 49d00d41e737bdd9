import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Breaker, Gate, Handler, Pipeline, RateLimited } from "parallel-batch-pipeline/effect"

const Int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Limits = Schema.Struct({
  concurrency: Int(1, 4),
  concurrencyPerKey: Schema.optionalKey(Int(1, 3)),
  limit: Int(3, 8),
  window: Int(1, 40),
  order: Schema.Literals(["fifo", "fair"])
})

const Plan = Schema.Struct({
  key: Schema.Literals(["a", "a", "b", "c"]),
  cost: Int(1, 3),
  takes: Int(0, 20),
  /** What each attempt comes to; after the last one it succeeds. */
  ends: Schema.Array(Schema.Literals(["ok", "fail", "limited", "die"])).check(Schema.isMaxLength(3))
})
type Plan = typeof Plan.Type

const Plans = Schema.Array(Plan).check(Schema.isMaxLength(30))

interface Item extends Plan {
  readonly n: number
}

interface Start {
  readonly key: string
  readonly cost: number
  readonly at: number
  ended: number
}

/** A step of which a test can see every call. */
const observed = () => {
  const starts: Array<Start> = []
  const attempts = new Map<number, number>()
  const seen = { running: 0, most: 0 }
  const request = (item: Item) =>
    Effect.suspend(() => {
      const attempt = attempts.get(item.n) ?? 0
      attempts.set(item.n, attempt + 1)
      const end = item.ends[attempt] ?? "ok"
      const ends: { readonly [end: string]: Effect.Effect<void, string | RateLimited> } = {
        ok: Effect.void,
        fail: Effect.fail("busy"),
        limited: Effect.fail(new RateLimited({ retryAfter: Duration.millis(15) })),
        die: Effect.die("bug")
      }
      return Effect.acquireUseRelease(
        Effect.map(Clock.currentTimeMillis, (at) => {
          const start: Start = { key: item.key, cost: item.cost, at, ended: Infinity }
          starts.push(start)
          seen.most = Math.max(seen.most, ++seen.running)
          return start
        }),
        () => Effect.andThen(Effect.sleep(item.takes), ends[end]!),
        (start) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            seen.running--
            start.ended = now
          })
      )
    })
  return { starts, seen, request }
}

const finish = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    for (let i = 0; i < 2000 && fiber.pollUnsafe() === undefined; i++) yield* TestClock.adjust(50)
    assert.isDefined(fiber.pollUnsafe(), "the clock was moved far, and still something waits")
    return yield* Fiber.join(fiber)
  })

const laws = { arbitrary: { runs: 200, size: 100 }, timeout: 60_000 }

const gateOf = ({ limit, window, ...rest }: typeof Limits.Type, jitter = 0.1, breaker?: Breaker.Breaker) =>
  Gate.make({
    ...rest,
    breaker,
    rate: { limit, window },
    key: (item: Item) => item.key,
    cost: (item: Item) => item.cost,
    jitter
  })

const assertWithin = (starts: ReadonlyArray<Start>, limits: typeof Limits.Type) => {
  for (const { at, key } of starts) {
    const within = starts.filter((start) => start.key === key && start.at >= at && start.at < at + limits.window)
    assert.isAtMost(
      within.reduce((sum, { cost }) => sum + cost, 0),
      limits.limit
    )
    const running = starts.filter((start) => start.at <= at && start.ended > at)
    assert.isAtMost(running.length, limits.concurrency)
    assert.isAtMost(running.filter((start) => start.key === key).length, limits.concurrencyPerKey ?? Infinity)
  }
}

describe("Batch with a gate obeys", () => {
  it.effect.prop(
    "no limit is passed, every item ends as planned, and nothing is left at the gate",
    {
      limits: Limits,
      plans: Plans,
      concurrency: Int(1, 6),
      parked: Int(1, 10),
      retried: Schema.Boolean,
      stands: Schema.Literals(["handler", "batch", "both"])
    },
    ({ concurrency, limits, parked, plans, retried, stands }) =>
      Effect.gen(function* () {
        const gate = gateOf(limits)
        const { request, seen, starts } = observed()
        const step = Handler.make("step", {
          handleRequest: request,
          gate: stands === "batch" ? undefined : gate,
          retry: retried ? { times: 3, schedule: Schedule.spaced(10) } : undefined
        })
        const pipeline = Pipeline.make("laws", { handlers: { step }, start: "step" })

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, {
            params: plans.map((plan, n): Item => ({ ...plan, n })),
            concurrency,
            parked,
            mode: "collect-all",
            gate: stands === "handler" ? undefined : gate
          })
        )
        const report = yield* finish(fiber)

        assert.isAtMost(seen.most, Math.min(concurrency, limits.concurrency))
        assert.deepStrictEqual(
          report.outcomes.map(({ _tag }) => _tag),
          plans.map(({ ends }) => {
            for (const end of ends) {
              if (end === "ok") return "Succeeded"
              if (end === "die" || (end === "fail" && !retried)) return "Failed"
            }
            return "Succeeded"
          })
        )
        // A batch starts an item once, and its retries within it.
        if (stands !== "batch") assertWithin(starts, limits)
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }),
    laws
  )

  it.effect.prop(
    "an interruption at any time leaves nothing running, and nothing at the gates",
    {
      limits: Limits,
      plans: Plans,
      concurrency: Int(1, 6),
      after: Int(0, 100),
      stands: Schema.Literals(["handler", "batch", "both"])
    },
    ({ after, concurrency, limits, plans, stands }) =>
      Effect.gen(function* () {
        const gate = gateOf(limits)
        const { request, seen } = observed()
        const step = Handler.make("step", {
          handleRequest: request,
          gate: stands === "batch" ? undefined : gate,
          retry: { times: 3, schedule: Schedule.spaced(10) }
        })
        const pipeline = Pipeline.make("laws", { handlers: { step }, start: "step" })
        const params = plans.map((plan, n): Item => ({ ...plan, n }))
        const counts: Array<number> = []

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, {
            params,
            concurrency,
            mode: "collect-all",
            gate: stands === "handler" ? undefined : gate,
            onInterrupt: ({ failed, interrupted, notStarted, succeeded }) =>
              Effect.sync(() => counts.push(failed + interrupted + notStarted + succeeded))
          })
        )
        yield* TestClock.adjust(after)
        const ended = fiber.pollUnsafe() !== undefined
        yield* Fiber.interrupt(fiber)

        assert.strictEqual(seen.running, 0)
        assert.deepStrictEqual(counts, ended ? [] : [params.length])
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }),
    laws
  )

  const Which = Schema.Literals([0, 1, 2])

  it.effect.prop(
    "batches inside of each other, with gates in any order, come to an end",
    {
      batches: Schema.Array(
        Schema.Struct({ batch: Schema.optionalKey(Which), first: Schema.optionalKey(Which), second: Which })
      ).check(Schema.isMaxLength(4)),
      inner: Which,
      innerBatch: Schema.optionalKey(Which),
      concurrency: Int(1, 3),
      innerConcurrency: Int(1, 3),
      perKey: Schema.Boolean,
      takes: Int(0, 10)
    },
    ({ batches, concurrency, inner, innerBatch, innerConcurrency, perKey, takes }) =>
      Effect.gen(function* () {
        interface Numbered {
          readonly n: number
        }
        const make = () =>
          Gate.make({
            concurrency: 1,
            concurrencyPerKey: perKey ? 1 : undefined,
            key: ({ n }: Numbered) => String(n % 2)
          })
        const gates = [make(), make(), make()] as const
        const gateOf = (which: 0 | 1 | 2 | undefined) => (which === undefined ? undefined : gates[which])
        const running = gates.map(() => 0)
        const most = gates.map(() => 0)
        const leafBehind = (gate: 0 | 1 | 2) =>
          Handler.make("leaf", {
            handleRequest: (_item: Numbered) =>
              Effect.acquireUseRelease(
                Effect.sync(() => (most[gate] = Math.max(most[gate]!, ++running[gate]!))),
                () => Effect.sleep(takes),
                () => Effect.sync(() => running[gate]!--)
              ),
            gate: gates[gate]
          })
        const leaves = Pipeline.make("leaves", { handlers: { leaf: leafBehind(inner) }, start: "leaf" })
        const around = ({ batch, first, second }: (typeof batches)[number]) => {
          const nest = Handler.make("nest", {
            handleRequest: ({ n }: Numbered) =>
              Batch.run(leaves, {
                params: [{ n }, { n: n + 1 }, { n: n + 2 }],
                concurrency: innerConcurrency,
                gate: gateOf(innerBatch)
              }),
            gate: gateOf(first)
          })
          const pipeline = Pipeline.make("around", {
            handlers: { nest, leaf: leafBehind(second) },
            start: "nest",
            routes: { nest: { default: "leaf" } }
          })
          const params = [{ n: 0 }, { n: 1 }, { n: 2 }]
          return Batch.run(pipeline, { params, concurrency, gate: gateOf(batch) })
        }

        const fiber = yield* Effect.forkChild(Effect.forEach(batches, around, { concurrency: "unbounded" }))
        const reports = yield* finish(fiber)

        assert.isTrue(reports.every(({ succeeded }) => succeeded === 3))
        assert.isTrue(most.every((count) => count <= 1))
        for (const gate of gates) assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }),
    laws
  )

  const Action = Schema.Union([
    Schema.Struct({ say: Schema.Literals(["pause", "resume"]) }),
    Schema.Struct({ say: Schema.Literal("setConcurrency"), n: Int(1, 6) }),
    Schema.Struct({ say: Schema.Literal("cancel"), n: Int(0, 20) }),
    Schema.Struct({ say: Schema.Literal("close"), key: Schema.Literals(["a", "b"]), millis: Int(1, 60) }),
    Schema.Struct({ say: Schema.Literal("wait"), millis: Int(0, 40) })
  ])

  it.effect.prop(
    "whatever is said to it, and whenever, every item has one outcome and nothing is left at the gate",
    {
      limits: Limits,
      plans: Plans,
      actions: Schema.Array(Action).check(Schema.isMaxLength(20)),
      breaks: Schema.Boolean,
      parked: Int(1, 5),
      stands: Schema.Literals(["handler", "batch", "both"])
    },
    ({ actions, breaks, limits, parked, plans, stands }) =>
      Effect.gen(function* () {
        const gate = gateOf(limits, 0.1, breaks ? Breaker.make({ failures: 2, openFor: 30 }) : undefined)
        const { request, seen } = observed()
        const step = Handler.make("step", {
          handleRequest: request,
          gate: stands === "batch" ? undefined : gate,
          retry: { times: 1, schedule: Schedule.spaced(10) }
        })
        const pipeline = Pipeline.make("laws", { handlers: { step }, start: "step" })
        const params = plans.map((plan, n): Item => ({ ...plan, n }))

        const batch = yield* Batch.fork(pipeline, {
          params,
          concurrency: 2,
          parked,
          mode: "collect-all",
          key: ({ n }) => String(n),
          gate: stands === "handler" ? undefined : gate
        })
        for (const action of actions) {
          if (action.say === "wait") yield* TestClock.adjust(action.millis)
          else if (action.say === "setConcurrency") yield* batch.setConcurrency(action.n)
          else if (action.say === "cancel") yield* batch.cancel(String(action.n))
          else if (action.say === "close") yield* Gate.close(gate, action.key, action.millis)
          else yield* batch[action.say]
        }
        yield* batch.resume
        const report = yield* finish(yield* Effect.forkChild(batch.await))

        const { failed, interrupted, notStarted, succeeded, total } = report
        assert.strictEqual(total, params.length)
        assert.strictEqual(failed + interrupted + notStarted + succeeded, params.length)
        assert.deepStrictEqual(
          report.outcomes.map(({ index }) => index),
          params.map(({ n }) => n)
        )
        assert.strictEqual(seen.running, 0)
        assert.isAtMost(seen.most, limits.concurrency)
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }),
    laws
  )
})
