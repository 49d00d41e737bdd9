import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { countsOf } from "./support/counts.ts"

/** What an item does: how it waits, for how long, and how it ends. */
const Plan = Schema.Struct({
  wait: Schema.Literals(["none", "yield", "sleep", "promise"]),
  millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 50 })),
  end: Schema.Literals(["ok", "ok", "ok", "skip", "fail", "die", "throw", "throw later"])
})
type Plan = typeof Plan.Type

const Plans = Schema.Array(Plan).check(Schema.isMaxLength(40))
const Concurrency = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 }))
const Source = Schema.Literals(["array", "generator", "async generator", "stream"])
const Total = Schema.Struct({ order: Schema.Array(Schema.Number) })

interface Item extends Plan {
  readonly n: number
}

const inputOf = (source: typeof Source.Type, items: ReadonlyArray<Item>): Batch.Input<Item, never, never> => {
  if (source === "array") return items
  if (source === "stream") return Stream.fromIterable(items)
  if (source === "generator") return items.values()
  return (async function* () {
    yield* items
  })()
}

/** A step of which a test can see how often it ran at once. */
const observed = () => {
  const seen = { running: 0, most: 0, started: [] as Array<number> }
  const waits = {
    none: () => Effect.void,
    yield: () => Effect.yieldNow,
    sleep: (millis: number) => Effect.sleep(millis),
    promise: () => Effect.promise(async () => {})
  }
  const request = ({ end, millis, n, wait }: Item) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        seen.started.push(n)
        seen.most = Math.max(seen.most, ++seen.running)
      }),
      () =>
        Effect.andThen(
          waits[wait](millis),
          end === "fail" ? Effect.fail("boom") : end === "die" ? Effect.die("bug") : Effect.void
        ),
      () => Effect.sync(() => seen.running--)
    )
  const work = Handler.make("work", {
    shared: Total,
    handleRequest: (item: Item) => {
      if (item.end === "throw") throw new Error("bug")
      return request(item)
    },
    processResults: ({ params, shared }) => {
      if (params.end === "throw later") throw new Error("bug")
      return params.end === "skip"
        ? Handler.skip("said so")
        : Handler.next("done", { order: [...shared.order, params.n] })
    }
  })
  // Promises with and without an effect before them.
  const confirm = Handler.fromPromise("confirm", { handleRequest: async ({ n }: Item) => n })
  const pipeline = Pipeline.make("laws", {
    handlers: { work, confirm },
    start: "work",
    routes: { work: { done: "confirm" } }
  })
  return { seen, pipeline }
}

/** Moves the clock until the fiber has ended, with turns of the event loop for promises. */
const finish = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    while (fiber.pollUnsafe() === undefined) {
      yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
      yield* TestClock.adjust(10)
    }
    return yield* Fiber.join(fiber)
  })

const itemsOf = (plans: ReadonlyArray<Plan>): ReadonlyArray<Item> => plans.map((plan, n) => ({ ...plan, n }))

const expectedTag = ({ end }: Plan) => (end === "ok" ? "Succeeded" : end === "skip" ? "Skipped" : "Failed")

const laws = { arbitrary: { runs: 300, size: 100 }, timeout: 30_000 }

