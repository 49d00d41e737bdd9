import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, type Outcome, Pipeline, type Report } from "parallel-batch-pipeline/effect"

/** What an item does: how it waits, for how long, what it is called, and how it ends. */
const Plan = Schema.Struct({
  wait: Schema.Literals(["none", "sleep", "promise"]),
  millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 50 })),
  name: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8 })),
  end: Schema.Literals(["ok", "ok", "ok", "skip", "fail", "flaky", "throw", "stop"])
})

interface Item extends Schema.Schema.Type<typeof Plan> {
  readonly n: number
}

const small = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 }))
const maybe = <S extends Schema.Top>(schema: S) => Schema.Union([Schema.Undefined, schema])

const Ends = Schema.Struct({
  calls: maybe(small),
  cost: maybe(small),
  timeout: maybe(small),
  drain: maybe(small),
  canary: maybe(small),
  check: Schema.Literals(["default", "yes", "no", "slow"]),
  duplicates: Schema.Literals(["run", "share", "error"]),
  mode: Schema.Literals(["fail-fast", "collect-all"]),
  tolerate: maybe(small),
  outcomes: Schema.Literals(["all", "all", "failures"]),
  source: Schema.Literals(["array", "stream"]),
  gate: maybe(small),
  concurrency: small
})
type Ends = typeof Ends.Type

const observed = () => {
  const seen = { running: 0, calls: 0, started: [] as Array<Item> }
  const waits = {
    none: () => Effect.void,
    sleep: (millis: number) => Effect.sleep(millis),
    promise: () => Effect.promise(async () => {})
  }
  const work = Handler.make("work", {
    handleRequest: (item: Item) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          seen.calls++
          seen.running++
          if (!seen.started.includes(item)) seen.started.push(item)
        }),
        () =>
          Effect.flatMap(Effect.andThen(waits[item.wait](item.millis), Handler.CurrentItem), ({ attempt }) => {
            if (item.end === "throw") throw new Error("bug")
            return item.end === "fail" || (item.end === "flaky" && attempt < 3) ? Effect.fail("boom") : Effect.void
          }),
        () => Effect.sync(() => seen.running--)
      ),
    processResults: ({ params }: { readonly params: Item }) => {
      if (params.end === "stop") return Handler.stop("enough")
      return params.end === "skip" ? Handler.skip("said so") : Handler.next("done")
    },
    retry: { times: 2, while: (error) => error === "boom" }
  })
  const confirm = Handler.fromPromise("confirm", {
    handleRequest: async ({ n }: Item) => {
      seen.calls++
      return n
    }
  })
  const pipeline = Pipeline.make("ends", {
    handlers: { work, confirm },
    start: "work",
    routes: { work: { done: "confirm" } }
  })
  return { seen, pipeline }
}

const checks = {
  default: undefined,
  yes: () => true,
  no: () => false,
  slow: () => Effect.delay(Effect.succeed(true), 20)
}

const optionsOf = (items: ReadonlyArray<Item>, ends: Ends) => ({
  params: ends.source === "array" ? items : Stream.fromIterable(items),
  concurrency: ends.concurrency,
  gate: ends.gate === undefined ? undefined : Gate.make({ concurrency: ends.gate }),
  mode: ends.mode,
  tolerate: ends.mode === "fail-fast" || ends.tolerate === undefined ? undefined : { count: ends.tolerate },
  key: ({ name }: Item) => `${name}`,
  duplicates: ends.duplicates,
  outcomes: ends.outcomes,
  cost: () => 1,
  budget: ends.calls === undefined && ends.cost === undefined ? undefined : { calls: ends.calls, cost: ends.cost },
  timeout: ends.timeout === undefined ? undefined : ends.timeout * 10,
  drain: ends.drain === undefined ? undefined : ends.drain * 10,
  canary: ends.canary === undefined ? undefined : { items: ends.canary, check: checks[ends.check] }
})

/** Moves the clock until the fiber has ended, with turns of the event loop for promises; looks on meanwhile. */
const finish = <A, E>(fiber: Fiber.Fiber<A, E>, look: Effect.Effect<void>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    for (let turns = 0; fiber.pollUnsafe() === undefined; turns++) {
      assert.isBelow(turns, 1000, "hangs")
      yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
      yield* TestClock.adjust(10)
      yield* look
    }
    return yield* Fiber.join(fiber)
  })

const sum = ({ failed, interrupted, notStarted, skipped, succeeded }: Batch.Progress) =>
  succeeded + failed + skipped + interrupted + notStarted

const laws = { arbitrary: { runs: 500, size: 100 }, timeout: 60_000 }

