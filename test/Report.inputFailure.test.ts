/** What a report says of an input that failed. */
import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, Stream } from "effect"
import { Handler as ClassHandler, ParallelBatchPipeline, Pipeline as ClassPipeline } from "parallel-batch-pipeline"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"

class ReadError extends Data.TaggedError("ReadError")<{ readonly file: string }> {}

const same = Handler.make("same", { handleRequest: ({ n }: { readonly n: number }) => Effect.succeed(n) })
const sames = Pipeline.make("sames", { handlers: { same }, start: "same" })

/** The report of a batch whose input fails behind the first parameter set. */
const reportOf = (input: Iterable<{ readonly n: number }> | Stream.Stream<{ readonly n: number }, unknown>) =>
  Effect.gen(function* () {
    const reports: Array<Report.Any> = []
    const onInterrupt = (report: Report.Any) => Effect.sync(() => void reports.push(report))
    yield* Effect.exit(Batch.run(sames, { params: input, onInterrupt }))
    return reports[0]!
  })

const failing = <E>(error: E) => Stream.concat(Stream.make({ n: 1 }), Stream.fail(error))

const throwing = function* () {
  yield { n: 1 }
  throw new Error("row 2\nis broken")
}

describe("a report whose input failed", () => {
  it.effect.each([
    ["a text", failing("no more rows"), "no more rows"],
    ["an error without a message", failing(new ReadError({ file: "/a" })), 'ReadError: {"file":"/a"}'],
    ["what a generator threw", { [Symbol.iterator]: throwing }, "Error: row 2 is broken"]
  ] as const)("has the reason: %s", ([, input, reason]) =>
    Effect.gen(function* () {
      const report = yield* reportOf(input)
      const saved = yield* Report.fromJson(Report.toJson(report))

      for (const one of [report, saved]) {
        assert.deepStrictEqual(one.endedBy, { _tag: "InputFailure", reason })
        assert.include(Report.format(one), `\nThe batch ended because its input failed: ${reason}.`)
      }
      assert.include(Report.toHtml(report), "because its input failed: ")
    })
  )

  it.effect("is read also where an earlier version has written it", () =>
    Effect.gen(function* () {
      const text = Report.toJson(yield* reportOf(failing("gone")))
      const saved = yield* Report.fromJson(text.replace(',"reason":"gone"', ""))
      const error = yield* Effect.flip(Report.fromJson(text.replace(',"reason":"gone"', ',"reason":1')))

      assert.deepStrictEqual(saved.endedBy, { _tag: "InputFailure" })
      assert.include(Report.format(saved), "\nThe batch ended because its input failed.")
      assert.strictEqual(error.place, "endedBy.reason")
    })
  )

  it("comes from runReport of the classes", async () => {
    class Same extends ClassHandler<unknown, void> {
      protected override handleRequest(): void {}
    }
    const batch = new ParallelBatchPipeline(new ClassPipeline(new Same()), { params: throwing })

    const report = await batch.runReport({})

    assert.deepStrictEqual(report.endedBy, { _tag: "InputFailure", reason: "Error: row 2 is broken" })
  })
})