describe("Batch", () => {
  describe("run obeys", () => {
    it.effect.prop(
      "collect-all gives each input the outcome of its plan, in order, whatever the delays",
      { plans: Plans, concurrency: Concurrency, source: Source },
      ({ concurrency, plans, source }) =>
        Effect.gen(function* () {
          const items = itemsOf(plans)
          const { pipeline, seen } = observed()

          const fiber = yield* Effect.forkChild(
            Batch.run(pipeline, {
              params: inputOf(source, items),
              shared: { order: [] },
              concurrency,
              mode: "collect-all"
            })
          )
          const report = yield* finish(fiber)

          assert.deepStrictEqual(
            report.outcomes.map(({ _tag }) => _tag),
            items.map(expectedTag)
          )
          assert.deepStrictEqual(
            report.outcomes.map(({ params }) => params.n),
            items.map(({ n }) => n)
          )
          assert.deepInclude(report, { ...countsOf(report.outcomes), exhausted: true })
          assert.deepStrictEqual(
            report.shared.order.toSorted((a, b) => a - b),
            items.filter(({ end }) => end === "ok").map(({ n }) => n)
          )
          assert.isAtMost(seen.most, concurrency)
          assert.strictEqual(seen.running, 0)
        }),
      laws
    )

    it.effect.prop(
      "fail-fast accounts for every input, fails once at most for a typed error, and leaves nothing running",
      { plans: Plans, concurrency: Concurrency, source: Source },
      ({ concurrency, plans, source }) =>
        Effect.gen(function* () {
          const items = itemsOf(plans)
          const { pipeline, seen } = observed()

          const fiber = yield* Effect.forkChild(
            Batch.run(pipeline, { params: inputOf(source, items), shared: { order: [] }, concurrency }).pipe(
              Effect.catch(({ report }) => Effect.succeed(report))
            )
          )
          const report = yield* finish(fiber)
          const started = seen.started.length

          const fails = items.some((item) => expectedTag(item) === "Failed")
          assert.deepInclude(report, countsOf(report.outcomes))
          assert.deepStrictEqual(
            report.outcomes.map(({ index, params }) => [index, params.n]),
            report.outcomes.map((_, n) => [n, n])
          )
          assert.strictEqual(report.failed, fails ? 1 : 0)
          assert.isTrue(fails || report.total === items.length)
          assert.isTrue(source !== "array" || report.total === items.length)
          assert.isAtMost(started, report.total - report.notStarted)
          assert.strictEqual(seen.running, 0)
        }),
      laws
    )

    it.effect.prop(
      "concurrency 1 is a fold over the items, one after the other",
      { plans: Plans, source: Source },
      ({ plans, source }) =>
        Effect.gen(function* () {
          const items = itemsOf(plans)
          const { pipeline, seen } = observed()

          const fiber = yield* Effect.forkChild(
            Batch.run(pipeline, {
              params: inputOf(source, items),
              shared: { order: [] },
              concurrency: 1,
              mode: "collect-all"
            })
          )
          const report = yield* finish(fiber)

          assert.deepStrictEqual(
            report.shared.order,
            items.filter(({ end }) => end === "ok").map(({ n }) => n)
          )
          assert.deepStrictEqual(
            seen.started,
            items.filter(({ end }) => end !== "throw").map(({ n }) => n)
          )
        }),
      laws
    )

    it.effect.prop(
      "stream emits each outcome of run exactly once",
      { plans: Plans, concurrency: Concurrency, source: Source, mode: Schema.Literals(["fail-fast", "collect-all"]) },
      ({ concurrency, mode, plans, source }) =>
        Effect.gen(function* () {
          const items = itemsOf(plans)
          const { pipeline } = observed()
          const indexes: Array<number> = []
          const tags: Array<string> = []

          const options = { params: inputOf(source, items), shared: { order: [] }, concurrency, mode }
          const consume = Stream.runForEach(Batch.stream(pipeline, options), ({ _tag, index }) =>
            Effect.sync(() => {
              indexes.push(index)
              tags.push(_tag)
            })
          )
          yield* finish(yield* Effect.forkChild(Effect.exit(consume)))

          assert.deepStrictEqual(
            indexes.toSorted((a, b) => a - b),
            indexes.map((_, n) => n)
          )
          assert.isTrue(mode === "fail-fast" || tags.length === items.length)
          assert.isTrue(source !== "array" || tags.length === items.length)
        }),
      laws
    )

    it.effect.prop(
      "an interruption at any time leaves nothing running and reports every item",
      {
        plans: Plans,
        concurrency: Concurrency,
        source: Source,
        after: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
      },
      ({ after, concurrency, plans, source }) =>
        Effect.gen(function* () {
          const items = itemsOf(plans)
          const { pipeline, seen } = observed()
          const reports: Array<object> = []

          const fiber = yield* Effect.forkChild(
            Batch.run(pipeline, {
              params: inputOf(source, items),
              shared: { order: [] },
              concurrency,
              mode: "collect-all",
              onInterrupt: (report) =>
                Effect.sync(() => {
                  assert.deepInclude(report, countsOf(report.outcomes))
                  reports.push(report)
                })
            })
          )
          yield* TestClock.adjust(after)
          const ended = fiber.pollUnsafe() !== undefined
          yield* Fiber.interrupt(fiber)

          assert.strictEqual(seen.running, 0)
          assert.isAtMost(reports.length, ended ? 0 : 1)
        }),
      laws
    )
  })
})