describe("Batch", () => {
  describe("however it ends", () => {
    it.effect.prop(
      "has one outcome for each item, tells it once, and leaves nothing running",
      { plans: Schema.Array(Plan).check(Schema.isMaxLength(25)), ends: Ends },
      ({ ends, plans }) =>
        Effect.gen(function* () {
          const items = plans.map((plan, n) => ({ ...plan, n }))
          const { pipeline, seen } = observed()
          const batch = yield* Batch.fork(pipeline, optionsOf(items, ends))
          const listening = yield* Effect.forkChild(Stream.runCollect(batch.events), { startImmediately: true })
          const look = Effect.map(SubscriptionRef.get(batch.progress), (progress) => {
            assert.isAtMost(sum(progress) + progress.running, items.length)
            if (progress.state === "ended") assert.strictEqual(progress.running, 0)
          })
          const waiting = yield* Effect.forkChild(Effect.exit(batch.await), { startImmediately: true })
          yield* finish(waiting, look)

          const report = yield* batch.report
          const told = (yield* Fiber.join(listening)).flatMap((event) =>
            event._tag === "ItemEnded" ? [event.outcome] : []
          )
          const last = yield* SubscriptionRef.get(batch.progress)
          lawsOf(items, ends, seen, told, report)
          const { attempts, cost, endedBy, failed, interrupted, notStarted, skipped, succeeded } = report
          assert.deepInclude(last, { attempts, cost, endedBy, failed, interrupted, notStarted, skipped, succeeded })
          assert.deepInclude(last, { running: 0, state: "ended" })
          assert.strictEqual(sum(last), report.total)
        }),
      laws
    )

    it.effect.prop(
      "emits the outcome of each item once, also to a stream that is read slowly",
      { plans: Schema.Array(Plan).check(Schema.isMaxLength(25)), ends: Ends, slow: Schema.Boolean },
      ({ ends, plans, slow }) =>
        Effect.gen(function* () {
          const items = plans.map((plan, n) => ({ ...plan, n }))
          const { pipeline, seen } = observed()
          const { outcomes: _, ...options } = optionsOf(items, ends)
          const told: Array<Outcome.Any> = []
          const reading = Batch.stream(pipeline, options).pipe(
            Stream.runForEach((outcome) =>
              Effect.delay(
                Effect.sync(() => told.push(outcome)),
                slow ? 20 : 0
              )
            ),
            Effect.exit
          )
          yield* finish(yield* Effect.forkChild(reading, { startImmediately: true }), Effect.void)

          const indexes = told.map(({ index }) => index).toSorted((a, b) => a - b)
          const expected = ends.source === "array" ? items : items.slice(0, indexes.length)
          assert.deepStrictEqual(
            indexes,
            expected.map(({ n }) => n)
          )
          assert.strictEqual(seen.running, 0)
        }),
      laws
    )
  })
})

const lawsOf = (
  items: ReadonlyArray<Item>,
  ends: Ends,
  seen: ReturnType<typeof observed>["seen"],
  told: ReadonlyArray<Outcome.Any>,
  report: Report.Report<unknown, Outcome.Any>
) => {
  const outcomes = told.toSorted((a, b) => a.index - b.index)
  const count = (tag: string) => outcomes.filter(({ _tag }) => _tag === tag).length

  // Each item that was read has one outcome, and each is told once.
  assert.deepStrictEqual(
    outcomes.map(({ index }) => index),
    items.slice(0, report.total).map(({ n }) => n)
  )
  if (ends.source === "array") assert.strictEqual(report.total, items.length)
  assert.deepStrictEqual(
    [report.succeeded, report.failed, report.skipped, report.interrupted, report.notStarted],
    ["Succeeded", "Failed", "Skipped", "Interrupted", "NotStarted"].map(count)
  )
  const kept = ends.outcomes === "all" ? outcomes : outcomes.filter(({ _tag }) => _tag === "Failed")
  assert.deepStrictEqual(
    report.outcomes.map(({ index }) => index),
    kept.map(({ index }) => index)
  )

  // Nothing runs on, what has not started never did, and calls are counted.
  assert.strictEqual(seen.running, 0)
  assert.strictEqual(report.attempts, seen.calls)
  const started = new Set(seen.started.map(({ n }) => n))
  for (const { _tag, index } of outcomes) if (_tag === "NotStarted") assert.isFalse(started.has(index))
  if (ends.calls !== undefined) assert.isAtMost(seen.calls, ends.calls)
  if (ends.duplicates !== "run") {
    assert.strictEqual(new Set(seen.started.map(({ name }) => name)).size, seen.started.length)
  }
  if (ends.canary !== undefined && report.endedBy._tag === "Canary") assert.isAtMost(started.size, ends.canary)
  if (report.endedBy._tag === "Completed") {
    assert.deepStrictEqual([report.interrupted, report.notStarted, report.exhausted], [0, 0, true])
  }
}
