import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Scope, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, type Outcome, Pipeline, type Report } from "parallel-batch-pipeline/effect"
import { countsOf } from "./support/counts.ts"

const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** What a step of an item does: how it waits, for how long, how often it fails before it does not, and how it ends. */
const Step = Schema.Struct({
  wait: Schema.Literals(["none", "yield", "sleep", "promise"]),
  millis: integer(0, 40),
  flaky: integer(0, 2),
  end: Schema.Literals(["ok", "ok", "ok", "ok", "ok", "skip", "fail", "die", "throw"])
})
type Step = typeof Step.Type

const Plan = Schema.Array(Step).check(Schema.isMinLength(1), Schema.isMaxLength(3))
const Plans = Schema.Array(Plan).check(Schema.isMaxLength(16))

interface Item {
  readonly n: number
  readonly steps: ReadonlyArray<Step>
}

type AnyReport = Report.Report<unknown, Outcome.Outcome<Item, string, unknown, unknown>>

/** A loop through one handler: as many rounds as the item has steps. A test sees all that happens. */
const observed = (stopAt: number | undefined) => {
  const seen = { calls: 0, open: 0, ended: new Map<number, string>() }
  const waits = {
    none: () => Effect.void,
    yield: () => Effect.yieldNow,
    sleep: (millis: number) => Effect.sleep(millis),
    promise: () => Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
  }
  const round = Handler.make("round", {
    shared: Schema.Struct({ rounds: Schema.Record(Schema.String, Schema.Number) }),
    prepareInputs: ({ params, shared }: Handler.PrepareContext<{ rounds: Record<string, number> }, Item, unknown>) => {
      const round = shared.rounds[params.n] ?? 0
      return { ...params.steps[round]!, n: params.n }
    },
    handleRequest: ({ end, flaky, millis, n, wait }) =>
      Effect.gen(function* () {
        seen.calls++
        const { attempt } = yield* Handler.CurrentItem
        yield* Effect.acquireRelease(
          Effect.sync(() => seen.open++),
          () => Effect.sync(() => seen.open--)
        )
        yield* waits[wait](millis)
        if (attempt <= flaky) return yield* Effect.fail("flaky" as const)
        if (end === "fail") return yield* Effect.fail("fail" as const)
        if (end === "die") return yield* Effect.die("die")
        if (end === "throw") throw new Error("throw")
        return n
      }),
    processResults: ({ inputs, params, shared }) => {
      const rounds = (shared.rounds[params.n] ?? 0) + 1
      if (params.n === stopAt) seen.ended.set(params.n, "Succeeded")
      if (params.n === stopAt) return Handler.stop("said so")
      if (inputs.end === "skip") return Handler.skip("said so")
      if (rounds === params.steps.length) seen.ended.set(params.n, "Succeeded")
      return Handler.next(rounds === params.steps.length ? "done" : "again", {
        rounds: { ...shared.rounds, [params.n]: rounds }
      })
    },
    retry: { times: 2, while: (error) => error === "flaky" }
  })
  const pipeline = Pipeline.make("rounds", {
    handlers: { round },
    start: "round",
    routes: { round: { again: "round" } }
  })
  return { seen, pipeline }
}

const sources = ["array", "generator", "async generator", "stream"] as const

const inputOf = (source: (typeof sources)[number], items: ReadonlyArray<Item>): Batch.Input<Item, never, never> => {
  if (source === "array") return items
  if (source === "stream") return Stream.fromIterable(items)
  if (source === "generator") return items.values()
  return (async function* () {
    yield* items
  })()
}

/** How an item ends that nobody stops. */
const expected = (steps: ReadonlyArray<Step>): string => {
  const last = steps.find(({ end }) => end !== "ok")
  return last === undefined ? "Succeeded" : last.end === "skip" ? "Skipped" : "Failed"
}

const Way = Schema.Literals([
  "nothing",
  "failure",
  "tolerance",
  "stop",
  "timeout",
  "budget of calls",
  "budget of cost",
  "budget of time",
  "canary",
  "drain",
  "cancel",
  "interruption",
  "closed scope"
])
type Way = typeof Way.Type

const optionsOf = (way: Way, at: number) => ({
  ...(way === "timeout" ? { timeout: at + 1 } : undefined),
  ...(way === "budget of calls" ? { budget: { calls: at + 1 } } : undefined),
  ...(way === "budget of cost" ? { budget: { cost: at + 1 }, cost: () => 2 } : undefined),
  ...(way === "budget of time" ? { budget: { duration: at + 1 } } : undefined),
  ...(way === "canary" ? { canary: { items: (at % 4) + 1, check: () => at % 2 === 0 } } : undefined)
})

