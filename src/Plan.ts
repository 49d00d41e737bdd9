/**
 * What a redrive would do, as data: made by `Batch.plan`, shown by `format`, and
 * applied by `Batch.redrive`.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import { hasProperty } from "effect/Predicate"
import * as internal from "./internal/report/plan.ts"
import type * as Outcome from "./Outcome.ts"
import type * as Pipeline from "./Pipeline.ts"
import type { StyleText } from "./ReportFormat.ts"

/**
 * The item succeeded, and its outcome is taken over.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reuse<out P, out A extends string, out O> extends Planned<P> {
  readonly _tag: "Reuse"
  readonly outcome: Outcome.Succeeded<P, A, O>
}

/**
 * The item is in the report, and runs again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Run<out P> extends Planned<P> {
  readonly _tag: "Run"
  readonly outcome: Outcome.Outcome<P, string, unknown, unknown>
}

/**
 * The item is not in the report, and runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface New<out P> extends Planned<P> {
  readonly _tag: "New"
}

/**
 * The item is in the report, but not among the params any more. It does not run,
 * and is not in the next report.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dropped<out P> {
  readonly _tag: "Dropped"
  readonly key: string
  readonly params: P
  readonly reason: string
  readonly outcome: Outcome.Outcome<P, string, unknown, unknown>
}

/**
 * What every entry says of an item of the next report.
 *
 * @category models
 * @since 0.1.0
 */
export interface Planned<out P> {
  /** The position that the item will have in the next report. */
  readonly index: number
  readonly key: string
  readonly params: P
  readonly reason: string
}

/**
 * What becomes of one item, as a union tagged by `_tag`.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry<P, A extends string, O> = Reuse<P, A, O> | Run<P> | New<P> | Dropped<P>

/**
 * A plan: one entry for each parameter set in order, then the dropped ones.
 *
 * @category models
 * @since 0.1.0
 */
export interface Plan<out P, in out S, out O, out A extends string, out E, out R> {
  readonly [internal.TypeId]: { readonly _E: () => E; readonly _R: () => R }
  /** The name of the pipeline. */
  readonly name: string
  readonly entries: ReadonlyArray<Entry<P, A, O>>
  /** How many entries there are of each kind. */
  readonly reuse: number
  readonly run: number
  readonly new: number
  readonly dropped: number
  /** The shared data that the redrive goes on with, unless it is given others: those of the report. */
  readonly shared: S
  /** What was changed in the pipeline since, where that was allowed. */
  readonly changes: ReadonlyArray<string>
  /** `false` where the input held more than the report knows of, and the params were not given again. */
  readonly exhausted: boolean
  /** @internal */
  readonly pipeline: Pipeline.Any
  /** @internal */
  readonly decodeParams: boolean
}

/**
 * Any plan.
 *
 * @category models
 * @since 0.1.0
 */
// `S` has both variances, so only `any` stands for all of them.
export interface Any extends Plan<unknown, any, unknown, string, unknown, unknown> {}

/**
 * Returns `true` if the value is a `Plan`.
 *
 * **Example** (Telling plans from other values)
 *
 * ```ts
 * import { Plan } from "parallel-batch-pipeline/effect"
 *
 * Plan.isPlan({ entries: [] }) // => false
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isPlan = (u: unknown): u is Any => hasProperty(u, internal.TypeId)

/**
 * Shows what a redrive would do, a line for each of the ten largest reasons, with the keys of the first items.
 *
 * **Example** (Looking before running)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline, Plan } from "parallel-batch-pipeline/effect"
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail("odd")
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const report = await Effect.runPromise(
 *   Batch.run(halves, { params: [{ n: 2 }, { n: 3 }], mode: "collect-all", key: ({ n }) => `number ${n}` })
 * )
 * const plan = await Effect.runPromise(Batch.plan(halves, report))
 *
 * Plan.format(plan).split("\n") // => ["halves: 1 item to run, 1 reused", "", "  reuse  1  succeeded                  number 2", "  run    1  failed in half with \"odd\"  number 3"]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const format: {
  (options?: { readonly styleText?: StyleText | undefined }): (self: Any) => string
  (self: Any, options?: { readonly styleText?: StyleText | undefined }): string
} = dual(
  (args) => isPlan(args[0]),
  (self: Any, options?: { readonly styleText?: StyleText | undefined }): string =>
    internal.format(self, options?.styleText)
)
