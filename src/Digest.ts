/**
 * Reading a report: what went wrong, what became of this one, what has changed.
 * Read these as `Report.digest`, `Report.diff` and so on.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as internalDiff from "./internal/report/diff.ts"
import * as internalDigest from "./internal/report/digest.ts"
import * as internalFailure from "./internal/report/failure.ts"
import { keyOf } from "./internal/report/keyOf.ts"
import { preferred } from "./internal/report/match.ts"
import type * as Outcome from "./Outcome.ts"
import type { Report } from "./Report.ts"

/**
 * Failures that say the same, but for what is particular to their item.
 *
 * @category models
 * @since 0.1.0
 */
export interface FailureGroup {
  /** The step that failed; `undefined` where no step had begun. */
  readonly handler: string | undefined
  /** The `_tag` of the error, or the name of its class. */
  readonly tag: string
  /** Whether it was a thrown bug, and no typed error. */
  readonly defect: boolean
  /** The message, with what is particular to an item folded: `<n>` (unless it tells kinds apart), `<id>`, `<url>`, `<path>`, `<time>`, `<email>`; `<…>` for what is taken for data because it differs so often. */
  readonly message: string
  readonly count: number
  /** The message of the first of them, as it was. */
  readonly example: string
  /** The keys of the first two. */
  readonly sampleKeys: ReadonlyArray<string>
}

/**
 * What has changed from one report to a later one, by key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Diff<out A extends Outcome.Any, out B extends Outcome.Any> {
  /** Succeeded now, and had not. */
  readonly fixed: ReadonlyArray<Change<A, B>>
  /** Failed now, and had not. */
  readonly broken: ReadonlyArray<Change<A, B>>
  /** Failed both times. */
  readonly stillFailing: ReadonlyArray<Change<A, B>>
  /** Ran both times to the same kind of end, and took longer; the greatest loss first. */
  readonly slower: ReadonlyArray<Change<A, B>>
  /** As `slower`, but faster. */
  readonly faster: ReadonlyArray<Change<A, B>>
  /** In the later report only. */
  readonly added: ReadonlyArray<B>
  /** In the earlier report only. */
  readonly removed: ReadonlyArray<A>
}

/**
 * One item in two reports.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change<out A extends Outcome.Any, out B extends Outcome.Any> {
  readonly key: string
  readonly before: A
  readonly after: B
}

/**
 * The options of `diff`.
 *
 * @category options
 * @since 0.1.0
 */
export interface DiffOptions {
  /** How many times as long an item has to take to count as slower. Defaults to 1.5. */
  readonly factor?: number | undefined
  /** How much longer it has to take at least, so that noise does not count. Defaults to 100 ms. */
  readonly atLeast?: Duration.Input | undefined
}

/**
 * Groups the failures by step, tag and message, so that 4,000 failures read as
 * a few lines. The largest group comes first.
 *
 * **Details**
 *
 * In messages times, URLs, addresses, ids, paths and numbers are folded; where a
 * step fails with more than five messages of one tag that still differ, what they
 * quote is folded as well, and more than five that differ in a single word are
 * one, with `<…>` for the word. Numbers stay where they tell kinds of failures apart: statuses of HTTP while there are at
 * most ten in the same place, and others while there are at most five that come twice on average; ports, durations,
 * sizes and numbers of more than five digits never do.
 *
 * A message has the messages of its causes behind it. A cause with several reasons counts with its first
 * typed error, else its first defect.
 *
 * **Example** (Reading many failures as one)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
 *
 * const fetch = Handler.make("fetch", {
 *   handleRequest: ({ id }: { readonly id: number }) => Effect.fail(new Error(`status 503 from https://example.com/${id}`))
 * })
 * const fetching = Pipeline.make("fetching", { handlers: { fetch }, start: "fetch" })
 *
 * const report = await Effect.runPromise(
 *   Batch.run(fetching, { params: [{ id: 1 }, { id: 2 }, { id: 3 }], mode: "collect-all", key: ({ id }) => `page ${id}` })
 * )
 * const [group] = Report.digest(report)
 *
 * group?.message // => "status 503 from <url>"
 * group?.count // => 3
 * group?.sampleKeys // => ["page 1", "page 2"]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const digest = (self: Report<unknown, Outcome.Any>): ReadonlyArray<FailureGroup> =>
  internalDigest.digest(self.outcomes)

/**
 * The outcomes of the items that failed, in input order.
 *
 * **Example** (Listing what failed)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail("odd")
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const report = await Effect.runPromise(Batch.run(halves, { params: [{ n: 2 }, { n: 3 }], mode: "collect-all" }))
 *
 * Report.failures(report).map(({ params }) => params.n) // => [3]
 * ```
 *
 * @see {@link errors} for the errors alone
 * @category combinators
 * @since 0.1.0
 */
