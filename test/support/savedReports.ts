/** A pipeline whose items end in every way, and what has to be the same of a report that was saved. */
import { assert } from "@effect/vitest"
import { type Cause, Duration, Effect, Schema, Stream } from "effect"
import { Batch, Handler, type Outcome, Pipeline, Report } from "parallel-batch-pipeline/effect"

export class HttpError extends Schema.TaggedError<HttpError>()("HttpError", {
  status: Schema.Number,
  at: Schema.Date,
  cause: Schema.Defect()
}) {}

interface Call {
  readonly end: "ok" | "http" | "text" | "bug" | "skip" | "untold"
  readonly value?: unknown
}

class Untold extends Error {
  override readonly name = "Untold"
  readonly secret = new WeakMap()
}

const call = Handler.make("call", {
  shared: Schema.Struct({ done: Schema.Array(Schema.String) }),
  handleRequest: ({ end, value }: Call): Effect.Effect<unknown, HttpError | string | Untold> => {
    switch (end) {
      case "http":
        return Effect.fail(new HttpError({ status: 503, at: new Date(0), cause: new Error("socket") }))
      case "text":
        return Effect.fail("sold out")
      case "untold":
        return Effect.fail(new Untold("nobody knows"))
      case "bug":
        throw new TypeError("x is not a function")
      default:
        return Effect.succeed(value)
    }
  },
  processResults: ({ params, shared }) =>
    params.end === "skip" ? Handler.skip("unchanged") : Handler.next("called", { done: [...shared.done, params.end] }),
  error: HttpError
})
export const calling = Pipeline.make("calling", { handlers: { call }, start: "call", version: "3" })

export const run = (params: ReadonlyArray<Call>) =>
  Batch.run(calling, { params, shared: { done: [] }, mode: "collect-all", timings: true })

/** All that an outcome says, as one value. */
export const plain = (outcome: Outcome.Any): unknown =>
  outcome._tag === "NotStarted"
    ? { ...outcome, key: outcome.key }
    : {
        ...outcome,
        key: outcome.key,
        path: outcome.path,
        timings: outcome.timings,
        duration: Duration.toMillis(outcome.duration),
        startedAfter: Duration.toMillis(outcome.startedAfter),
        ...(outcome._tag === "Failed" ? { cause: outcome.cause.reasons.map(reasonOf) } : {})
      }

const reasonOf = (reason: Cause.Reason<unknown>): unknown => {
  if (reason._tag === "Fail") return { fail: reason.error }
  if (reason._tag === "Interrupt") return { interrupt: reason.fiberId }
  if (!(reason.defect instanceof Error)) return { die: reason.defect }
  const { message, name, stack } = reason.defect
  return { die: { message, name, stack } }
}

export const assertSame = (restored: Report.Any, report: Report.Any): void => {
  assert.deepStrictEqual(
    { ...restored, outcomes: restored.outcomes.map(plain), duration: String(restored.duration) },
    { ...report, outcomes: report.outcomes.map(plain), duration: String(report.duration) }
  )
}

/** Through both formats, and once more. */
export const throughBoth = Effect.fnUntraced(function* (report: Report.Any, pipeline: Pipeline.Any | undefined) {
  const text = Report.toJson(report, pipeline)
  const lines = yield* Stream.runCollect(Report.toJsonLines(report, pipeline))
  const restored = yield* Report.fromJson(text, pipeline as Pipeline.Any)
  assertSame(yield* Report.fromJsonLines(Stream.fromIterable(lines), pipeline as Pipeline.Any), restored)
  assert.strictEqual(Report.toJson(restored, pipeline), text)
  return restored as Report.Any
})
