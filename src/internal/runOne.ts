/**
 * Runs a pipeline for one parameter set, as a batch of one.
 */
import * as Effect from "effect/Effect"
import { ItemSkipped } from "../BatchError.ts"
import type { PipelineDefinition } from "./definition.ts"
import { execute } from "./execute.ts"
import { graphOf } from "./graph.ts"
import { stableKey } from "./key.ts"
import * as Check from "./options.ts"
import type { AnyOutcome } from "./outcome.ts"
import { Atomic, refOf } from "./shared.ts"
import * as Source from "./source.ts"

const names = { params: true, shared: true, maxSteps: true } as const

export const runOne = (
  pipeline: PipelineDefinition,
  options: { readonly params: unknown; readonly shared?: unknown; readonly maxSteps?: number | undefined }
): Effect.Effect<unknown, unknown, unknown> => {
  const batch = execute(() => {
    Check.object("options", options, "an object with params", "a run")
    Check.spelling("a run", options, names)
    return {
      graph: graphOf(pipeline),
      source: Source.make([options.params]),
      shared: new Atomic(refOf(options.shared)),
      concurrency: 1,
      parked: 1,
      failFast: false,
      decodeParams: true,
      maxSteps: Check.positiveInteger("maxSteps", options.maxSteps ?? 1_000_000),
      keep: "all",
      keyOf: stableKey,
      publish: undefined
    }
  })
  const result = Effect.flatMap(batch, (report) => {
    // A batch that was not interrupted has an outcome for its one item, which ran.
    const outcome = report.outcomes[0] as Exclude<AnyOutcome, { readonly _tag: "Interrupted" | "NotStarted" }>
    switch (outcome._tag) {
      case "Succeeded":
        return Effect.succeed({ action: outcome.action, output: outcome.output, shared: report.shared })
      case "Failed":
        return Effect.failCause(outcome.cause)
      case "Skipped":
        return Effect.fail(new ItemSkipped({ handler: outcome.handler, reason: outcome.reason }))
    }
  })
  return Effect.withSpan(result, "Pipeline.run", {
    attributes: { "pipeline.name": pipeline.name },
    captureStackTrace: false
  })
}
