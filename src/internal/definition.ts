/**
 * What the engine knows of handlers and pipelines: their untyped definitions.
 *
 * The public modules check the types of a graph and hand the engine these
 * values; the engine never looks at anything else.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type { Policy } from "./gate/policy.ts"

/** An effect of the caller; his services come from the context of the batch. */
export type AnyEffect = Effect.Effect<unknown, unknown, unknown>

export interface PrepareContext {
  readonly shared: unknown
  readonly params: unknown
  readonly previous: unknown
}

export interface ProcessContext {
  readonly shared: unknown
  readonly params: unknown
  readonly inputs: unknown
  readonly outputs: unknown
}

/** Why a value does not fit a schema. */
export interface Mismatch {
  readonly path: ReadonlyArray<PropertyKey>
  readonly value: unknown
  readonly expected: string
}

/** Decodes params; `schema` is its identity, so that handlers with the same schema share one decoded value. */
export interface Decoder {
  readonly schema: unknown
  readonly decode: (params: unknown) => Effect.Effect<unknown, Mismatch, unknown>
}

export interface HandlerDefinition {
  readonly decoder: Decoder | undefined
  readonly prepareInputs: ((context: PrepareContext) => unknown) | undefined
  readonly handleRequest: (inputs: unknown) => AnyEffect
  /** Set where the request is a plain promise, which the engine awaits without an effect around it. */
  readonly promised: Promised | undefined
  readonly handleError: ((inputs: unknown, error: unknown) => AnyEffect) | undefined
  readonly processResults: ((context: ProcessContext) => Next | Skip) | undefined
  readonly retry: Retry | undefined
  /** The limit of each attempt. */
  readonly timeout: Duration.Duration | undefined
  /** What each attempt goes through. */
  readonly gate?: Policy | undefined
  /** What the start of a request has really cost at its gate. */
  readonly settleCost?: ((outputs: unknown) => number) | undefined
  /** The schemas for what a report keeps of the step; the engine never looks at them. */
  readonly schemas?: Schemas | undefined
}

/** When a request is made again; at least one of them is there. */
export interface Retry {
  readonly times?: number | undefined
  readonly schedule?: Schedule.Schedule<unknown, unknown, unknown, unknown> | undefined
  readonly while?: ((error: unknown) => boolean) | undefined
  /** Milliseconds until the next attempt, after the failure of so many; it may throw. In the place of a schedule. */
  readonly delay?: ((attempt: number, error: unknown) => number) | undefined
}

export interface Schemas {
  readonly params: unknown
  readonly shared: unknown
  readonly output: unknown
  readonly error: unknown
}

export interface Promised {
  /** Answers a promise, or the value itself where it is at hand. */
  readonly handleRequest: (inputs: unknown, signal?: AbortSignal) => unknown
  /** Whether the function takes the signal; an `AbortController` costs more than the call. */
  readonly takesSignal: boolean
  readonly catch: (cause: unknown) => unknown
}

export interface PipelineDefinition {
  readonly name: string
  readonly version: string | undefined
  /** By key; a handler made with `Pipeline.toHandler` holds a whole graph. */
  readonly handlers: Readonly<Record<string, HandlerDefinition | PipelineDefinition>>
  readonly start: string
  readonly routes: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export const isPipelineDefinition = (
  definition: HandlerDefinition | PipelineDefinition
): definition is PipelineDefinition => "handlers" in definition

/** The answer of `processResults` that goes on with an action. */
export class Next<out Action extends string = string> {
  readonly _tag = "Next"
  readonly action: Action
  /** What becomes of the shared data. */
  readonly change: "none" | "replace" | "update"
  readonly shared: unknown
  readonly update: ((draft: never) => void) | undefined
  /** Why the batch ends with this item, where it does. */
  readonly stop: string | undefined

  constructor(
    action: Action,
    change: "none" | "replace" | "update",
    shared: unknown,
    update: ((draft: never) => void) | undefined,
    stop?: string
  ) {
    this.action = action
    this.change = change
    this.shared = shared
    this.update = update
    this.stop = stop
  }
}

/** The answer of `processResults` that ends the item as skipped. */
export class Skip {
  readonly _tag = "Skip"
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** What a handler without `processResults` answers. */
export const defaultNext = new Next("default", "none", undefined, undefined)
