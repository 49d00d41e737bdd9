import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, Exit, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, BatchFailed, Handler, InvalidOptions, Pipeline } from "parallel-batch-pipeline/effect"

class ParseError extends Data.TaggedError("ParseError")<{}> {}
class RateLimited extends Data.TaggedError("RateLimited")<{}> {}

type End = "ok" | "skip" | "parse" | "limited" | "bug"

interface Plan {
  readonly end: End
  readonly millis?: number
}

const endAsPlanned = Effect.fnUntraced(function* ({ end, millis = 0 }: Plan) {
  if (millis > 0) yield* Effect.sleep(millis)
  if (end === "parse") return yield* new ParseError()
  if (end === "limited") return yield* new RateLimited()
  if (end === "bug") throw new RangeError("bug")
  return end
})

/** An item ends as its params say. */
const pipeline = Pipeline.make("pipeline", {
  handlers: {
    step: Handler.make("step", {
      handleRequest: endAsPlanned,
      processResults: ({ outputs }) => (outputs === "skip" ? Handler.skip("said so") : Handler.next("done"))
    })
  },
  start: "step"
})

const items = (...ends: ReadonlyArray<readonly [count: number, end: End]>) =>
  ends.flatMap(([count, end]) => Array.from({ length: count }, () => ({ end })))

const run = (params: ReadonlyArray<Plan>, tolerate: Batch.Tolerance) =>
  Batch.run(pipeline, { params, mode: "collect-all", concurrency: 1, tolerate })

