import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

/** A pipeline of one step. */
const pipelineOf = <E>(handleRequest: (params: N) => Effect.Effect<unknown, E, Scope.Scope>) => {
  const step = Handler.make("step", { handleRequest })
  return Pipeline.make("pipeline", { handlers: { step }, start: "step" })
}

const modes = ["fail-fast", "collect-all"] as const

describe("Batch", () => {
  describe("interruption from outside", () => {
    it.effect.each(modes)("runs every finalizer and hands the report to onInterrupt, in mode %s", (mode) =>
      Effect.gen(function* () {
        // The first sleep under a test clock is interruptible, also in a finalizer; after a step of the clock none is.
        yield* TestClock.adjust(0)
        const log: Array<string> = []
        const pipeline = pipelineOf(({ n }) =>
          n < 2
            ? Effect.void
            : Effect.acquireRelease(Effect.void, () =>
                Effect.delay(
                  Effect.sync(() => log.push(`released ${n}`)),
                  "1 second"
                )
              ).pipe(Effect.andThen(Effect.never))
        )
        const onInterrupt = (report: { readonly outcomes: ReadonlyArray<{ readonly _tag: string }> }) =>
          Effect.sync(() => log.push(...report.outcomes.map(({ _tag }) => _tag)))

        const batch = yield* Effect.forkChild(
          Batch.run(pipeline, { params: numbers(6), concurrency: 2, mode, onInterrupt }),
          { startImmediately: true }
        )
        const interrupting = yield* Effect.forkChild(Fiber.interrupt(batch), { startImmediately: true })
        yield* TestClock.adjust("999 millis")
        assert.isUndefined(batch.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(interrupting)

        const tags = ["Succeeded", "Succeeded", "Interrupted", "Interrupted", "NotStarted", "NotStarted"]
        assert.deepStrictEqual(log, ["released 2", "released 3", ...tags])
      })
    )

    it.effect("counts what had finished, what ran, and what had not started", () =>
      Effect.gen(function* () {
        const counts: Array<object> = []
        const pipeline = pipelineOf(({ n }) => (n === 0 ? Effect.fail("boom") : n === 1 ? Effect.void : Effect.never))

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, {
            params: numbers(10),
            concurrency: 3,
            mode: "collect-all",
            onInterrupt: ({ failed, interrupted, notStarted, succeeded, total }) =>
              Effect.sync(() => counts.push({ failed, interrupted, notStarted, succeeded, total }))
          }),
          { startImmediately: true }
        )
        yield* Fiber.interrupt(fiber)

        assert.deepStrictEqual(counts, [{ failed: 1, interrupted: 3, notStarted: 5, succeeded: 1, total: 10 }])
      })
    )

    it.effect.each([
      ["fails", () => Effect.die("bug")],
      [
        "throws",
        () => {
          throw new Error("bug")
        }
      ]
    ] as ReadonlyArray<readonly [string, () => Effect.Effect<void>]>)(
      "ends as an interruption where onInterrupt %s",
      ([, onInterrupt]) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(
            Batch.run(
              pipelineOf(() => Effect.never),
              { params: numbers(2), onInterrupt }
            ),
            { startImmediately: true }
          )

          yield* Fiber.interrupt(fiber)
          const exit = yield* Fiber.await(fiber)

          assert(exit._tag === "Failure")
          assert.deepStrictEqual(
            exit.cause.reasons.map((reason) => reason._tag),
            ["Interrupt"]
          )
        })
    )

    it.effect("starts no item any more", () =>
      Effect.gen(function* () {
        const started: Array<number> = []
        const released = yield* Deferred.make<void>()
        const pipeline = pipelineOf(({ n }) => {
          started.push(n)
          // The end of item 0 lets item 1 succeed, just before it is interrupted as well.
          return n === 0
            ? Effect.onInterrupt(Effect.never, () => Deferred.succeed(released, undefined))
            : Deferred.await(released)
        })

        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: numbers(5), concurrency: 2 }), {
          startImmediately: true
        })
        yield* Fiber.interrupt(fiber)

        assert.deepStrictEqual(started, [0, 1])
      })
    )

    it.effect("runs nothing, and closes the input, where it comes before the batch starts", () =>
      Effect.gen(function* () {
        const log: Array<unknown> = []
        const params = Stream.ensuring(
          Stream.fromIterable(numbers(3)),
          Effect.sync(() => log.push("closed"))
        )
        const pipeline = pipelineOf(({ n }) => Effect.sync(() => log.push(n)))
        const onInterrupt = ({ total }: { readonly total: number }) => Effect.sync(() => log.push({ total }))

        const fiber = yield* Effect.forkChild(
          Effect.andThen(
            Effect.interruptible(Effect.withFiber((self) => Effect.sync(() => self.interruptUnsafe()))),
            Batch.run(pipeline, { params, onInterrupt })
          )
        )
        yield* Fiber.await(fiber)

        assert.isTrue(
          log.every((entry) => typeof entry !== "number"),
          String(log)
        )
      })
    )

    it.effect.each(modes)("ends a batch that waits for a silent async source, in mode %s", (mode) =>
      Effect.gen(function* () {
        let returned = 0
        const silent: AsyncIterable<N> = {
          [Symbol.asyncIterator]: () => ({
            next: () => new Promise(() => {}),
            return: async () => {
              returned++
              return { done: true, value: undefined }
            }
          })
        }
        const fiber = yield* Effect.forkChild(
          Batch.run(
            pipelineOf(() => Effect.void),
            { params: silent, mode }
          ),
          {
            startImmediately: true
          }
        )

        yield* Fiber.interrupt(fiber)

        assert.strictEqual(returned, 1)
      })
    )

    it.effect.each(modes)("ends a batch that waits for a silent stream, and closes it, in mode %s", (mode) =>
      Effect.gen(function* () {
        let closed = 0
        const silent = Stream.ensuring(
          Stream.concat(Stream.fromIterable(numbers(2)), Stream.never),
          Effect.sync(() => closed++)
        )
        const fiber = yield* Effect.forkChild(
          Batch.run(
            pipelineOf(() => Effect.yieldNow),
            { params: silent, mode }
          )
        )

        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(fiber)

        assert.strictEqual(closed, 1)
      })
    )

    it.effect("ends a batch of 2,000 items in the middle of its ramp", () =>
      Effect.gen(function* () {
        const totals: Array<number> = []
        const started: Array<number> = []
        const fiber: Fiber.Fiber<unknown, unknown> = yield* Effect.forkChild(
          Batch.run(
            pipelineOf(({ n }) => {
              started.push(n)
              if (n === 700) fiber.interruptUnsafe()
              return Effect.never
            }),
            {
              params: numbers(2000),
              concurrency: "unbounded",
              onInterrupt: (report) =>
                Effect.sync(() =>
                  totals.push(report.total, report.interrupted + report.notStarted, report.outcomes.length)
                )
            }
          )
        )

        yield* Fiber.await(fiber)

        assert.deepStrictEqual(totals, [2000, 2000, 2000])
      })
    )
  })

  describe("finalizers of an item", () => {
    it.effect("have run before the outcome is reported and before the next item starts", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const pipeline = pipelineOf(({ n }) =>
          Effect.andThen(
            Effect.sync(() => log.push(`start ${n}`)),
            Effect.addFinalizer(() =>
              Effect.andThen(
                Effect.yieldNow,
                Effect.sync(() => log.push(`finalize ${n}`))
              )
            )
          )
        )

        yield* Batch.run(pipeline, { params: numbers(3), concurrency: 1 })

        assert.deepStrictEqual(log, ["start 0", "finalize 0", "start 1", "finalize 1", "start 2", "finalize 2"])
      })
    )

    it.effect("end child fibers that the item has forked before the next item starts", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const pipeline = pipelineOf(({ n }) =>
          Effect.andThen(
            Effect.sync(() => log.push(`start ${n}`)),
            Effect.forkChild(
              Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push(`end ${n}`))),
              {
                startImmediately: true
              }
            )
          )
        )

        yield* Batch.run(pipeline, { params: numbers(2), concurrency: 1 })

        assert.deepStrictEqual(log, ["start 0", "end 0", "start 1", "end 1"])
      })
    )

    it.effect("fail the item when they die", () =>
      Effect.gen(function* () {
        const pipeline = pipelineOf(({ n }) => Effect.addFinalizer(() => (n === 1 ? Effect.die("bug") : Effect.void)))

        const report = yield* Batch.run(pipeline, { params: numbers(3), mode: "collect-all" })

        assert.deepStrictEqual(
          report.outcomes.map(({ _tag }) => _tag),
          ["Succeeded", "Failed", "Succeeded"]
        )
      })
    )

    it.effect("see how the item ended", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const pipeline = pipelineOf(({ n }) =>
          Effect.andThen(
            Effect.addFinalizer((exit) => Effect.sync(() => log.push(`${n} ${exit._tag}`))),
            n === 1 ? Effect.fail("boom") : Effect.void
          )
        )

        yield* Batch.run(pipeline, { params: numbers(2), mode: "collect-all", concurrency: 1 })

        assert.deepStrictEqual(log, ["0 Success", "1 Failure"])
      })
    )
  })
})
