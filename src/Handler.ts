/**
 * One step of a pipeline.
 *
 * A handler prepares its inputs from the params and the shared data, makes a
 * request that may fail, wait and be retried, and processes the results into the
 * next action and the next value of the shared data. Handlers are immutable
 * definitions; all state of a run lives in the run.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Pipeable from "effect/Pipeable"
import { hasProperty } from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { Options, PrepareContext, TimeoutError } from "./HandlerOptions.ts"
import * as currentItem from "./internal/currentItem.ts"
import type { HandlerDefinition, PipelineDefinition } from "./internal/definition.ts"
import * as internal from "./internal/handler.ts"
import type { AnyOptions } from "./internal/handler.ts"

export { type Draft, next, type Next, nextWith, skip, type Skip, stop } from "./Answer.ts"
export type { Options, PrepareContext, ProcessContext, Retry } from "./HandlerOptions.ts"

/**
 * One step: from `Params` and the output of the handler before (`Previous`) to
 * an `Output` and an `Action`.
 *
 * **Details**
 *
 * `Params` is what a batch takes, `Decoded` what the handler sees of it.
 * `Shared` is `unknown` for a handler that does not use the shared data; it fits
 * beside every other. `Services` never holds a `Scope`: each item has its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handler<
  in Params,
  in Decoded,
  in out Shared,
  in Previous,
  out Output,
  out Action extends string,
  out E,
  out R
>
  extends Pipeable.Pipeable {
  readonly [internal.TypeId]: {
    readonly _Params: (_: Params) => void
    readonly _Decoded: (_: Decoded) => void
    readonly _Shared: (_: Shared) => Shared
    readonly _Previous: (_: Previous) => void
    readonly _Output: () => Output
    readonly _Action: () => Action
    readonly _E: () => E
    readonly _R: () => R
  }
  readonly name: string
  /** @internal */
  readonly definition: HandlerDefinition | PipelineDefinition
}

/**
 * Any handler.
 *
 * @category models
 * @since 0.1.0
 */
// The type parameters have both variances, so only `any` stands for all of them.
export type Any = Handler<any, any, any, any, any, any, any, any>

/**
 * The params that a handler takes, as a batch is given them.
 *
 * @category models
 * @since 0.1.0
 */
export type Params<H> = H extends Handler<infer X, any, any, any, any, any, any, any> ? X : never

/**
 * The params of a handler as its schema decodes them.
 *
 * @category models
 * @since 0.1.0
 */
export type Decoded<H> = H extends Handler<any, infer X, any, any, any, any, any, any> ? X : never

/**
 * The type of the shared data; `unknown` where a handler does not use it.
 *
 * @category models
 * @since 0.1.0
 */
export type Shared<H> = H extends Handler<any, any, infer X, any, any, any, any, any> ? X : never

/**
 * What a handler expects as the output of the handler before it.
 *
 * @category models
 * @since 0.1.0
 */
export type Previous<H> = H extends Handler<any, any, any, infer X, any, any, any, any> ? X : never

/**
 * What a handler hands to the next one: the value of its request, or of its fallback.
 *
 * @category models
 * @since 0.1.0
 */
export type Output<H> = H extends Handler<any, any, any, any, infer X, any, any, any> ? X : never

/**
 * The actions that a handler can answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Action<H> = H extends Handler<any, any, any, any, any, infer X extends string, any, any> ? X : never

/**
 * The errors of a handler: those that no `handleError` takes away.
 *
 * @category models
 * @since 0.1.0
 */
export type Error<H> = H extends Handler<any, any, any, any, any, any, infer X, any> ? X : never

/**
 * The services that a handler needs.
 *
 * @category models
 * @since 0.1.0
 */
export type Services<H> = H extends Handler<any, any, any, any, any, any, any, infer X> ? X : never

/**
 * What the current fiber runs for, as the item stands when a field is read. Logged as it is, it shows just these fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface CurrentItem {
  /** The position of the parameter set in the input, from 0; -1 outside of a run. */
  readonly index: number
  /** The name of the item; together with `handler` it makes an idempotency key. */
  readonly key: string
  /** The name of the step. */
  readonly handler: string
  /** The attempt of that step, from 1. */
  readonly attempt: number
}

