/**
 * The options of `Batch.plan`, `Batch.redrive` and `Batch.replay`.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Ref from "effect/Ref"
import type { Canary, Input, Mode, StreamOptions } from "./BatchOptions.ts"
import type { Any as AnyOutcome, Succeeded } from "./Outcome.ts"
import type { Report } from "./Report.ts"

/**
 * The options of `plan`.
 *
 * @category options
 * @since 0.1.0
 */
export interface PlanOptions<P, E2, R2> {
  /** The parameter sets of the next batch; all are read. Defaults to those of the report. */
  readonly params?: Input<P, E2, R2> | undefined
  /** Names an item: as the batch of the report had it. Defaults to a stable hash of its params. */
  readonly key?: ((params: P) => string) | undefined
  /** Which successes run again, such as those that a `handleError` has answered. Defaults to none. */
  readonly rerun?: ((outcome: Succeeded<P, string, unknown>) => boolean) | undefined
  /** Whether a report of another version of the pipeline will do. Defaults to `false`. */
  readonly allowChanges?: boolean | undefined
  /** As the batch of the report had it. Defaults to `true`. */
  readonly decodeParams?: boolean | undefined
}

/**
 * The options of `redrive`: those of a run, but for what the plan says.
 *
 * @category options
 * @since 0.1.0
 */
export type RedriveOptions<S, O extends AnyOutcome, M extends Mode, R3, R4> = Omit<
  StreamOptions<unknown, S, AnyOutcome, Mode, never, never, never, never>,
  "params" | "key" | "shared" | "mode" | "onInterrupt" | "cost" | "canary"
> & {
  /** Defaults to the shared data of the report, with all that the earlier successes have left there. */
  readonly shared?: S | Ref.Ref<S> | undefined
  /** Defaults to `"fail-fast"`. */
  readonly mode?: M | undefined
  /** What an outcome has cost; what is reused costs nothing. */
  readonly cost?: ((outcome: O) => number) | undefined
  /** As for `Batch.run`: the first of those that run. */
  readonly canary?: Canary<Report<S, O>, R4> | undefined
  /** Which outcomes the report keeps. Defaults to `"all"`. */
  readonly outcomes?: "all" | "failures" | "none" | undefined
  /** Gets the report where the batch does not answer it: it was interrupted. */
  readonly onInterrupt?: ((report: Report<S, O>) => Effect.Effect<unknown, never, R3>) | undefined
}

/**
 * The options of `replay`.
 *
 * @category options
 * @since 0.1.0
 */
export interface ReplayOptions<S> {
  /** Defaults to the shared data of the report. */
  readonly shared?: S | Ref.Ref<S> | undefined
  /** As the batch of the report had it. Defaults to `true`. */
  readonly decodeParams?: boolean | undefined
  /** How many handlers the item may pass through. Defaults to 1,000,000. */
  readonly maxSteps?: number | undefined
}
