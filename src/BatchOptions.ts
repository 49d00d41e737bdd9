/**
 * The options of a batch. Read these as `Batch.Options`, `Batch.Tolerance` and so
 * on.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { BatchFailed, DuplicateKey } from "./BatchError.ts"
import type { Gate } from "./Gate.ts"
import type { Bounds as BudgetBounds } from "./internal/budget.ts"
import type { Bounds } from "./internal/tolerance.ts"
import type { Any as AnyOutcome, Outcome } from "./Outcome.ts"
import type * as Pipeline from "./Pipeline.ts"
import type { Any as AnyReport, Report } from "./Report.ts"

/**
 * What a failure means: `"fail-fast"` stops the batch at the first one,
 * `"collect-all"` runs every item.
 *
 * @category options
 * @since 0.1.0
 */
export type Mode = "fail-fast" | "collect-all"

/**
 * Where the params come from. Arrays, Set and Map are taken as they are at the
 * start; everything else is read lazily, never more than `concurrency` ahead
 * (of a stream, to the end of the chunk).
 *
 * @category options
 * @since 0.1.0
 */
export type Input<P, E, R> = Iterable<P> | AsyncIterable<P> | Stream.Stream<P, E, R>

/**
 * The options of `stream`.
 *
 * @category options
 * @since 0.1.0
 */
export type StreamOptions<P, S, O extends AnyOutcome, M extends Mode, E2, R2, R3, R4> = {
  /** The parameter sets. */
  readonly params: Input<P, E2, R2>
  /** How many items run at the same time. Defaults to 16. */
  readonly concurrency?: number | "unbounded" | undefined
  /**
   * How many items may wait, at a gate, between two attempts, or for one whose outcome they share, before no more are
   * taken. They do not count among those that run. Defaults to ten times `concurrency`, and to 10,000 at gates.
   */
  readonly parked?: number | undefined
  /** What every item goes through before it begins, and holds until it ends. Defaults to no gate. */
  readonly gate?: Gate<P> | undefined
  /** Defaults to `"fail-fast"`. */
  readonly mode?: M | undefined
  /** How many handlers an item may pass through; it then fails with `TooManySteps`. Defaults to 1,000,000. */
  readonly maxSteps?: number | undefined
  /**
   * What the batch may spend. Then it ends without a failure, as `endedBy` of the report says: what runs is interrupted,
   * what has not started does not. Defaults to no bound.
   */
  readonly budget?: Budget | undefined
  /**
   * What an outcome has cost, for `budget.cost` and for `cost` of the report. Asked for each item that came to its end,
   * not for those that were interrupted; of items that share an outcome, for the one that ran. What it throws fails the
   * item.
   */
  readonly cost?: ((outcome: O) => number) | undefined
  /** Runs the first items alone, and starts the others if what became of them is good. Defaults to no canary. */
  readonly canary?: Canary<Report<S, O>, R4> | undefined
  /**
   * How long the batch may take. Then it ends without a failure, as `endedBy` of the report says: what runs is
   * interrupted, what has not started does not. Defaults to no limit.
   */
  readonly timeout?: Duration.Input | undefined
  /**
   * Once `timeout` has passed, the `budget` is spent, or a handler has answered `Handler.stop`: how long what runs may go
   * on before it is interrupted. Nothing starts meanwhile. Defaults to no time.
   */
  readonly drain?: Duration.Input | undefined
  /**
   * Whether every item works on its own copy of the shared data, merged key by key when it has succeeded, at the
   * cost of its size for each item. Defaults to `"none"`: all items change the same value, atomically.
   */
  readonly isolation?: "none" | "snapshot" | undefined
  /** With `isolation: "snapshot"`: brings together what two items have made of a key. Defaults to a conflict. */
  readonly merge?:
    | { readonly [K in keyof S]?: ((base: S[K], mine: S[K], theirs: S[K]) => S[K]) | undefined }
    | undefined
  /**
   * Names an item. Defaults to a stable hash of its params. It is called when a key is first read, so params must not
   * be changed once they were given. What it throws is thrown to who reads `outcome.key`, as is an error where it answers
   * no string; reports say that such an item has no key.
   */
  readonly key?: ((params: P) => string) | undefined
  /** Whether every outcome says when each of its steps ran. Defaults to `false`. */
  readonly timings?: boolean | undefined
  /** Gets the report where the batch does not answer it: it was interrupted, or its input failed. */
  readonly onInterrupt?: ((report: Report<S, O>) => Effect.Effect<unknown, never, R3>) | undefined
} & Pipeline.SharedOption<S>