export const failures = <O extends Outcome.Any>(
  self: Report<unknown, O>
): ReadonlyArray<Extract<O, { readonly _tag: "Failed" }>> =>
  self.outcomes.filter((outcome): outcome is Extract<O, { readonly _tag: "Failed" }> => outcome._tag === "Failed")

/**
 * The typed errors of the items that failed, in input order. A thrown bug has
 * none: see `failures` for those.
 *
 * **Example** (Counting by tag)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail("odd" as const)
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const report = await Effect.runPromise(Batch.run(halves, { params: [{ n: 2 }, { n: 3 }], mode: "collect-all" }))
 *
 * Report.errors(report) // => ["odd"]
 * ```
 *
 * @see {@link failures} for the outcomes, with key and params
 * @category combinators
 * @since 0.1.0
 */
export const errors = <O extends Outcome.Any>(self: Report<unknown, O>): ReadonlyArray<ErrorOf<O>> =>
  // A typed error of an outcome is one that its type names.
  internalFailure.errorsOf(self.outcomes) as ReadonlyArray<ErrorOf<O>>

/**
 * The outcomes by the key of their item.
 *
 * **Gotchas**
 *
 * Where several items have one key, one of them stands here for all: the first that failed, else the first that did
 * not succeed. Equal parameter sets have equal keys unless the option `key` names them apart.
 *
 * **Example** (Looking up one item)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail("odd")
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const report = await Effect.runPromise(
 *   Batch.run(halves, { params: [{ n: 2 }, { n: 3 }], mode: "collect-all", key: ({ n }) => `number ${n}` })
 * )
 *
 * Report.byKey(report).get("number 3")?._tag // => "Failed"
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const byKey = <O extends Outcome.Any>(self: Report<unknown, O>): ReadonlyMap<string, O> => {
  const outcomes = new Map<string, O>()
  for (const outcome of self.outcomes) {
    const key = keyOf(outcome)
    outcomes.set(key, preferred(outcomes.get(key), outcome))
  }
  return outcomes
}

/**
 * Compares two reports by key: what got fixed, what broke, what is slower.
 *
 * **Details**
 *
 * Where several items have one key, those with equal params are compared, the n-th of the one report with the n-th of
 * the other; what is left of them is `added` or `removed`. An outcome that was reused did not run again, so it is
 * neither slower nor faster.
 *
 * **Example** (Seeing what a repair has changed)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
 *
 * const broken = new Set(["b"])
 * const fetch = Handler.make("fetch", {
 *   handleRequest: ({ id }: { readonly id: string }) => broken.has(id) ? Effect.fail("down") : Effect.succeed(id)
 * })
 * const fetching = Pipeline.make("fetching", { handlers: { fetch }, start: "fetch" })
 * const run = Batch.run(fetching, {
 *   params: [{ id: "a" }, { id: "b" }],
 *   mode: "collect-all",
 *   key: ({ id }) => id
 * })
 *
 * const before = await Effect.runPromise(run)
 * broken.clear()
 * const after = await Effect.runPromise(run)
 *
 * Report.diff(before, after).fixed.map(({ key }) => key) // => ["b"]
 * Report.diff(before, after).broken // => []
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const diff: {
  <B extends Outcome.Any>(
    after: Report<unknown, B>,
    options?: DiffOptions
  ): <A extends Outcome.Any>(before: Report<unknown, A>) => Diff<A, B>
  <A extends Outcome.Any, B extends Outcome.Any>(
    before: Report<unknown, A>,
    after: Report<unknown, B>,
    options?: DiffOptions
  ): Diff<A, B>
} = dual(
  (args) => internalDiff.isReport(args[1]),
  <A extends Outcome.Any, B extends Outcome.Any>(
    before: Report<unknown, A>,
    after: Report<unknown, B>,
    options?: DiffOptions
  ): Diff<A, B> => internalDiff.diff(before.outcomes, after.outcomes, options)
)

type ErrorOf<O> = O extends { readonly _tag: "Failed"; readonly cause: infer C } ? InCause<C> : never

type InCause<C> = C extends { readonly reasons: ReadonlyArray<infer R> }
  ? R extends { readonly _tag: "Fail"; readonly error: infer E }
    ? E
    : never
  : never