/**
 * Returns `true` if the value is a `Handler`.
 *
 * **Example** (Telling handlers from other values)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Handler } from "parallel-batch-pipeline/effect"
 *
 * Handler.isHandler(Handler.make("one", { handleRequest: () => Effect.succeed(1) })) // => true
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isHandler = (u: unknown): u is Any => hasProperty(u, internal.TypeId)

/**
 * Makes a handler whose request is an Effect.
 *
 * **Details**
 *
 * `prepareInputs` and `processResults` are synchronous; between the
 * `processResults` of one handler and the `prepareInputs` of the next in the same
 * item no other item touches the shared data. Left out, `prepareInputs` hands the
 * params to the request, and `processResults` answers `"default"`.
 *
 * Only `handleRequest` is retried, timed and given to `handleError`, and only its
 * typed errors. What any of the functions throws is a bug: the item fails with it
 * as a defect. A finalizer added by a request runs when the item ends.
 *
 * **Gotchas**
 *
 * TypeScript infers from top to bottom: write `prepareInputs`, `handleRequest`,
 * `handleError`, `processResults` in this order. Where `handleRequest` is an
 * inline `Effect.fnUntraced`, annotate the parameters of the functions below it,
 * or give the function a name above the handler.
 *
 * **Example** (Doubling a number and summing up)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const double = Handler.make("double", {
 *   params: Schema.Struct({ n: Schema.Number }),
 *   shared: Schema.Struct({ sum: Schema.Number }),
 *   handleRequest: ({ n }) => Effect.succeed(n * 2),
 *   processResults: ({ outputs, shared }) => Handler.next("doubled", { sum: shared.sum + outputs })
 * })
 * const doubling = Pipeline.make("doubling", { handlers: { double }, start: "double" })
 *
 * const result = Pipeline.run(doubling, { params: { n: 21 }, shared: { sum: 0 } })
 *
 * await Effect.runPromise(result) // => { action: "doubled", output: 42, shared: { sum: 42 } }
 * ```
 *
 * @see {@link fromPromise} for a request that is a plain async function
 * @category constructors
 * @since 0.1.0
 */
export const make: {
  <
    I,
    O,
    E = never,
    R = never,
    S = unknown,
    P = unknown,
    PE = P,
    RD = never,
    Prev = unknown,
    T extends Duration.Input | undefined = undefined,
    O2 = never,
    E2 = E | TimeoutError<T>,
    R2 = never,
    const A extends string = "default",
    RS = never,
    EC = never
  >(
    name: string,
    options: {
      readonly prepareInputs: (context: PrepareContext<S, P, Prev>) => I
      readonly handleRequest: (inputs: I) => Effect.Effect<O, E, R>
    } & Options<S, P, PE, RD, I, O, E, T, O2, E2, R2, A, RS, EC>
  ): Handler<PE, P, S, Prev, O | O2, A, E2, Exclude<R | R2 | RD | RS, Scope.Scope>>
  <
    P,
    O,
    E = never,
    R = never,
    S = unknown,
    PE = P,
    RD = never,
    T extends Duration.Input | undefined = undefined,
    O2 = never,
    E2 = E | TimeoutError<T>,
    R2 = never,
    const A extends string = "default",
    RS = never,
    EC = never
  >(
    name: string,
    options: {
      readonly prepareInputs?: undefined
      readonly handleRequest: (inputs: P) => Effect.Effect<O, E, R>
    } & Options<S, P, PE, RD, P, O, E, T, O2, E2, R2, A, RS, EC>
  ): Handler<PE, P, S, unknown, O | O2, A, E2, Exclude<R | R2 | RD | RS, Scope.Scope>>
} = (name: string, options: AnyRequest): Any => {
  internal.checkRequest(name, options)
  // From here on the engine hands each function what the overloads have said it takes.
  const handleRequest = options.handleRequest as HandlerDefinition["handleRequest"]
  return internal.make(name, internal.define(name, options, handleRequest, undefined))
}

