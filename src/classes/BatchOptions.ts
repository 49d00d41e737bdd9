/**
 * The options of a batch, as the classes take them, and what it answers.
 *
 * @since 0.1.0
 */
import type { Progress } from "../BatchHandle.ts"
import type { Any as AnyGate, Rate } from "../Gate.ts"
import type { Outcome } from "../Outcome.ts"
import type * as CoreReport from "../Report.ts"
import type { ActionResult, HandlerParams, ParamSet, SharedData } from "./BaseHandler.ts"

/**
 * What became of a batch.
 *
 * @category models
 * @since 0.1.0
 */
export type Report<TSharedData extends SharedData = SharedData> = CoreReport.Report<TSharedData, BatchOutcome>

/**
 * What became of one item.
 *
 * @category models
 * @since 0.1.0
 */
export type BatchOutcome = Outcome<HandlerParams, ActionResult, unknown, unknown>

/**
 * The options that both batch classes take.
 *
 * **Gotchas**
 *
 * An overridden `handleRequest` replaces what `timeoutMs`, `budget`, `cost`,
 * `drainMs`, `duplicates`, `canary` and `onProgress` say: none of them applies to
 * what it starts through `executePipelineWithParams`. `onOutcome` and `stopBatch`
 * do.
 *
 * @category options
 * @since 0.1.0
 */
export interface BatchOptions<TSharedData extends SharedData = SharedData> {
  /**
   * The parameter sets, objects of any type, for use without a subclass. Arrays, Set and Map are taken as they are at the
   * start; everything else is read as items are asked for, and closed where the batch ends before it does.
   */
  readonly params?: ((sharedData: Readonly<TSharedData>) => Iterable<ParamSet> | AsyncIterable<ParamSet>) | undefined
  /**
   * The name in reports and errors. Defaults to the name of the class, and of a batch that has no class of its own to that
   * of its pipeline.
   */
  readonly name?: string | undefined
  /** How many handlers an item may pass through. Defaults to 1,000,000. */
  readonly maxSteps?: number | undefined
  /**
   * `"snapshot"`: every item works on its own copy of the shared data, merged key by key when it has succeeded.
   * Defaults to `"none"`: handlers see the caller's own object.
   */
  readonly isolation?: "none" | "snapshot" | undefined
  /** With `"snapshot"`: brings together what two items have made of a key. Defaults to a conflict, which fails the item. */
  readonly merge?: { readonly [key: string]: (base: any, mine: any, theirs: any) => unknown } | undefined
  /** What every item goes through before it begins, and holds until it ends. Defaults to no gate. */
  readonly gate?: AnyGate | undefined
  /** How many items begin within a window: short for a gate of the batch's own with this rate. Defaults to no limit. */
  readonly rate?: Rate | undefined
  /**
   * How many items may wait, at a gate, between two attempts, or for one whose outcome they share, before no more are
   * taken. They do not count among those that run. Defaults to ten times `concurrency`, and to 10,000 at gates.
   */
  readonly parked?: number | undefined
  /**
   * Names an item, by params that nobody has changed since. It may say which type they have: `({ id }: Row) => id`.
   * Defaults to a stable hash of its params.
   */
  readonly key?: NameOf["of"] | undefined
  /** Which outcomes the report keeps. Defaults to `"all"`. */
  readonly outcomes?: "all" | "failures" | "none" | undefined
  /** Whether every outcome says when each of its steps ran. Defaults to `false`. */
  readonly timings?: boolean | undefined
  /**
   * How long the batch may take, in milliseconds. Then it ends without a failure, as `endedBy` of the report says: what
   * runs is interrupted, what has not started does not. Defaults to no limit.
   */
  readonly timeoutMs?: number | undefined
  /** What the batch may spend; it then ends without a failure. Defaults to no bound. */
  readonly budget?: ClassBudget | undefined
  /**
   * What an outcome has cost: for `budget.cost`, and for `cost` of the report. Asked of items that have ended by themselves,
   * with the output of their last step, and not of interrupted ones. What `settleCost` says reaches the gate alone.
   */
  readonly cost?: ((outcome: BatchOutcome) => number) | undefined
  /**
   * Once `timeoutMs` has passed, the `budget` is spent, or a handler has answered `stopBatch`: how many milliseconds what
   * runs may go on before it is interrupted. Nothing starts meanwhile, nor does what waits at a gate for its first call.
   * Defaults to no time.
   */
  readonly drainMs?: number | undefined
  /**
   * What becomes of items with the same key: each runs, or those that come later share the outcome of the first
   * (`"share"`), or fail with `DuplicateKey` (`"error"`). Defaults to `"run"`.
   */
  readonly duplicates?: "run" | "share" | "error" | undefined
  /**
   * Runs the first items alone. Once they have ended, `check` says whether the others start; where not, the batch ends
   * without a failure. It defaults to whether none of them failed.
   */
  readonly canary?:
    | {
        readonly items: number
        readonly check?: ((report: Report<TSharedData>) => boolean | Promise<boolean>) | undefined
      }
    | undefined
  /** Told how far the batch is, ten times a second and at the end. What it throws changes nothing, and is logged once. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /**
   * Told what has become of each item, once, when that has ended, in the order in which they end, also of what was
   * interrupted or never started; what a redrive takes over has not ended here. Where it answers a promise, the place of
   * the item is taken until that has settled, so a slow one slows the batch, and `run` waits for all of them. What it throws,
   * or rejects with, ends the batch; nothing is told after that. `run` rejects with that very value; `runReport` answers the
   * report, whose `endedBy` says it.
   */
  readonly onOutcome?: ((outcome: BatchOutcome) => unknown) | undefined
}

/** Written as a method, so that the function may say which type its params have. */
interface NameOf {
  of(params: ParamSet): string
}

/**
 * What a batch may spend.
 *
 * @category options
 * @since 0.1.0
 */
export interface ClassBudget {
  /**
   * How many calls of a `handleRequest` may be made, retries included. One more is not made: its item is interrupted.
   * What an overridden `executeLifecycle` calls counts as one.
   */
  readonly calls?: number | undefined
  /** What the outcomes may cost, as the option `cost` says. What runs when it is spent may add to it. */
  readonly cost?: number | undefined
  /** How many milliseconds the batch may take. */
  readonly durationMs?: number | undefined
}
