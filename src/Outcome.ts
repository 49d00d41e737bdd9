/**
 * What became of one item.
 *
 * Every parameter set that a batch reads ends as exactly one outcome, whatever
 * fails. Outcomes are plain values; narrow them by `_tag`, with a guard, or with
 * `match`.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import type { ItemError } from "./BatchError.ts"

/**
 * What every outcome says of its item.
 *
 * @category models
 * @since 0.1.0
 */
export interface Item<out P> {
  /** The position of the parameter set in the input, from 0. */
  readonly index: number
  /**
   * The name of the item: what the option `key` answers, else a stable hash of the params. It is computed when it is
   * first read, so params must not be changed once they were given: the name would be that of what they became.
   */
  readonly key: string
  /** The parameter set as it was given. */
  readonly params: P
}

/**
 * What an outcome says of an item that had started.
 *
 * @category models
 * @since 0.1.0
 */
export interface Started {
  /** How often a `handleRequest` was called for the item, over all of its steps. */
  readonly attempts: number
  /** From the start of the batch to that of the item. */
  readonly startedAfter: Duration.Duration
  /** From the start of the item to its end, finalizers included. */
  readonly duration: Duration.Duration
  /** The steps that the item entered, in order. */
  readonly path: ReadonlyArray<string>
  /** With the option `timings`: when each of those steps ran. */
  readonly timings?: ReadonlyArray<StepTiming> | undefined
}

/**
 * When a step of an item ran.
 *
 * @category models
 * @since 0.1.0
 */
export interface StepTiming {
  readonly step: string
  /** From the start of the batch to that of the step. */
  readonly startedAfter: Duration.Duration
  /** To the start of the next step; of the last one, to the end of the item. */
  readonly duration: Duration.Duration
}

/**
 * The item went through the pipeline.
 *
 * @category models
 * @since 0.1.0
 */
export interface Succeeded<out P, out A extends string, out O> extends Item<P>, Started {
  readonly _tag: "Succeeded"
  /** The action that ended the run: one without a route. */
  readonly action: A
  /** The output of the last handler. */
  readonly output: O
  /** Whether the outcome was taken over from an earlier report, by `Batch.redrive` or `redrive` of a class. */
  readonly reused: boolean
}

/**
 * The item failed: with a typed error, or with a thrown bug.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failed<out P, out E> extends Item<P>, Started {
  readonly _tag: "Failed"
  /** The step that failed; `undefined` where no step had begun. */
  readonly handler: string | undefined
  readonly cause: Cause.Cause<ItemError<E>>
}

/**
 * A handler ended the item with `Handler.skip`: neither success nor failure.
 *
 * @category models
 * @since 0.1.0
 */
export interface Skipped<out P> extends Item<P>, Started {
  readonly _tag: "Skipped"
  /** The step that skipped the item. */
  readonly handler: string
  readonly reason: string
}

/**
 * The batch ended while the item ran, it was cancelled, or a gate sent it away; its finalizers have run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Interrupted<out P> extends Item<P>, Started {
  readonly _tag: "Interrupted"
  /** The step that was interrupted; `undefined` where no step had begun. */
  readonly handler: string | undefined
  /** Why, where a gate sent it away. */
  readonly reason?: string | undefined
}

/**
 * The batch ended before the item's turn came, or while it waited at a gate for its
 * first call; it was cancelled before that, or a gate did not let it in.
 *
 * @category models
 * @since 0.1.0
 */
export interface NotStarted<out P> extends Item<P> {
  readonly _tag: "NotStarted"
  /** Why the item did not start; `undefined` where the batch had ended. */
  readonly reason: string | undefined
}

/**
 * What became of one item, as a union tagged by `_tag`.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome<P, A extends string, O, E> =
  | Succeeded<P, A, O>
  | Failed<P, E>
  | Skipped<P>
  | Interrupted<P>
  | NotStarted<P>

/**
 * Any outcome.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = Outcome<unknown, string, unknown, unknown>

/**
 * Returns `true` if the outcome is a `Succeeded`.
 *
 * **Example** (Collecting the outputs)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Outcome, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail("odd")
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const report = await Effect.runPromise(Batch.run(halves, { params: [{ n: 2 }, { n: 3 }], mode: "collect-all" }))
 *
 * report.outcomes.filter(Outcome.isSucceeded).map((outcome) => outcome.output) // => [1]
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isSucceeded = <O extends Any>(outcome: O): outcome is Extract<O, { readonly _tag: "Succeeded" }> =>
  outcome._tag === "Succeeded"

/**
 * Returns `true` if the outcome is a `Failed`.
 *
 * **Example** (Listing the failed items)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Outcome, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail("odd")
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const report = await Effect.runPromise(Batch.run(halves, { params: [{ n: 2 }, { n: 3 }], mode: "collect-all" }))
 *
 * report.outcomes.filter(Outcome.isFailed).map(({ handler, index }) => [index, handler]) // => [[1, "half"]]
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isFailed = <O extends Any>(outcome: O): outcome is Extract<O, { readonly _tag: "Failed" }> =>
  outcome._tag === "Failed"

/**
 * Folds an outcome with one function for each of its five tags.
 *
 * **Example** (Writing a line for each item)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Outcome, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail("odd")
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const report = await Effect.runPromise(Batch.run(halves, { params: [{ n: 2 }, { n: 3 }], mode: "collect-all" }))
 * const lines = report.outcomes.map((outcome) =>
 *   Outcome.match(outcome, {
 *     onSucceeded: ({ output, params }) => `${params.n} / 2 = ${output}`,
 *     onFailed: ({ handler, params }) => `${params.n} failed in ${handler}`,
 *     onSkipped: ({ params, reason }) => `${params.n} skipped: ${reason}`,
 *     onInterrupted: ({ params }) => `${params.n} interrupted`,
 *     onNotStarted: ({ params }) => `${params.n} not started`
 *   })
 * )
 *
 * lines // => ["2 / 2 = 1", "3 failed in half"]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const match: {
  <P, A extends string, O, E, B1, B2, B3, B4, B5>(
    cases: Cases<P, A, O, E, B1, B2, B3, B4, B5>
  ): (outcome: Outcome<P, A, O, E>) => B1 | B2 | B3 | B4 | B5
  <P, A extends string, O, E, B1, B2, B3, B4, B5>(
    outcome: Outcome<P, A, O, E>,
    cases: Cases<P, A, O, E, B1, B2, B3, B4, B5>
  ): B1 | B2 | B3 | B4 | B5
} = dual(
  2,
  <P, A extends string, O, E, B1, B2, B3, B4, B5>(
    outcome: Outcome<P, A, O, E>,
    cases: Cases<P, A, O, E, B1, B2, B3, B4, B5>
  ): B1 | B2 | B3 | B4 | B5 => {
    switch (outcome._tag) {
      case "Succeeded":
        return cases.onSucceeded(outcome)
      case "Failed":
        return cases.onFailed(outcome)
      case "Skipped":
        return cases.onSkipped(outcome)
      case "Interrupted":
        return cases.onInterrupted(outcome)
      case "NotStarted":
        return cases.onNotStarted(outcome)
    }
  }
)

/**
 * The functions that `match` takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cases<in P, in A extends string, in O, in E, out B1, out B2, out B3, out B4, out B5> {
  readonly onSucceeded: (outcome: Succeeded<P, A, O>) => B1
  readonly onFailed: (outcome: Failed<P, E>) => B2
  readonly onSkipped: (outcome: Skipped<P>) => B3
  readonly onInterrupted: (outcome: Interrupted<P>) => B4
  readonly onNotStarted: (outcome: NotStarted<P>) => B5
}
