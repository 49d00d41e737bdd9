/**
 * A report as JSON, piece by piece.
 */
import * as Duration from "effect/Duration"
import type * as Outcome from "../../Outcome.ts"
import type * as Report from "../../Report.ts"
import { encodeCause } from "./failures.ts"
import { keyOf } from "./keyOf.ts"
import type { Codec, Schemas } from "./schemas.ts"
import { encodeAny, encodePlain, type Json } from "./values.ts"

export const formatName = "parallel-batch-pipeline/report"

/** Raised whenever an older library could not read what is written, or would read it wrongly. */
export const formatVersion = 1

/** The numbers of a report, as they are. */
export const counts = [
  "total",
  "succeeded",
  "reused",
  "failed",
  "skipped",
  "interrupted",
  "notStarted",
  "attempts"
] as const satisfies ReadonlyArray<keyof Report.Any>

/** Everything but the outcomes. */
const encodeHeader = (report: Report.Any, schemas: Schemas): { readonly [key: string]: Json } => ({
  format: formatName,
  version: formatVersion,
  pipeline: encodeAny(report.pipeline),
  ...Object.fromEntries(counts.map((name) => [name, report[name]])),
  cost: encodeAny(report.cost),
  exhausted: report.exhausted,
  duration: Duration.toMillis(report.duration),
  endedBy: encodeAny(report.endedBy),
  shared: encodeWith(report.shared, schemas.shared),
  kept: report.outcomes.length
})

const encodeOutcome = (outcome: Outcome.Any, schemas: Schemas): Json => {
  const { _tag, index } = outcome
  const item = { _tag, index, key: keyOf(outcome), params: encodeWith(outcome.params, schemas.params) }
  if (outcome._tag === "NotStarted") return outcome.reason === undefined ? item : { ...item, reason: outcome.reason }
  const { timings } = outcome
  const started = {
    ...item,
    attempts: outcome.attempts,
    startedAfter: Duration.toMillis(outcome.startedAfter),
    duration: Duration.toMillis(outcome.duration),
    path: outcome.path,
    ...(timings === undefined ? {} : { timings: timings.map(encodeTiming) })
  }
  switch (outcome._tag) {
    case "Succeeded": {
      const output = encodeWith(outcome.output, schemas.outputOf(outcome.path.at(-1)))
      return { ...started, action: outcome.action, output, ...(outcome.reused ? { reused: true } : {}) }
    }
    case "Failed": {
      const cause = encodeCause(outcome.cause, schemas.errorOf(outcome.handler))
      return { ...started, handler: outcome.handler ?? null, cause }
    }
    case "Skipped":
      return { ...started, handler: outcome.handler, reason: outcome.reason }
    case "Interrupted": {
      const { handler = null, reason } = outcome
      return reason === undefined ? { ...started, handler } : { ...started, handler, reason }
    }
  }
}

const encodeTiming = (timing: Outcome.StepTiming): Json => [
  timing.step,
  Duration.toMillis(timing.startedAfter),
  Duration.toMillis(timing.duration)
]

/** Plain data is kept as it is, for a schema may leave out what it does not know; the schema is for all else. */
const encodeWith = (value: unknown, codec: Codec | undefined): Json => {
  const plain = encodePlain(value)
  if (plain !== undefined) return plain
  const encoded = codec?.encode(value)
  return encoded !== undefined && "json" in encoded ? { $: "Schema", value: encoded.json } : encodeAny(value)
}

/** The whole report as one text, an outcome a line. */
export const encodeReport = (report: Report.Any, schemas: Schemas): string => {
  const header = JSON.stringify(encodeHeader(report, schemas))
  const outcomes = report.outcomes.map((outcome) => JSON.stringify(encodeOutcome(outcome, schemas)))
  return `${header.slice(0, -1)},"outcomes":[${outcomes.length === 0 ? "" : `\n${outcomes.join(",\n")}\n`}]}\n`
}

/** A line for the report, then one for each outcome. */
export const encodeLines = function* (report: Report.Any, schemas: Schemas): Generator<string> {
  yield `${JSON.stringify(encodeHeader(report, schemas))}\n`
  for (const outcome of report.outcomes) yield `${JSON.stringify(encodeOutcome(outcome, schemas))}\n`
}
