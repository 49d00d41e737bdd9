import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Option, Stream, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

const nap = Handler.make("nap", { handleRequest: (_params: N) => Effect.sleep("1 second") })
const napping = Pipeline.make("napping", { handlers: { nap }, start: "nap" })

/** A tracer that keeps every span, with the name of its parent. */
const makeTracer = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const parentOf = (span: Tracer.NativeSpan) => {
    const parent = Option.getOrUndefined(span.parent)
    return parent?._tag === "Span" ? parent.name : undefined
  }
  return { spans, tracer, parentOf }
}

describe("Batch", () => {
  describe("time", () => {
    it.effect.each([
      [16, 13],
      [200, 1],
      ["unbounded", 1],
      [1, 200]
    ] as const)(
      "takes 200 items of a second through at concurrency %s in %s seconds, not a millisecond less",
      ([concurrency, seconds]) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(Batch.run(napping, { params: numbers(200), concurrency }))

          yield* TestClock.adjust(seconds * 1000 - 1)
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust(1)
          const report = yield* Fiber.join(fiber)

          assert.strictEqual(Duration.toMillis(report.duration), seconds * 1000)
          assert.isTrue(
            report.outcomes.every(
              (outcome) => outcome._tag === "Succeeded" && Duration.toMillis(outcome.duration) === 1000
            )
          )
        })
    )

    it.effect("counts finalizers into the duration of an item, and waiting for the input into none", () =>
      Effect.gen(function* () {
        const step = Handler.make("step", {
          handleRequest: ({ n }: N) =>
            Effect.andThen(
              Effect.addFinalizer(() => Effect.sleep(10)),
              Effect.sleep(n)
            )
        })
        const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })
        async function* params(): AsyncGenerator<N> {
          yield { n: 100 }
          yield { n: 200 }
        }

        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: params(), concurrency: 1 }))
        for (let step = 0; step < 40; step++) {
          yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
          yield* TestClock.adjust(10)
        }
        const report = yield* Fiber.join(fiber)

        const durations = report.outcomes.map(
          (outcome) => outcome._tag === "Succeeded" && Duration.toMillis(outcome.duration)
        )
        assert.deepStrictEqual(durations, [110, 210])
      })
    )

    it.effect("says how long an interrupted item ran, and how long the batch", () =>
      Effect.gen(function* () {
        const step = Handler.make("step", {
          handleRequest: ({ n }: N) => (n === 1 ? Effect.delay(Effect.fail("boom"), 500) : Effect.never)
        })
        const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })

        const fiber = yield* Effect.forkChild(Effect.flip(Batch.run(pipeline, { params: numbers(2) })))
        yield* TestClock.adjust("1 second")
        const { report } = yield* Fiber.join(fiber)

        const durations = report.outcomes.map(
          (outcome) => outcome._tag !== "NotStarted" && Duration.toMillis(outcome.duration)
        )
        assert.deepStrictEqual([durations, Duration.toMillis(report.duration)], [[500, 500], 500])
      })
    )
  })

  describe("tracing", () => {
    const double = Handler.make("double", { handleRequest: ({ n }: N) => Effect.succeed(n * 2) })
    const ask = Handler.fromPromise("ask", { handleRequest: async (_params: N) => "answer" })
    const flaky = Handler.make("flaky", {
      handleRequest: ({ n }: N) => (n === 1 ? Effect.fail("odd") : Effect.yieldNow),
      retry: { times: 2 }
    })
    const pipeline = Pipeline.make("traced", {
      handlers: { double, ask, flaky },
      start: "double",
      routes: { double: { default: "ask" }, ask: { default: "flaky" } }
    })

    const options = { params: numbers(3), mode: "collect-all", key: ({ n }: N) => `number ${n}` } as const
    const batches = [
      ["run", Batch.run(pipeline, options)],
      ["fork", Effect.scoped(Effect.flatMap(Batch.fork(pipeline, options), (handle) => handle.await))],
      ["stream", Stream.runDrain(Batch.stream(pipeline, options))]
    ] as const
    it.effect.each(batches)("makes one span for each step run, inside that of the batch (%s)", ([, batch]) =>
      Effect.gen(function* () {
        const { parentOf, spans, tracer } = makeTracer()

        yield* Effect.withTracer(batch, tracer)

        const names = spans.map((span) => span.name).toSorted()
        const steps = ["double", "ask", "flaky"].flatMap((name) => Array<string>(3).fill(`Handler.${name}`))
        assert.deepStrictEqual(names, ["Batch.run", ...steps].toSorted())
        assert.isTrue(spans.every((span) => span.name === "Batch.run" || parentOf(span) === "Batch.run"))
        assert.isTrue(spans.every((span) => span.status._tag === "Ended"))
        const items = spans
          .filter((span) => span.name === "Handler.ask")
          .map(({ attributes }) => [attributes.get("item.index"), attributes.get("item.key")])
        assert.deepStrictEqual(
          items.toSorted(),
          [0, 1, 2].map((n) => [n, `number ${n}`])
        )
      })
    )

    it.effect("makes a span for Pipeline.run and its steps", () =>
      Effect.gen(function* () {
        const { spans, tracer } = makeTracer()

        yield* Effect.withTracer(Pipeline.run(pipeline, { params: { n: 0 } }), tracer)

        const names = spans.map((span) => span.name)
        assert.deepStrictEqual(names, ["Pipeline.run", "Handler.double", "Handler.ask", "Handler.flaky"])
      })
    )

    it.effect("makes no spans for steps where nobody looks", () =>
      Effect.gen(function* () {
        const names: Array<string | undefined> = []
        const step = Handler.make("step", {
          handleRequest: (_params: N) =>
            Effect.map(Effect.option(Effect.currentSpan), (span) => names.push(Option.getOrUndefined(span)?.name))
        })
        const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })

        yield* Batch.run(pipeline, { params: numbers(2) })

        assert.deepStrictEqual(names, ["Batch.run", "Batch.run"])
      })
    )
  })
})