describe("Batch", () => {
  describe("tolerate", () => {
    it.effect("bears as many failures as count says, and stops at the next", () =>
      Effect.gen(function* () {
        const report = yield* run(items([10, "parse"], [5, "ok"]), { count: 10 })
        const failed = yield* Effect.flip(
          run(items([5, "parse"], [5, "limited"], [3, "ok"], [1, "bug"], [9, "ok"]), { count: 10 })
        )

        assert.deepStrictEqual([report.failed, report.succeeded, report.endedBy._tag], [10, 5, "Completed"])
        assert.instanceOf(failed, BatchFailed)
        assert.deepStrictEqual(failed.report.endedBy, {
          _tag: "Tolerance",
          bound: "count",
          tag: undefined,
          limit: 10,
          failed: 11,
          ended: 14
        })
      })
    )

    it.effect("counts thrown bugs, and keeps every outcome in the report of its error", () =>
      Effect.gen(function* () {
        const params = items([2, "ok"], [1, "bug"], [1, "skip"], [1, "parse"], [3, "ok"])
        const { error, report } = yield* Effect.flip(run(params, { count: 1 }))

        assert.instanceOf(error, ParseError)
        assert.deepStrictEqual(
          report.outcomes.map((outcome) => outcome._tag),
          ["Succeeded", "Succeeded", "Failed", "Skipped", "Failed", "NotStarted", "NotStarted", "NotStarted"]
        )
      })
    )

    it.effect("does not stop at one failure of one item", () =>
      Effect.gen(function* () {
        const report = yield* run(items([1, "parse"]), { percent: 10, minSample: 20 })

        assert.deepStrictEqual([report.failed, report.endedBy._tag], [1, "Completed"])
      })
    )

    it.effect("looks at a share once enough items have ended, and also when a success shows it", () =>
      Effect.gen(function* () {
        const { report } = yield* Effect.flip(run(items([3, "parse"], [40, "ok"]), { percent: 10 }))

        assert.deepStrictEqual([report.failed, report.succeeded, report.notStarted], [3, 17, 23])
        assert.deepStrictEqual(report.endedBy, {
          _tag: "Tolerance",
          bound: "percent",
          tag: undefined,
          limit: "10%",
          failed: 3,
          ended: 20
        })
      })
    )

    it.effect("bears a share that is just met", () =>
      Effect.gen(function* () {
        const report = yield* run(items([18, "ok"], [2, "parse"], [80, "ok"]), { percent: 10 })

        assert.deepStrictEqual([report.failed, report.succeeded], [2, 98])
      })
    )

    it.effect("counts by tag, in numbers and in shares", () =>
      Effect.gen(function* () {
        const byTag = { ParseError: 1, RateLimited: "50%", RangeError: 0 } as const
        const endedBy = (...ends: ReadonlyArray<readonly [number, End]>) =>
          Effect.map(Effect.flip(run(items(...ends), { byTag, minSample: 4 })), ({ report }) => report.endedBy)

        assert.deepInclude(yield* endedBy([9, "limited"], [9, "ok"]), { tag: "RateLimited", failed: 4, ended: 4 })
        assert.deepInclude(yield* endedBy([1, "limited"], [5, "parse"]), { tag: "ParseError", failed: 2, ended: 3 })
        assert.deepInclude(yield* endedBy([2, "ok"], [1, "bug"]), { tag: "RangeError", failed: 1, ended: 3 })
        const report = yield* run(items([2, "ok"], [2, "limited"], [1, "parse"]), { byTag, minSample: 4 })
        assert.strictEqual(report.endedBy._tag, "Completed")
      })
    )

    it.effect("interrupts what runs, and says so in the message", () =>
      Effect.gen(function* () {
        const batch = yield* Effect.forkChild(
          Effect.flip(
            Batch.run(pipeline, {
              params: [
                { end: "parse", millis: 20 },
                { end: "ok", millis: 50 },
                { end: "parse", millis: 30 }
              ],
              mode: "collect-all",
              tolerate: { count: 1 }
            })
          ),
          { startImmediately: true }
        )
        yield* TestClock.adjust(30)
        const failed = yield* Fiber.join(batch)

        assert.strictEqual(failed.report.interrupted, 1)
        assert.include(
          failed.message,
          "The batch stopped because 2 of 2 items failed, and 1 are tolerated (0 succeeded, 2 failed, 1 interrupted, 0 not started): ParseError"
        )
      })
    )

    it.effect("fails a stream after every outcome", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const failed = yield* Batch.stream(pipeline, {
          params: items([1, "ok"], [3, "limited"], [2, "ok"]),
          mode: "collect-all",
          concurrency: 1,
          tolerate: { byTag: { RateLimited: 1 } }
        }).pipe(
          Stream.runForEach((outcome) => Effect.sync(() => seen.push(outcome._tag))),
          Effect.flip
        )

        assert.strictEqual(failed._tag, "BatchFailed")
        assert.deepStrictEqual(seen, ["Succeeded", "Failed", "Failed", "NotStarted", "NotStarted", "NotStarted"])
      })
    )

    const End = Schema.Literals(["ok", "ok", "skip", "parse", "limited"])

    it.effect.prop(
      "stops at the very item at which the bound is exceeded",
      {
        ends: Schema.Array(End).check(Schema.isMaxLength(60)),
        count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
        percent: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 })),
        minSample: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 30 }))
      },
      ({ count, ends, minSample, percent }) =>
        Effect.gen(function* () {
          let failed = 0
          const at = ends.findIndex((end, index) => {
            if (end === "parse" || end === "limited") failed++
            return failed > count || (index + 1 >= minSample && (failed * 100) / (index + 1) > percent)
          })

          const exit = yield* Effect.exit(
            run(
              ends.map((end) => ({ end })),
              { count, percent, minSample }
            )
          )
          const report = Exit.isSuccess(exit)
            ? exit.value
            : exit.cause.reasons.flatMap((reason) =>
                reason._tag === "Fail" && reason.error instanceof BatchFailed ? [reason.error.report] : []
              )[0]!

          assert.strictEqual(Exit.isSuccess(exit), at === -1)
          assert.strictEqual(report.total, ends.length)
          assert.strictEqual(report.notStarted, at === -1 ? 0 : ends.length - at - 1)
        })
    )

    const nonsense: ReadonlyArray<readonly [Batch.Tolerance, string]> = [
      [{}, "tolerate"],
      [{ minSample: 5 }, "tolerate"],
      [{ count: -1 }, "tolerate.count"],
      [{ count: 1.5 }, "tolerate.count"],
      [{ percent: 101 }, "tolerate.percent"],
      [{ percent: Number.NaN }, "tolerate.percent"],
      [{ count: 1, minSample: 0 }, "tolerate.minSample"],
      [{ byTag: { ParseError: "many%" as never } }, "tolerate.byTag.ParseError"],
      [{ byTag: { ParseError: "%" as never } }, "tolerate.byTag.ParseError"],
      [{ byTag: { ParseError: -2 } }, "tolerate.byTag.ParseError"]
    ]

    it.effect.each(nonsense)("refuses %j", ([tolerate, option]) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* refusal(run([], tolerate))).option, option)
      })
    )

    it.effect("refuses a fail-fast batch, which bears none", () =>
      Effect.gen(function* () {
        const refused = yield* refusal(Batch.run(pipeline, { params: [], tolerate: { count: 1 } }))

        assert.strictEqual(
          refused.message,
          'Expected option "tolerate" to be left out, unless with mode: "collect-all", got {"count":1}'
        )
      })
    )
  })
})

const refusal = (batch: Effect.Effect<unknown, unknown>): Effect.Effect<InvalidOptions> =>
  Effect.map(Effect.exit(batch), (exit) => {
    const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
    if (reason?._tag === "Die" && reason.defect instanceof InvalidOptions) return reason.defect
    return assert.fail("expected InvalidOptions")
  })
