/**
 * Runs a batch from its options to its report.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { BatchFailed } from "../BatchError.ts"
import { errorText } from "../errors/text.ts"
import type * as Report from "../Report.ts"
import { Run } from "./run.ts"
import type { RunOptions } from "./runOptions.ts"
import { reportOf } from "./snapshot.ts"
import { supervise } from "./supervise.ts"
export { kept } from "./shapes.ts"

/**
 * Drives the run that `prepare` describes, and answers its report. `begun` gets
 * the run before anything starts.
 */
export const execute = (
  prepare: () => RunOptions,
  onInterrupt?: ((report: Report.Any) => Effect.Effect<unknown, never, unknown>) | undefined,
  begun?: ((run: Run) => void) | undefined
): Effect.Effect<Report.Any, unknown, unknown> =>
  Effect.contextWith((context) => {
    const run = new Run(prepare(), context)
    begun?.(run)
    return drive(run, onInterrupt)
  })

/**
 * Drives a run to its report.
 *
 * Everything after the items is uninterruptible: the source is closed, every
 * outcome has its place, and the report goes to the caller or, where he will not
 * get it, to `onInterrupt`.
 */
export const drive = (
  run: Run,
  onInterrupt?: ((report: Report.Any) => Effect.Effect<unknown, never, unknown>) | undefined
): Effect.Effect<Report.Any, unknown, unknown> =>
  Effect.uninterruptibleMask((restore) => {
    const { source } = run.options
    return Effect.flatMap(Effect.exit(restore(supervise(run))), (driven) => {
      run.leaveRest()
      const published = publishRest(run, Exit.isFailure(driven), restore)
      return Effect.flatMap(Effect.all([Effect.exit(source.close), Effect.exit(published)]), ([closed, told]) => {
        const interrupted = run.fault ?? causeOf(driven) ?? causeOf(told)
        run.endedBy = endedBy(run, interrupted)
        const report = reportOf(run)
        run.finished = report
        run.options.duplicates?.forget()
        run.observer?.batchEnded(report)
        run.options.ended?.(run)
        if (interrupted === undefined && run.failure !== undefined) {
          const cause = run.failure
          const error = Option.getOrUndefined(Cause.findErrorOption(cause))
          return Effect.fail(withStackOf(cause, new BatchFailed({ error, cause, report })))
        }
        const broken = interrupted ?? causeOf(closed)
        if (broken === undefined) return Effect.succeed(report)
        return onInterrupt === undefined
          ? Effect.failCause(broken)
          : Effect.andThen(observe(onInterrupt, report), Effect.failCause(broken))
      })
    })
  })

/** The stack says where the failure came from, which is what its reader looks for, and not where the batch ended. */
const withStackOf = <E extends Error>(cause: Cause.Cause<unknown>, failed: E): E => {
  try {
    const { stack } = Cause.squash(cause) as { readonly stack?: unknown }
    const frames = typeof stack === "string" ? stack.match(/^ +at .*$/gm) : null
    if (frames !== null) failed.stack = [`${failed.name}: ${failed.message}`, ...frames].join("\n")
  } catch {
    // The error has no stack, or its own code throws.
  }
  return failed
}

/** Hands out the outcomes that ended with the batch, after those before. */
const publishRest = (
  run: Run,
  interrupted: boolean,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.Effect<void> => {
  const { delivered, publish } = run.options
  if (publish === undefined || (interrupted && delivered === undefined)) return Effect.void
  const rest = Effect.suspend(() =>
    Effect.forEach(run.unpublished.splice(0), (outcome) => publish(outcome) ?? Effect.void, { discard: true })
  )
  return delivered === undefined ? restore(rest) : Effect.andThen(delivered, rest)
}

const endedBy = (run: Run, interrupted: Cause.Cause<unknown> | undefined): Report.EndedBy => {
  if (interrupted !== undefined && run.fault === undefined) return { _tag: "Interruption" }
  if (run.endedBy._tag !== "Running" && !isComplete(run)) return run.endedBy
  if (run.fault === undefined) return { _tag: "Completed" }
  return { _tag: "InputFailure", reason: errorText(Cause.squash(run.fault)) }
}

/** Whether every item had run to its end when the batch was told to end, so that it made no difference. */
const isComplete = (run: Run): boolean =>
  (run.endedBy._tag === "Budget" || run.endedBy._tag === "Drain" || run.endedBy._tag === "Timeout") &&
  run.fault === undefined &&
  run.options.source.exhausted &&
  run.tally.interrupted + run.tally.notStarted === 0

const causeOf = (exit: Exit.Exit<unknown, unknown>): Cause.Cause<unknown> | undefined =>
  Exit.isFailure(exit) ? exit.cause : undefined

/** Whoever looks on can never change how the batch ends. */
const observe = (
  onInterrupt: (report: Report.Any) => Effect.Effect<unknown, never, unknown>,
  report: Report.Any
): Effect.Effect<unknown, never, unknown> =>
  Effect.catchCause(
    Effect.suspend(() => onInterrupt(report)),
    (cause) => Effect.logWarning("onInterrupt of the batch failed", cause)
  )