/** Turns of the event loop, and of the clock, until the effect has its end. */
const turnsUntil = (isOver: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (!isOver()) {
      yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
      yield* TestClock.adjust(5)
    }
  })

const settle = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.andThen(
    turnsUntil(() => fiber.pollUnsafe() !== undefined),
    Fiber.await(fiber)
  )

const laws = { arbitrary: { runs: 400, size: 100 }, timeout: 60_000 }

describe("Batch", () => {
  describe("stopped at any instant, in any way", () => {
    it.effect.prop(
      "leaves one outcome for each item, its finalizers run, and nothing running",
      {
        plans: Plans,
        concurrency: integer(1, 6),
        source: Schema.Literals(sources),
        way: Way,
        at: integer(0, 120),
        drains: Schema.Boolean,
        keep: Schema.Literals(["all", "failures", "none"]),
        duplicates: Schema.Literals(["run", "share"])
      },
      ({ at, concurrency, drains, duplicates, keep, plans, source, way }) =>
        Effect.gen(function* () {
          const items = plans.map((steps, n) => ({ n, steps }))
          /** The item that runs for this one. */
          const leader = (n: number) => (duplicates === "share" ? n % 5 : n)
          const { pipeline, seen } = observed(way === "stop" ? at % 16 : undefined)
          const reports: Array<AnyReport> = []
          const scope = yield* Scope.make()
          const batch = yield* Batch.fork(pipeline, {
            params: inputOf(source, items),
            shared: { rounds: {} },
            concurrency,
            mode: way === "failure" ? "fail-fast" : "collect-all",
            key: ({ n }) => `item ${leader(n)}`,
            outcomes: keep,
            duplicates,
            ...(way === "tolerance" ? { tolerate: { count: at % 5 } } : undefined),
            ...(drains ? { drain: (at % 7) * 10 + 1 } : undefined),
            ...optionsOf(way, at),
            onInterrupt: (report) => Effect.sync(() => reports.push(report))
          }).pipe(Scope.provide(scope))
          const listening = yield* Effect.forkChild(Stream.runCollect(batch.events), { startImmediately: true })
          const waiting = yield* Effect.forkChild(Effect.exit(batch.await), { startImmediately: true })

          let passed = 0
          yield* turnsUntil(() => (passed += 5) > at || waiting.pollUnsafe() !== undefined)
          if (way === "drain") yield* batch.drain
          if (way === "cancel") yield* batch.cancel(`item ${at % 16}`)
          if (way === "interruption" || way === "closed scope") yield* Scope.close(scope, Exit.void)
          const exit = yield* Effect.flatMap(settle(waiting), (settled) => settled)
          const report = Exit.isSuccess(exit)
            ? exit.value
            : (reports[0] ??
              exit.cause.reasons.flatMap((reason) => (Cause.isFailReason(reason) ? [reason.error.report] : []))[0]!)
          const calls = seen.calls
          yield* TestClock.adjust("1 hour")
          const events = yield* Fiber.join(listening)
          yield* Scope.close(scope, Exit.void)

          // Nothing runs on.
          assert.deepStrictEqual([seen.open, seen.calls], [0, calls])
          assert.strictEqual(report.attempts, calls)
          // Everything is accounted for, and listeners heard of it.
          const outcomes = events.flatMap((event) => (event._tag === "ItemEnded" ? [event.outcome] : []))
          assert.deepStrictEqual(
            outcomes.map(({ index }) => index).toSorted((a, b) => a - b),
            Array.from({ length: report.total }, (_, index) => index)
          )
          assert.deepInclude(report, countsOf(outcomes))
          assert.isTrue(source !== "array" || report.total === items.length)
          assert.isTrue(report.total === items.length || !report.exhausted)
          if (keep === "all") {
            assert.deepStrictEqual(
              report.outcomes.map(({ _tag, index }) => [index, _tag] as const),
              outcomes.map(({ _tag, index }) => [index, _tag] as const).toSorted((a, b) => a[0] - b[0])
            )
          }
          // What finished is what it came to; what was stopped had not finished.
          const stopped = new Set(["Interrupted", "NotStarted"])
          for (const { _tag, params } of outcomes) {
            const finished = seen.ended.get(params.n)
            assert.isTrue(finished === undefined || finished === _tag || _tag === "Failed")
            if (!stopped.has(_tag) && way !== "stop") assert.strictEqual(_tag, expected(plans[leader(params.n)]!))
            if (way === "nothing") assert.isFalse(stopped.has(_tag))
          }
        }),
      laws
    )
  })

  describe("collect-all", () => {
    it.effect.prop(
      "answers a report that does not depend on timing",
      { plans: Plans, concurrency: integer(2, 8), source: Schema.Literals(sources), factor: integer(0, 3) },
      ({ concurrency, factor, plans, source }) =>
        Effect.gen(function* () {
          const items = plans.map((steps, n) => ({ n, steps }))
          const run = (of: number, among: ReadonlyArray<Item>) =>
            Effect.gen(function* () {
              const { pipeline } = observed(undefined)
              const batch = Batch.run(pipeline, {
                params: inputOf(source, among),
                shared: { rounds: {} },
                concurrency: of,
                mode: "collect-all"
              })
              return yield* Effect.flatMap(settle(yield* Effect.forkChild(batch)), (exit) => exit)
            })
          const sequential = yield* run(1, items)
          const slower = items.map(({ n, steps }) => ({
            n,
            steps: steps.map((step) => ({ ...step, millis: step.millis * factor }))
          }))
          const concurrent = yield* run(concurrency, slower)

          const facts = (report: AnyReport) =>
            report.outcomes.map((outcome) => [
              outcome.index,
              outcome._tag,
              outcome._tag === "NotStarted" ? [] : [outcome.attempts, ...outcome.path],
              outcome._tag === "Succeeded" ? [outcome.action, outcome.output] : [],
              outcome._tag === "Failed" ? [outcome.handler, outcome.cause.reasons.map(({ _tag }) => _tag)] : []
            ])
          assert.deepStrictEqual(facts(concurrent), facts(sequential))
          assert.deepStrictEqual(concurrent.shared, sequential.shared)
          assert.deepStrictEqual(
            [concurrent.attempts, concurrent.endedBy, concurrent.exhausted],
            [sequential.attempts, sequential.endedBy, sequential.exhausted]
          )
        }),
      laws
    )
  })

  describe("never hangs", () => {
    type Handle = Batch.Handle<unknown, Outcome.Any, unknown>
    const wait = Handler.make("wait", { handleRequest: () => Effect.sleep("1 second") })
    const waiting = Pipeline.make("waiting", { handlers: { wait }, start: "wait" })

    const inputs: Record<string, Batch.Input<Item, unknown, never>> = {
      nothing: [],
      "one item": [{ n: 0, steps: [] }],
      "items with the same key": Array.from({ length: 4 }, () => ({ n: 0, steps: [] })),
      "a stream that fails": Stream.concat(Stream.succeed({ n: 0, steps: [] }), Stream.fail("input")),
      "a stream that is silent": Stream.concat(Stream.succeed({ n: 0, steps: [] }), Stream.never)
    }
    const says: Record<string, (batch: Handle) => Effect.Effect<unknown>> = {
      nothing: () => Effect.void,
      pause: (batch) => batch.pause,
      "pause, drain": (batch) => Effect.andThen(batch.pause, batch.drain),
      "drain, pause": (batch) => Effect.andThen(batch.drain, batch.pause),
      "drain twice": (batch) => Effect.andThen(batch.drain, batch.drain),
      "cancel twice": (batch) => Effect.andThen(batch.cancel("item 0"), batch.cancel("item 0")),
      "pause, cancel": (batch) => Effect.andThen(batch.pause, batch.cancel("item 0")),
      "cancel, drain": (batch) => Effect.andThen(batch.cancel("item 0"), batch.drain)
    }
    const options: Record<string, object> = {
      "no option": {},
      share: { duplicates: "share" },
      error: { duplicates: "error" },
      canary: { canary: { items: 1 } },
      "canary of all": { canary: { items: 4, check: () => false } },
      drain: { drain: "1 second" },
      "one place": { concurrency: 1 }
    }

    for (const [input, params] of Object.entries(inputs)) {
      it.effect.each([0, 500])(`on ${input}, whatever is said after %s ms`, (millis) =>
        Effect.gen(function* () {
          for (const say of Object.values(says)) {
            for (const option of Object.values(options)) {
              const batch = yield* Batch.fork(waiting, {
                params: params as Batch.Input<object, unknown, never>,
                mode: "collect-all",
                key: () => "item 0",
                timeout: "10 seconds",
                ...option
              })
              yield* TestClock.adjust(millis)
              yield* say(batch)
              const ended = yield* Effect.forkChild(Effect.exit(batch.await), { startImmediately: true })
              yield* TestClock.adjust("20 seconds")
              const report = yield* Effect.andThen(Fiber.join(ended), batch.report)

              assert.deepInclude(report, countsOf(report.outcomes))
            }
          }
        })
      )
    }
  })
})
