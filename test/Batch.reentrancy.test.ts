import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Ref } from "effect"
import { TestClock } from "effect/testing"
import { Handler as ClassHandler, ParallelBatchPipeline, Pipeline as ClassPipeline } from "parallel-batch-pipeline"
import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"

const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }))

describe("Batch", () => {
  describe("a failure", () => {
    it.effect("starts nothing any more while the finalizers of its item still run", () =>
      Effect.gen(function* () {
        const started: Array<number> = []
        const step = Handler.make("step", {
          handleRequest: ({ n }: { readonly n: number }) =>
            Effect.suspend(() => {
              started.push(n)
              return n === 0
                ? Effect.andThen(
                    Effect.addFinalizer(() => Effect.sleep("1 second")),
                    Effect.fail("no")
                  )
                : Effect.sleep("1 millis")
            })
        })
        const pipeline = Pipeline.make("slow finalizer", { handlers: { step }, start: "step" })

        yield* TestClock.adjust(0)
        const fiber = yield* Effect.forkChild(
          Effect.flip(Batch.run(pipeline, { params: numbers(100), concurrency: 4 }))
        )
        for (let i = 0; i < 20; i++) yield* TestClock.adjust("100 millis")
        const failed = yield* Fiber.join(fiber)

        assert.deepStrictEqual(started, [0])
        assert.strictEqual(failed.error, "no")
        assert.deepStrictEqual([failed.report.failed, failed.report.notStarted], [1, 99])
      })
    )
  })

  describe("an interruption from inside of an item, behind a promise", () => {
    it.effect("leaves the shared data as it was, and begins no further step", () =>
      Effect.gen(function* () {
        const shared = yield* Ref.make(0)
        const controller = new AbortController()
        const steps: Array<string> = []
        const first = Handler.fromPromise("first", {
          prepareInputs: ({ shared }: { readonly shared: number }) => shared,
          handleRequest: async (n) => n,
          processResults: ({ shared }) => {
            controller.abort()
            return Handler.next("go", shared + 1)
          }
        })
        const second = Handler.make("second", { handleRequest: () => Effect.sync(() => steps.push("second")) })
        const pipeline = Pipeline.make("aborting", {
          handlers: { first, second },
          start: "first",
          routes: { first: { go: "second" } }
        })

        const batch = Batch.run(pipeline, { params: [{}], shared })
        const exit = yield* Effect.promise(() => Effect.runPromiseExit(batch, { signal: controller.signal }))

        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual([yield* Ref.get(shared), steps], [0, []])
      })
    )
  })

  describe("batches inside of items", () => {
    it("count their items from 0, each for itself", async () => {
      const indexes: Array<ReadonlyArray<number>> = []
      class Work extends ClassHandler<unknown, void> {
        protected async handleRequest(): Promise<void> {}
      }
      class Inner extends ParallelBatchPipeline {
        protected override processBatchResults(): string {
          indexes.push(this.getReport().outcomes.map((outcome) => outcome.index))
          return "default"
        }
      }
      const inner = new Inner(new ClassPipeline(new Work()), { params: () => numbers(3) })
      const outer = new ParallelBatchPipeline(new ClassPipeline(inner), { params: () => numbers(3), concurrency: 2 })

      await outer.run({})

      assert.deepStrictEqual(indexes, [
        [0, 1, 2],
        [0, 1, 2],
        [0, 1, 2]
      ])
    })
  })
})
