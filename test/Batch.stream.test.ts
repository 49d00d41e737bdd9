import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, BatchFailed, Gate, Handler, InvalidOptions, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

/** A pipeline of one step. */
const pipelineOf = <E, R>(handleRequest: (params: N) => Effect.Effect<unknown, E, R>) => {
  const step = Handler.make("step", { handleRequest })
  return Pipeline.make("pipeline", { handlers: { step }, start: "step" })
}

describe("Batch", () => {
  describe("stream", () => {
    it.effect("emits outcomes as the items end", () =>
      Effect.gen(function* () {
        const seen: Array<number> = []
        const pipeline = pipelineOf(({ n }) => Effect.sleep(1000 * (3 - n)))

        const fiber = yield* Effect.forkChild(
          Stream.runForEach(Batch.stream(pipeline, { params: numbers(3) }), ({ index }) =>
            Effect.sync(() => seen.push(index))
          )
        )
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(seen, [2])
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(seen, [2, 1, 0])
      })
    )

    it.effect("emits nothing for an empty input", () =>
      Effect.gen(function* () {
        const outcomes = yield* Stream.runCollect(
          Batch.stream(
            pipelineOf(() => Effect.void),
            { params: [] }
          )
        )

        assert.deepStrictEqual(outcomes, [])
      })
    )

    it.effect.each([1, 8])("does not run ahead of a slow consumer by more than concurrency %s and 16", (concurrency) =>
      Effect.gen(function* () {
        let started = 0
        const taken = yield* Queue.unbounded<number>()
        const pipeline = pipelineOf(() => Effect.sync(() => started++))

        const fiber = yield* Effect.forkChild(
          Stream.runForEach(Batch.stream(pipeline, { params: numbers(1000), concurrency }), ({ index }) =>
            Effect.andThen(Queue.offer(taken, index), Effect.sleep("1 second"))
          )
        )
        const ahead: Array<number> = []
        for (let consumed = 1; consumed <= 20; consumed++) {
          yield* Queue.take(taken)
          yield* TestClock.adjust(0)
          ahead.push(started - consumed)
          yield* TestClock.adjust("1 second")
        }

        assert.isAtMost(Math.max(...ahead), concurrency + 16)
        assert.isAtLeast(Math.min(...ahead), 8)
        yield* Fiber.interrupt(fiber)
      })
    )

    it.effect.each([0, 1, 37, 99])("emits every outcome once before the failure of item %s", (failing) =>
      Effect.gen(function* () {
        const seen: Array<readonly [number, string]> = []
        const pipeline = pipelineOf(({ n }) =>
          n === failing ? Effect.fail("boom" as const) : n % 3 === 0 ? Effect.yieldNow : Effect.void
        )

        const failed = yield* Batch.stream(pipeline, { params: numbers(100), concurrency: 5 }).pipe(
          Stream.runForEach(({ _tag, index }) =>
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => seen.push([index, _tag]))
            )
          ),
          Effect.flip
        )

        assert.instanceOf(failed, BatchFailed)
        assert.strictEqual(failed.error, "boom")
        const sorted = seen.toSorted(([a], [b]) => a - b)
        assert.deepStrictEqual(
          sorted.map(([index]) => index),
          numbers(100).map(({ n }) => n)
        )
        assert.strictEqual(sorted[failing]![1], "Failed")
        const counts = (tag: string) => seen.filter(([, other]) => other === tag).length
        const { interrupted, notStarted, succeeded } = failed.report
        assert.deepStrictEqual(
          [succeeded, interrupted, notStarted],
          [counts("Succeeded"), counts("Interrupted"), counts("NotStarted")]
        )
      })
    )

    it.effect("emits the failure itself where it comes in the continuation of a promise", () =>
      Effect.gen(function* () {
        const ask = Handler.fromPromise("ask", {
          handleRequest: async ({ n }: N) => (n === 2 ? Promise.reject("boom") : n),
          catch: () => "boom" as const
        })
        const pipeline = Pipeline.make("asking", { handlers: { ask }, start: "ask" })
        const seen: Array<string> = []

        const failed = yield* Batch.stream(pipeline, { params: numbers(4), concurrency: 1 }).pipe(
          Stream.runForEach(({ _tag }) => Effect.sync(() => seen.push(_tag))),
          Effect.flip
        )

        assert.strictEqual(failed.error, "boom")
        assert.deepStrictEqual(seen.toSorted(), ["Failed", "NotStarted", "Succeeded", "Succeeded"])
      })
    )

    it.effect.each([1, 2, 20])("emits the item whose place at a gate went to the failure, at item %s", (failing) =>
      Effect.gen(function* () {
        const ask = Handler.fromPromise("ask", {
          handleRequest: ({ n }: N) => {
            if (n === failing) throw new Error("boom")
            return Promise.resolve(n)
          }
        })
        const pipeline = Pipeline.make("asking", { handlers: { ask }, start: "ask" })
        const seen: Array<string> = []

        const failed = yield* Batch.stream(pipeline, {
          params: numbers(40),
          concurrency: 4,
          gate: Gate.make({ concurrency: 1 })
        }).pipe(
          Stream.runForEach(({ _tag }) => Effect.sync(() => seen.push(_tag))),
          Effect.flip
        )

        assert.strictEqual(failed.report.succeeded, failing)
        assert.strictEqual(seen.filter((tag) => tag === "Succeeded").length, failing)
        assert.lengthOf(seen, 40)
      })
    )

    it.effect("emits what came before the error of a failing input", () =>
      Effect.gen(function* () {
        const seen: Array<number> = []
        const params = Stream.concat(Stream.fromIterable(numbers(30)), Stream.fail("down" as const))

        const error = yield* Batch.stream(
          pipelineOf(() => Effect.void),
          { params, concurrency: 2, mode: "collect-all" }
        ).pipe(
          Stream.runForEach(({ index }) =>
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => seen.push(index))
            )
          ),
          Effect.flip
        )

        assert.strictEqual(error, "down")
        assert.deepStrictEqual(
          seen.toSorted((a, b) => a - b),
          numbers(30).map(({ n }) => n)
        )
      })
    )

    it.effect("never fails with mode collect-all", () =>
      Effect.gen(function* () {
        const pipeline = pipelineOf(({ n }) =>
          n % 2 === 0 ? Effect.fail("even") : n === 3 ? Effect.die("bug") : Effect.void
        )

        const outcomes: ReadonlyArray<{ readonly index: number; readonly _tag: string }> = yield* Stream.runCollect(
          Batch.stream(pipeline, { params: numbers(5), mode: "collect-all", concurrency: 1 })
        )

        assert.deepStrictEqual(
          outcomes.map(({ _tag }) => _tag),
          ["Failed", "Succeeded", "Failed", "Failed", "Failed"]
        )
      })
    )

    it.effect("is interrupted, finalizers and input included, where the consumer has enough", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        function* endless(): Generator<N> {
          try {
            for (let n = 0; ; n++) yield { n }
          } finally {
            log.push("closed")
          }
        }
        const pipeline = pipelineOf(({ n }) =>
          n < 3 ? Effect.void : Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push(`interrupted ${n}`)))
        )

        const outcomes = yield* Batch.stream(pipeline, { params: endless(), concurrency: 2 }).pipe(
          Stream.take(3),
          Stream.runCollect
        )

        assert.deepStrictEqual(
          outcomes.map(({ index }) => index),
          [0, 1, 2]
        )
        assert.deepStrictEqual(log, ["interrupted 3", "interrupted 4", "closed"])
      })
    )

    it.effect("gives its handlers the services of the consumer", () =>
      Effect.gen(function* () {
        class Factor extends Context.Service<Factor, number>()("Factor") {}
        const pipeline = pipelineOf(({ n }) => Effect.map(Factor, (factor) => n * factor))

        const outcomes = yield* Batch.stream(pipeline, { params: numbers(3) }).pipe(
          Stream.runCollect,
          Effect.provideService(Factor, 10)
        )

        assert.deepStrictEqual(
          outcomes.map((outcome) => outcome._tag === "Succeeded" && outcome.output),
          [0, 10, 20]
        )
      })
    )

    it.effect("dies with InvalidOptions", () =>
      Effect.gen(function* () {
        const stream = Batch.stream(
          pipelineOf(() => Effect.void),
          { params: numbers(1), concurrency: 0 }
        )

        const defect = yield* Effect.catchDefect(Stream.runDrain(stream), Effect.succeed)

        assert.instanceOf(defect, InvalidOptions)
      })
    )

    it.effect("ends with all outcomes of 10,000 items", () =>
      Effect.gen(function* () {
        const sum = yield* Batch.stream(
          pipelineOf(({ n }) => (n % 7 === 0 ? Effect.yieldNow : Effect.void)),
          {
            params: numbers(10_000),
            concurrency: 32
          }
        ).pipe(
          Stream.runFold(
            () => 0,
            (sum, { index }) => sum + index
          )
        )

        assert.strictEqual(sum, (9999 * 10_000) / 2)
      })
    )
  })
})