/**
 * Makes a handler whose request is a plain async function.
 *
 * **Details**
 *
 * The function gets an `AbortSignal`, aborted when the item is interrupted or an
 * attempt times out. What it throws, or rejects with, becomes a typed error
 * through `catch`; without it, an `UnknownError` with that value as its `cause`.
 *
 * **Example** (Turning a rejection into a typed error)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const parse = Handler.fromPromise("parse", {
 *   handleRequest: async ({ text }: { readonly text: string }) => JSON.parse(text) as unknown,
 *   catch: () => "not JSON" as const
 * })
 * const parsing = Pipeline.make("parsing", { handlers: { parse }, start: "parse" })
 *
 * await Effect.runPromise(Effect.flip(Pipeline.run(parsing, { params: { text: "{" } }))) // => "not JSON"
 * ```
 *
 * @see {@link make} for a request that is an Effect
 * @category constructors
 * @since 0.1.0
 */
export const fromPromise: {
  <
    I,
    O,
    E = Cause.UnknownError,
    S = unknown,
    P = unknown,
    PE = P,
    RD = never,
    Prev = unknown,
    T extends Duration.Input | undefined = undefined,
    O2 = never,
    E2 = E | TimeoutError<T>,
    R2 = never,
    const A extends string = "default",
    RS = never,
    EC = never
  >(
    name: string,
    options: {
      readonly prepareInputs: (context: PrepareContext<S, P, Prev>) => I
      readonly handleRequest: (inputs: I, signal: AbortSignal) => PromiseLike<O>
      readonly catch?: ((cause: unknown) => E) | undefined
    } & Options<S, P, PE, RD, I, O, E, T, O2, E2, R2, A, RS, EC>
  ): Handler<PE, P, S, Prev, O | O2, A, E2, Exclude<R2 | RD | RS, Scope.Scope>>
  <
    P,
    O,
    E = Cause.UnknownError,
    S = unknown,
    PE = P,
    RD = never,
    T extends Duration.Input | undefined = undefined,
    O2 = never,
    E2 = E | TimeoutError<T>,
    R2 = never,
    const A extends string = "default",
    RS = never,
    EC = never
  >(
    name: string,
    options: {
      readonly prepareInputs?: undefined
      readonly handleRequest: (inputs: P, signal: AbortSignal) => PromiseLike<O>
      readonly catch?: ((cause: unknown) => E) | undefined
    } & Options<S, P, PE, RD, P, O, E, T, O2, E2, R2, A, RS, EC>
  ): Handler<PE, P, S, unknown, O | O2, A, E2, Exclude<R2 | RD | RS, Scope.Scope>>
} = (name: string, options: AnyPromise): Any => {
  internal.checkRequest(name, options)
  const handleRequest = options.handleRequest as (inputs: unknown, signal?: AbortSignal) => PromiseLike<unknown>
  const fail = options.catch ?? internal.unknownError(name)
  // A signal costs more than the call. Only a function with exactly one parameter is sure not to look for it.
  const takesSignal = handleRequest.length !== 1
  const effect = takesSignal
    ? (inputs: unknown) => Effect.tryPromise({ try: (signal) => handleRequest(inputs, signal), catch: fail })
    : (inputs: unknown) => Effect.tryPromise({ try: () => handleRequest(inputs), catch: fail })
  return internal.make(name, internal.define(name, options, effect, { handleRequest, takesSignal, catch: fail }))
}

/**
 * The item that the current fiber runs for: for logs, and for idempotency keys.
 *
 * **Example** (Telling the attempts apart)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const flaky = Handler.make("flaky", {
 *   handleRequest: () =>
 *     Effect.flatMap(Handler.CurrentItem, ({ attempt, handler }) =>
 *       attempt < 3 ? Effect.fail("not yet") : Effect.succeed(`${handler}, attempt ${attempt}`)),
 *   retry: { times: 5 }
 * })
 * const pipeline = Pipeline.make("pipeline", { handlers: { flaky }, start: "flaky" })
 *
 * const result = await Effect.runPromise(Pipeline.run(pipeline, { params: {} }))
 *
 * result.output // => "flaky, attempt 3"
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export const CurrentItem: Context.Reference<CurrentItem> = currentItem.CurrentItem

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type AnyRequest = AnyOptions & {
  readonly handleRequest: (inputs: never) => Effect.Effect<unknown, unknown, unknown>
}

type AnyPromise = AnyOptions & {
  readonly handleRequest: (inputs: never, signal: AbortSignal) => PromiseLike<unknown>
  readonly catch?: ((cause: unknown) => unknown) | undefined
}
