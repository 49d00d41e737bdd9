/**
 * What `processResults` answers: the next action with what becomes of the shared
 * data, or that the item is skipped, or the batch ended. Read these as `Handler.next`,
 * `Handler.nextWith`, `Handler.skip` and `Handler.stop`.
 *
 * @since 0.1.0
 */
import * as definition from "./internal/definition.ts"

/**
 * The answer of `processResults` that goes on with an action, and may carry the
 * next value of the shared data. Made by `next` and `nextWith`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Next<out Action extends string, out Shared> {
  readonly _tag: "Next"
  readonly action: Action
  readonly shared: Shared | undefined
}

/**
 * The answer of `processResults` that ends the item as skipped. Made by `skip`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Skip {
  readonly _tag: "Skip"
  readonly reason: string
}

/**
 * The shared data as `nextWith` may change it: without `readonly`, all the way
 * down through records, arrays, Map and Set.
 *
 * @category models
 * @since 0.1.0
 */
export type Draft<S> = S extends string | number | boolean | bigint | symbol | null | undefined | Function | Date
  ? S
  : S extends ReadonlyMap<infer K, infer V>
    ? Map<K, Draft<V>>
    : S extends ReadonlySet<infer V>
      ? Set<Draft<V>>
      : S extends ReadonlyArray<unknown>
        ? { -readonly [K in keyof S]: Draft<S[K]> }
        : S extends object
          ? { -readonly [K in keyof S]: Draft<S[K]> }
          : S

/**
 * Goes on with an action, and with the shared data that is given, if one is.
 *
 * **Example** (Answering an action)
 *
 * ```ts
 * import { Handler } from "parallel-batch-pipeline/effect"
 *
 * Handler.next("fetched").action // => "fetched"
 * ```
 *
 * @see {@link nextWith} for collections that grow with the batch
 * @category constructors
 * @since 0.1.0
 */
export const next: {
  <const Action extends string, Shared>(action: Action, shared: Shared): Next<Action, Shared>
  <const Action extends string>(action: Action): Next<Action, never>
} = function <Action extends string>(action: Action, shared?: unknown): Next<Action, never> {
  // The class does not say of which type the shared data is; the overloads do.
  return new definition.Next(action, arguments.length > 1 ? "replace" : "none", shared, undefined) as Next<
    Action,
    never
  >
}

/**
 * Goes on with an action, and changes the shared data in place.
 *
 * **When to use**
 *
 * For collections that grow with the batch: a million items that each add a key
 * cost a million steps, not a million copies.
 *
 * **Details**
 *
 * The batch works on its own deep copy of records, arrays, Map and Set (other
 * values by reference), made before its first change in place; what you passed
 * to it never changes. What the function throws fails the item as a defect, and
 * what it had changed by then stays.
 *
 * **Gotchas**
 *
 * A value that `next` has put in place is copied before the next change in place:
 * use one of the two for a large value, not both in turn. What you assign becomes
 * part of the draft, so a value with `readonly` arrays inside needs a copy.
 *
 * **Example** (Adding a key)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const square = Handler.make("square", {
 *   params: Schema.Struct({ n: Schema.Number }),
 *   shared: Schema.Struct({ squares: Schema.Record(Schema.String, Schema.Number) }),
 *   handleRequest: ({ n }) => Effect.succeed(n * n),
 *   processResults: ({ outputs, params }) =>
 *     Handler.nextWith("done", (draft) => {
 *       draft.squares[params.n] = outputs
 *     })
 * })
 * const squares = Pipeline.make("squares", { handlers: { square }, start: "square" })
 *
 * const report = await Effect.runPromise(
 *   Batch.run(squares, { params: [{ n: 2 }, { n: 3 }], shared: { squares: {} } })
 * )
 *
 * report.shared // => { squares: { 2: 4, 3: 9 } }
 * ```
 *
 * @see {@link next} for a small value, replaced as a whole
 * @category constructors
 * @since 0.1.0
 */
export const nextWith = <const Action extends string, Shared>(
  action: Action,
  update: (draft: Draft<Shared>) => void
): Next<Action, Shared> => new definition.Next(action, "update", undefined, update) as Next<Action, never>

/**
 * Ends the batch with this item, and without a failure: what was looked for is
 * found, or nothing more is worth its cost.
 *
 * **Details**
 *
 * The item succeeds with the action `"stop"`; a route for that action is not
 * followed. Nothing starts any more; what runs is interrupted, after the time that
 * `drain` gives it, and its finalizers have run when the batch answers its report,
 * whose `endedBy` has the reason.
 *
 * **Example** (Stopping at the first match)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const look = Handler.make("look", {
 *   handleRequest: ({ text }: { readonly text: string }) => Effect.succeed(text.indexOf("needle")),
 *   processResults: ({ outputs }) => outputs === -1 ? Handler.next("missed") : Handler.stop("found")
 * })
 * const search = Pipeline.make("search", { handlers: { look }, start: "look" })
 *
 * const report = await Effect.runPromise(
 *   Batch.run(search, { params: [{ text: "hay" }, { text: "a needle" }, { text: "hay" }], concurrency: 1 })
 * )
 *
 * report.endedBy // => { _tag: "Stop", reason: "found" }
 * report.outcomes.map((outcome) => outcome._tag) // => ["Succeeded", "Succeeded", "NotStarted"]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const stop = (reason: string): Next<"stop", never> =>
  new definition.Next("stop", "none", undefined, undefined, reason) as Next<"stop", never>

/**
 * Ends the item as skipped: neither success nor failure.
 *
 * **Example** (Leaving out what has not changed)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const read = Handler.make("read", {
 *   handleRequest: ({ text }: { readonly text: string }) => Effect.succeed(text.length),
 *   processResults: ({ outputs }) => outputs === 0 ? Handler.skip("empty") : Handler.next("read")
 * })
 * const reading = Pipeline.make("reading", { handlers: { read }, start: "read" })
 *
 * const report = await Effect.runPromise(Batch.run(reading, { params: [{ text: "" }, { text: "abc" }] }))
 *
 * report.skipped // => 1
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const skip = (reason: string): Skip => new definition.Skip(reason)