/**
 * The options of `run`.
 *
 * @category options
 * @since 0.1.0
 */
export type Options<P, S, O extends AnyOutcome, M extends Mode, E2, R2, R3, R4> = StreamOptions<
  P,
  S,
  O,
  M,
  E2,
  R2,
  R3,
  R4
> & {
  /** Which outcomes the report keeps. Defaults to `"all"`. */
  readonly outcomes?: "all" | "failures" | "none" | undefined
}

/**
 * Whether the params are decoded, and so on which side of the schemas they are.
 *
 * @category options
 * @since 0.1.0
 */
export interface DecodeOption<D extends boolean> {
  /** `false` for params known to be good: they are given as the schemas decode them. Defaults to `true`. */
  readonly decodeParams?: D | undefined
}

/**
 * The params of a batch: as they are given, or as the schemas decode them.
 *
 * @category models
 * @since 0.1.0
 */
export type Given<P, PT, D> = [D] extends [false] ? PT : P

/**
 * What the options say, and not what the caller expects: `Effect.all` expects
 * effects with any errors, and without options that say something else, these
 * would be the errors of the batch.
 *
 * @category models
 * @since 0.1.0
 */
export type FromOptions<T> = [T] extends [infer A] ? A : never

/**
 * What a batch fails with: nothing where it collects all failures and bears any
 * number.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure<M, T, E, Rep extends AnyReport> = [M] extends ["collect-all"]
  ? [T] extends [undefined]
    ? never
    : BatchFailed<E, Rep>
  : BatchFailed<E, Rep>

/**
 * What `duplicates` adds to the errors of an item.
 *
 * @category models
 * @since 0.1.0
 */
export type DuplicateError<U> = U extends "error" ? DuplicateKey : never

/**
 * An outcome of a batch with these options.
 *
 * @category models
 * @since 0.1.0
 */
export type OutcomeOf<P, PT, D, A extends string, O, E, U> = Outcome<Given<P, PT, D>, A, O, E | DuplicateError<U>>

/**
 * How many failures a collect-all batch bears. It stops as soon as one of the
 * bounds is exceeded, and fails with `BatchFailed`; `endedBy` of the report names
 * the bound. The rule is that of a Distributed Map of AWS Step Functions.
 *
 * @category options
 * @since 0.1.0
 */
export interface Tolerance extends Bounds {}

/**
 * The option `tolerate`.
 *
 * @category options
 * @since 0.1.0
 */
export interface TolerateOption<T extends Tolerance | undefined> {
  /** With `mode: "collect-all"`: how many failures the batch bears. Defaults to any number. */
  readonly tolerate?: T
}

/**
 * What becomes of items with the same key: each runs, or those that come later
 * share the outcome of the first, or fail with `DuplicateKey`.
 *
 * @category options
 * @since 0.1.0
 */
export type Duplicates = "run" | "share" | "error"

/**
 * The option `duplicates`.
 *
 * @category options
 * @since 0.1.0
 */
export interface DuplicatesOption<U extends Duplicates | undefined> {
  /**
   * What becomes of items with the same key. With `"share"` and `"error"` the key of every item is computed, and kept
   * until the batch ends; `"share"` keeps the outputs as well. What is shared was processed once. Defaults to `"run"`.
   */
  readonly duplicates?: U
}

/**
 * What a batch may spend: it ends without a failure once a bound is reached.
 *
 * @category options
 * @since 0.1.0
 */
export interface Budget extends BudgetBounds {}

/**
 * The option `canary`: the first `items` run, and once they have ended, `check`
 * says whether the others start.
 *
 * @category options
 * @since 0.1.0
 */
export interface Canary<in Rep, out R> {
  /** How many items run first. */
  readonly items: number
  /**
   * Whether the others may start; where not, the batch ends without a failure. Not asked where there are no others, as
   * far as is known. Defaults to whether none of the items failed, which in a fail-fast batch is always so.
   */
  readonly check?: ((report: Rep) => boolean | Effect.Effect<boolean, never, R>) | undefined
}
