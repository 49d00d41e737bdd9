/**
 * What the options of a batch say of its end and of its progress, for the engine.
 */
import * as Effect from "effect/Effect"
import type { Progress } from "../BatchHandle.ts"
import { toBudget } from "../internal/budget.ts"
import { toCanary } from "../internal/canary.ts"
import { toDuplicates } from "../internal/duplicates.ts"
import * as Check from "../internal/options.ts"
import { Meter, regularly } from "../internal/progress.ts"
import type { Run } from "../internal/run.ts"
import type { RunOptions } from "../internal/runOptions.ts"
import { isPromiseLike } from "../internal/tags.ts"
import { toTimeouts } from "../internal/timeouts.ts"
import type { BatchOptions } from "./BatchOptions.ts"

type Ends = Pick<RunOptions, "beside" | "budget" | "canary" | "drain" | "duplicates" | "ended" | "timeouts">

export const endsOf = (options: BatchOptions<any>): Ends => {
  const { budget, canary, cost, drainMs, duplicates, onProgress, timeoutMs } = options
  Check.optionalFunction("onProgress", onProgress)
  return {
    timeouts: toTimeouts(["timeoutMs", timeoutMs], ["budget.durationMs", budget?.durationMs]),
    budget: toBudget(budget, cost, "durationMs"),
    duplicates: toDuplicates(duplicates),
    canary: toCanary(canary, waitFor),
    drain: drainMs === undefined ? undefined : Check.duration("drainMs", drainMs),
    ...(onProgress === undefined ? undefined : watching(onProgress))
  }
}

const waitFor = (answer: boolean | PromiseLike<boolean>): Effect.Effect<boolean> =>
  isPromiseLike(answer) ? Effect.promise(() => Promise.resolve(answer)) : Effect.succeed(answer)

/** Tells how far a batch is; what that throws changes nothing. */
const watching = (onProgress: (progress: Progress) => void): Pick<Ends, "beside" | "ended"> => {
  let hasFailed = false
  /** Says it once: what fails, fails ten times a second. */
  const warn = (error: unknown): void => {
    if (hasFailed) return
    hasFailed = true
    Effect.runFork(Effect.logWarning("onProgress of the batch failed", error))
  }
  const meters = new WeakMap<Run, Meter>()
  const tell = (run: Run): void => {
    const meter = meters.get(run) ?? new Meter(run)
    meters.set(run, meter)
    try {
      const answer: unknown = onProgress(meter.read())
      // Nobody waits for an async function, and its failure is not to be one of the process.
      if (isPromiseLike(answer)) Promise.resolve(answer).catch(warn)
    } catch (error) {
      warn(error)
    }
  }
  return { beside: (run) => regularly(Effect.sync(() => tell(run))), ended: tell }
}
