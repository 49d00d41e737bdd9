/**
 * The options of a handler, and what its functions are given. Read these as
 * `Handler.Options`, `Handler.Retry` and so on.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import type { Next, Skip } from "./Answer.ts"
import type { HandlerTimeout } from "./BatchError.ts"
import type { Gate } from "./Gate.ts"

/**
 * What `prepareInputs` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface PrepareContext<out Shared, out Params, out Previous> {
  readonly shared: Shared
  readonly params: Params
  /** The output of the handler before; annotate its type where you use it. */
  readonly previous: Previous
}

/**
 * What `processResults` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessContext<out Shared, out Params, out Inputs, out Outputs> {
  /** The shared data at this moment, with every change that other items have made meanwhile. */
  readonly shared: Shared
  readonly params: Params
  readonly inputs: Inputs
  readonly outputs: Outputs
}

/**
 * When to try a request again: at least one of `times`, `schedule` and `while`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Retry<in E, in Timeout = never, out R = never> {
  /** How many retries follow the first attempt. Defaults to no bound. */
  readonly times?: number | undefined
  /** How long to wait before each retry, and when to give up. Defaults to no wait. */
  readonly schedule?: Schedule.Schedule<unknown, E | Timeout, never, R> | undefined
  /**
   * Which errors are worth a retry. Defaults to all. With a `timeout` it is asked about `HandlerTimeout` too, which has
   * none of the fields of your errors: annotate the parameter to tell them apart.
   */
  readonly while?: ((error: E) => boolean) | undefined
}

/**
 * The error that a `timeout` adds: none where there is no timeout.
 *
 * @category models
 * @since 0.1.0
 */
export type TimeoutError<T> = [T] extends [undefined] ? never : HandlerTimeout

/**
 * What a handler may write into the shared data: nothing, where it does not say
 * what that is.
 *
 * @category models
 * @since 0.1.0
 */
export type Written<S> = unknown extends S ? never : S

/**
 * Nothing where a schema describes errors of the handler, `never` where it describes others.
 *
 * @category models
 * @since 0.1.0
 */
// While TypeScript has not looked at the functions yet, there are no errors but those that are there without them.
export type Described<EC, E> = [Exclude<E, HandlerTimeout | Cause.UnknownError>] extends [never]
  ? unknown
  : [EC] extends [E]
    ? unknown
    : never

/**
 * The options of every handler, whatever its request is. Write them in this
 * order: `prepareInputs`, `handleRequest`, `handleError`, `processResults`;
 * TypeScript infers from the ones above.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<
  S,
  P,
  PE,
  RD,
  I,
  O,
  E,
  T extends Duration.Input | undefined,
  O2,
  E2,
  R2,
  A extends string,
  RS,
  EC = any
> {
  /** Decodes the params before the item starts: a Schema, or any Standard Schema. Defaults to the params as given. */
  readonly params?: Schema.Codec<P, PE, RD, unknown> | StandardSchemaV1<PE, P> | undefined
  /** The type of the shared data. It is not validated. */
  readonly shared?: Schema.Schema<S> | StandardSchemaV1<unknown, S> | undefined
  /**
   * Writes the errors of the handler into a saved report and reads them again. Defaults to their text: the failure then
   * reads as a `RenderedError`.
   */
  readonly error?: (Schema.Codec<EC, any> & Described<EC, E2>) | undefined
  /** As `error`, for outputs that are no plain data. Defaults to plain data, with dates, collections and the like. */
  readonly output?: Schema.Codec<NoInfer<O | O2>, any> | undefined
  /** How long each attempt may take; it then fails with `HandlerTimeout`. Defaults to no limit. */
  readonly timeout?: T
  /**
   * What each attempt goes through before it is made; the item waits for it behind `prepareInputs`. Defaults to no gate.
   */
  readonly gate?: Gate<P> | undefined
  /**
   * What the start of a request has really cost at the gate, such as the tokens of a model, by what the request answers:
   * as `Gate.settle` in the request. Without a `gate` the gate of the batch is told, if there is one, where the costs of
   * all requests of an item add up. Defaults to what was expected.
   */
  readonly settleCost?: ((outputs: NoInfer<O>) => number) | undefined
  /** Defaults to a single attempt. */
  readonly retry?: Retry<NoInfer<E>, TimeoutError<T>, RS> | undefined
  /** Runs once, after the last attempt, with its typed error; what it answers takes the place of the output. */
  readonly handleError?: ((inputs: I, error: E | TimeoutError<T>) => Effect.Effect<O2, E2, R2>) | undefined
  /** Pure and atomic: answers the action and the next shared data. Defaults to the action `"default"`, nothing changed. */
  readonly processResults?:
    | ((context: ProcessContext<S, P, I, O | O2>) => Next<A, Written<NoInfer<S>>> | Skip)
    | undefined
}
