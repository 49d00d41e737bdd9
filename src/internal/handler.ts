/**
 * Handlers as values: the prototype, and the untyped definition behind the typed
 * options.
 */
import * as Pipeable from "effect/Pipeable"
import type * as Handler from "../Handler.ts"
import type { Options } from "../HandlerOptions.ts"
import { fromSchema } from "./decoder.ts"
import type { HandlerDefinition, PipelineDefinition } from "./definition.ts"
import { policyOf } from "./gate/policy.ts"
import * as Check from "./options.ts"

export const TypeId = "~parallel-batch-pipeline/Handler"

const Proto = {
  ...Pipeable.Prototype,
  [TypeId]: {},
  toJSON(this: Handler.Any) {
    return { _id: "Handler", name: this.name }
  }
}

export const make = (name: string, definition: HandlerDefinition | PipelineDefinition): Handler.Any =>
  Object.assign(Object.create(Proto), { name, definition })

export type AnyOptions = Options<any, any, any, any, any, any, any, any, any, any, any, string, any> & {
  readonly prepareInputs?: ((context: never) => unknown) | undefined
}

export const define = (
  name: string,
  options: AnyOptions,
  handleRequest: HandlerDefinition["handleRequest"],
  promised: HandlerDefinition["promised"]
): HandlerDefinition => {
  const { retry, settleCost, timeout } = options
  Check.optionalFunction(`settleCost of handler ${name}`, settleCost)
  if (retry !== undefined) Check.retry(`retry of handler ${name}`, retry)
  return {
    decoder: options.params === undefined ? undefined : fromSchema(options.params),
    prepareInputs: options.prepareInputs as HandlerDefinition["prepareInputs"],
    handleRequest,
    promised,
    handleError: options.handleError,
    processResults: options.processResults as HandlerDefinition["processResults"],
    retry,
    schemas: { params: options.params, shared: options.shared, output: options.output, error: options.error },
    timeout: timeout === undefined ? undefined : Check.duration(`timeout of handler ${name}`, timeout),
    gate: policyOf(`gate of handler ${name}`, options.gate),
    settleCost
  }
}
