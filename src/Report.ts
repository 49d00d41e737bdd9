/**
 * What became of a batch.
 *
 * A report is a plain value: the shared data as it stood at the end, the counts,
 * and the outcomes in input order.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Outcome from "./Outcome.ts"
import type { Stamp } from "./Stamp.ts"

export type { Stamp } from "./Stamp.ts"

/**
 * Why a batch ended.
 *
 * **Details**
 *
 * - `Completed`: every parameter set of the input has run to its end.
 * - `Stop`: a handler answered `Handler.stop`.
 * - `Timeout`: the option `timeout` had passed.
 * - `Budget`: as much was spent as `budget` allows. `used` is what it had come to.
 * - `Canary`: the check after the first items said no.
 * - `Drain`: it was told to drain; what ran has ended.
 * - `Failure`: the first failure of a fail-fast batch.
 * - `Tolerance`: more failures than `tolerate` allows. `bound` is the one that was exceeded, `failed` the failures that
 *   count towards it (those with the `tag`, where the bound has one), `ended` the items that had come to an end.
 * - `InputFailure`: the input itself failed. `reason` is the text of what it failed with, or threw.
 * - `OutcomeFailure`: `onOutcome` of the classes failed. `reason` is the text of what it threw, or rejected with.
 * - `Interruption`: the batch was interrupted from outside.
 * - `Running`: it had not ended when the report was taken (`report` of a handle, the check of a `canary`). Such a report is
 *   of the items that had ended: `total` counts just those, and `exhausted` is `false`.
 *
 * @category models
 * @since 0.1.0
 */
export type EndedBy =
  | { readonly _tag: "Completed" }
  | { readonly _tag: "Stop"; readonly reason: string }
  | { readonly _tag: "Timeout"; readonly duration: Duration.Duration }
  | { readonly _tag: "Budget"; readonly bound: "calls" | "cost"; readonly limit: number; readonly used: number }
  | {
      readonly _tag: "Budget"
      readonly bound: "duration"
      readonly limit: Duration.Duration
      readonly used: Duration.Duration
    }
  | { readonly _tag: "Canary"; readonly items: number }
  | { readonly _tag: "Drain" }
  | { readonly _tag: "Failure" }
  | {
      readonly _tag: "Tolerance"
      readonly bound: "count" | "percent" | "byTag"
      readonly tag: string | undefined
      readonly limit: number | `${number}%`
      readonly failed: number
      readonly ended: number
    }
  | { readonly _tag: "InputFailure"; readonly reason?: string | undefined }
  | { readonly _tag: "OutcomeFailure"; readonly reason: string }
  | { readonly _tag: "Interruption" }
  | { readonly _tag: "Running" }

/**
 * The result of a batch.
 *
 * **Details**
 *
 * `succeeded + failed + skipped + interrupted + notStarted` is `total`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report<out S, out O extends Outcome.Any> {
  /** The shared data as it stood when the batch ended. */
  readonly shared: S
  /** Which pipeline the report is of. */
  readonly pipeline: Stamp
  /** How many parameter sets there were; of a lazy input, how many were read. */
  readonly total: number
  readonly succeeded: number
  /** How many of those that succeeded were taken over from an earlier report, by `Batch.redrive` or `redrive` of a class. */
  readonly reused: number
  readonly failed: number
  readonly skipped: number
  readonly interrupted: number
  readonly notStarted: number
  /** `false` where a lazy input may hold more parameter sets than were read. */
  readonly exhausted: boolean
  /** One outcome for each parameter set, in input order; the option `outcomes` says which are kept. */
  readonly outcomes: ReadonlyArray<O>
  /** How often a `handleRequest` was called, for all items that have ended. */
  readonly attempts: number
  /** What the outcomes have cost, as the option `cost` says; 0 without it. */
  readonly cost: number
  readonly duration: Duration.Duration
  /** Why the batch ended. */
  readonly endedBy: EndedBy
}

/**
 * Any report.
 *
 * @category models
 * @since 0.1.0
 */
export interface Any extends Report<unknown, Outcome.Any> {}

export {
  byKey,
  type Change,
  type Diff,
  diff,
  type DiffOptions,
  digest,
  errors,
  type FailureGroup,
  failures
} from "./Digest.ts"
export {
  format,
  type FormatOptions,
  fromJson,
  fromJsonLines,
  type HtmlOptions,
  type Restored,
  type StyleText,
  toHtml,
  toJson,
  toJsonLines
} from "./ReportFormat.ts"
