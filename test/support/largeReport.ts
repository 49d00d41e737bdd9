/**
 * Writes and reads a report of 100,000 outcomes, a third of them typed errors, and prints what memory it took. A test
 * runs it as a process of its own, whose memory is bounded: `largeReport.ts json|lines <file>`.
 */
import { Duration, Effect, Schema, Stream } from "effect"
import { deepStrictEqual } from "node:assert/strict"
import { closeSync, createReadStream, openSync, readFileSync, writeFileSync, writeSync } from "node:fs"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"

class HttpError extends Schema.TaggedError<HttpError>()("HttpError", {
  status: Schema.Number,
  url: Schema.String,
  at: Schema.Date
}) {}

const fetchPage = Handler.make("fetchPage", {
  handleRequest: ({ id }: { readonly id: number }) =>
    id % 3 === 0
      ? Effect.fail(new HttpError({ status: 500 + (id % 4), url: `https://example.com/${id}`, at: new Date(id) }))
      : Effect.succeed({ id, title: `The page ${id}`, tags: ["a", "b"] }),
  error: HttpError
})
const pipeline = Pipeline.make("pages", { handlers: { fetchPage }, start: "fetchPage" })
const total = 100_000
const params = Array.from({ length: total }, (_, id) => ({ id }))

const [, , format, file] = process.argv
const report = await Effect.runPromise(Batch.run(pipeline, { params, mode: "collect-all", timings: true }))

let restored: Report.Restored<typeof pipeline>
if (format === "json") {
  writeFileSync(file!, Report.toJson(report, pipeline))
  restored = await Effect.runPromise(Report.fromJson(readFileSync(file!, "utf8"), pipeline))
} else {
  const descriptor = openSync(file!, "w")
  const write = Stream.runForEach(Report.toJsonLines(report, pipeline), (lines) =>
    Effect.sync(() => writeSync(descriptor, lines))
  )
  await Effect.runPromise(write)
  closeSync(descriptor)
  const bytes = Stream.fromAsyncIterable(createReadStream(file!) as AsyncIterable<Uint8Array>, (cause) => cause)
  restored = await Effect.runPromise(Report.fromJsonLines(bytes, pipeline))
}

deepStrictEqual({ ...restored, outcomes: 0, duration: 0 }, { ...report, outcomes: 0, duration: 0 })
report.outcomes.forEach((outcome, index) => {
  const { duration, key, path, startedAfter, timings } = outcome as Extract<typeof outcome, { readonly path: unknown }>
  const other = restored.outcomes[index] as typeof outcome
  // A cause is compared by its errors: those of this run also know their spans.
  if (outcome._tag === "Failed" && other._tag === "Failed") {
    const [error, otherError] = [outcome.cause.reasons, other.cause.reasons].map(([reason]) =>
      reason?._tag === "Fail" ? (reason.error as HttpError) : undefined
    )
    deepStrictEqual(otherError, error)
    if (!(otherError instanceof HttpError)) throw new Error(`outcome ${index} has lost its error`)
  }
  const all = (from: typeof outcome, more: object) => ({ ...from, cause: 0, ...more })
  deepStrictEqual(
    all(other, { duration: Duration.toMillis((other as typeof other & { duration: Duration.Duration }).duration) }),
    all(outcome, { duration: Duration.toMillis(duration), key, path, startedAfter, timings })
  )
})
console.log(
  JSON.stringify({ total, failed: restored.failed, megabytes: Math.round(process.resourceUsage().maxRSS / 1024) })
)
