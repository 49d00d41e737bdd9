import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, InvalidOptions, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

/** Every item takes a second, and those from 100 on fail. */
const observed = () => {
  const started: Array<number> = []
  const step = Handler.make("step", {
    handleRequest: ({ n }: N) =>
      Effect.suspend(() => {
        started.push(n)
        return Effect.delay(n >= 100 ? Effect.fail("large") : Effect.succeed(n), "1 second")
      })
  })
  return { started, pipeline: Pipeline.make("step", { handlers: { step }, start: "step" }) }
}

const tags = (report: { readonly outcomes: ReadonlyArray<{ readonly _tag: string }> }) =>
  report.outcomes.map((outcome) => outcome._tag)

const finish = <A, E>(batch: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(batch, { startImmediately: true })
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

describe("Batch", () => {
  describe("canary", () => {
    it.effect("runs the first items, and the others after they have ended well", () =>
      Effect.gen(function* () {
        const { pipeline, started } = observed()
        const batch = yield* Batch.fork(pipeline, { params: numbers(20), canary: { items: 3 } })
        yield* TestClock.adjust("500 millis")
        const first = [...started]
        yield* TestClock.adjust("500 millis")
        yield* TestClock.adjust(1)
        const then = started.length
        yield* TestClock.adjust("10 seconds")
        const report = yield* batch.await

        assert.deepStrictEqual([first, then], [[0, 1, 2], 19])
        assert.deepStrictEqual([report.succeeded, report.endedBy._tag], [20, "Completed"])
        assert.strictEqual(Duration.toSeconds(report.duration), 3)
      })
    )

    it.effect("ends the batch with its report where one of them failed", () =>
      Effect.gen(function* () {
        const { pipeline, started } = observed()
        const report = yield* finish(
          Batch.run(pipeline, {
            params: [{ n: 0 }, { n: 100 }, ...numbers(5)],
            mode: "collect-all",
            canary: { items: 2 }
          })
        )

        assert.deepStrictEqual(started, [0, 100])
        assert.deepStrictEqual(tags(report), ["Succeeded", "Failed", ...Array(5).fill("NotStarted")])
        assert.deepStrictEqual(report.endedBy, { _tag: "Canary", items: 2 })
      })
    )

    it.effect("asks the check, with the report so far and its own services", () =>
      Effect.gen(function* () {
        class Bound extends Context.Service<Bound, { readonly most: number }>()("Bound") {}
        const { pipeline } = observed()
        const seen: Array<ReadonlyArray<string>> = []
        const run = (most: number) =>
          finish(
            Batch.run(pipeline, {
              params: [{ n: 100 }, { n: 100 }, { n: 1 }, { n: 2 }],
              mode: "collect-all",
              canary: {
                items: 3,
                check: (report) =>
                  Effect.map(Bound, (bound) => {
                    seen.push(tags(report))
                    return report.failed <= bound.most
                  })
              }
            }).pipe(Effect.provideService(Bound, { most }))
          )

        assert.deepStrictEqual(tags(yield* run(2)), ["Failed", "Failed", "Succeeded", "Succeeded"])
        assert.deepStrictEqual(tags(yield* run(1)), ["Failed", "Failed", "Succeeded", "NotStarted"])
        assert.deepStrictEqual(seen, [
          ["Failed", "Failed", "Succeeded"],
          ["Failed", "Failed", "Succeeded"]
        ])
      })
    )

    it.effect("does not ask where there are no others", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const never = () => assert.fail("asked")
        for (const count of [0, 1, 3]) {
          const report = yield* finish(
            Batch.run(pipeline, { params: numbers(count), canary: { items: 3, check: never } })
          )
          assert.deepStrictEqual([report.succeeded, report.endedBy._tag], [count, "Completed"])
        }
      })
    )

    it.effect("works on lazy inputs, and with fewer places than canaries", () =>
      Effect.gen(function* () {
        const { pipeline, started } = observed()
        const no = { items: 4, check: () => false }
        const generator = yield* finish(
          Batch.run(pipeline, { params: numbers(9).values(), concurrency: 2, canary: no })
        )
        const stream = yield* finish(Batch.run(pipeline, { params: Stream.fromIterable(numbers(9)), canary: no }))
        const silent = yield* finish(
          Batch.run(pipeline, { params: Stream.concat(Stream.fromIterable(numbers(4)), Stream.never), canary: no })
        )

        assert.deepInclude(generator, { total: 4, succeeded: 4, exhausted: false })
        assert.deepInclude(stream, { total: 9, succeeded: 4, notStarted: 5 })
        assert.deepInclude(silent, { total: 4, succeeded: 4, exhausted: false })
        assert.strictEqual(started.length, 12)
      })
    )

    it.effect("is over when the batch fails, stops or is interrupted before", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const never = () => assert.fail("asked")
        const canary = { items: 2, check: never }
        const failed = yield* Effect.flip(
          finish(Batch.run(pipeline, { params: [{ n: 100 }, { n: 0 }, { n: 1 }], canary }))
        )
        const late = yield* finish(Batch.run(pipeline, { params: numbers(3), canary, timeout: 500 }))

        assert.deepStrictEqual(tags(failed.report), ["Failed", "Interrupted", "NotStarted"])
        assert.deepStrictEqual(tags(late), ["Interrupted", "Interrupted", "NotStarted"])
      })
    )

    it.effect("waits for items that share the outcome of a canary", () =>
      Effect.gen(function* () {
        const { pipeline, started } = observed()
        const report = yield* finish(
          Batch.run(pipeline, {
            params: [{ n: 0 }, { n: 0 }, { n: 0 }, { n: 1 }],
            canary: { items: 2, check: ({ succeeded }) => succeeded === 2 },
            duplicates: "share"
          })
        )

        assert.deepStrictEqual([started, report.succeeded], [[0, 1], 4])
      })
    )

    it.effect("lets a timeout pass while the check takes its time", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const report = yield* finish(
          Batch.run(pipeline, {
            params: numbers(3),
            canary: { items: 1, check: () => Effect.as(Effect.sleep("1 hour"), true) },
            timeout: "5 seconds",
            drain: "1 minute"
          })
        )

        assert.deepStrictEqual([report.succeeded, report.endedBy._tag], [1, "Timeout"])
        assert.strictEqual(Duration.toSeconds(report.duration), 5)
      })
    )

    it.effect("dies with a check that throws, and hands over the report", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const reports: Array<ReadonlyArray<string>> = []
        const exit = yield* Effect.exit(
          finish(
            Batch.run(pipeline, {
              params: numbers(3),
              canary: {
                items: 1,
                check: () => {
                  throw new Error("check")
                }
              },
              onInterrupt: (report) => Effect.sync(() => reports.push([report.endedBy._tag, ...tags(report)]))
            })
          )
        )

        const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
        assert.isTrue(reason?._tag === "Die" && String(reason.defect) === "Error: check")
        assert.deepStrictEqual(reports, [["Canary", "Succeeded", "NotStarted", "NotStarted"]])
      })
    )

    it.effect.each([undefined, "yes", Effect.succeed(1)])("dies with a check that answers %s", (answer) =>
      Effect.gen(function* () {
        const canary = { items: 1, check: () => answer as never }
        const exit = yield* Effect.exit(finish(Batch.run(observed().pipeline, { params: numbers(3), canary })))
        const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined

        assert.isTrue(
          reason?._tag === "Die" && reason.defect instanceof InvalidOptions && reason.defect.option === "canary.check"
        )
      })
    )

    it.effect("does not hang on a check that is interrupted", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const canary = { items: 1, check: () => Effect.interrupt }
        const exit = yield* Effect.exit(finish(Batch.run(pipeline, { params: numbers(3), canary })))

        assert.isTrue(Exit.isFailure(exit))
      })
    )

    it.effect.each([0, -1, 1.5, Number.NaN])("refuses %s items", (items) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(Batch.run(observed().pipeline, { params: [], canary: { items } }))
        const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined

        assert.isTrue(
          reason?._tag === "Die" && reason.defect instanceof InvalidOptions && reason.defect.option === "canary.items"
        )
      })
    )
  })
})
