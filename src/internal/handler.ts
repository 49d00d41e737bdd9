/**
 * Handlers as values: the prototype, and the untyped definition behind the typed
 * options.
 */
import * as Cause from "effect/Cause"
import * as Pipeable from "effect/Pipeable"
import { messageOf } from "../errors/text.ts"
import type * as Handler from "../Handler.ts"
import type { Options } from "../HandlerOptions.ts"
import { fromSchema } from "./decoder.ts"
import type { HandlerDefinition, PipelineDefinition } from "./definition.ts"
import { policyOf } from "./gate/policy.ts"
import * as Check from "./options.ts"
import type { Names } from "./spelling.ts"

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

/** The error of a handler without `catch`: it says what was thrown. */
export const unknownError =
  (name: string) =>
  (cause: unknown): Cause.UnknownError =>
    new Cause.UnknownError(cause, `Handler "${name}" failed: ${messageOf(cause)}`)

const names: Names<AnyOptions & { readonly handleRequest: unknown; readonly catch: unknown }> = {
  params: true,
  shared: true,
  prepareInputs: true,
  handleRequest: true,
  catch: true,
  handleError: true,
  processResults: true,
  retry: true,
  timeout: true,
  error: true,
  output: true,
  gate: true,
  settleCost: true
}

/** As the classes and other libraries call them. */
const aliases = {
  retries: "retry",
  maxRetries: "retry",
  maxRetry: "retry",
  retryDelayMs: "write retry: { schedule }",
  retryIf: "write retry: { while }",
  timeoutMs: "timeout",
  rate: "write gate: Gate.make({ rate })"
}

/** What has to be there before anything can be done with the options. */
export const checkRequest = (name: string, options: { readonly handleRequest: unknown }): void => {
  const owner = `handler "${name}"`
  Check.object("options", options, "an object with handleRequest", owner)
  Check.spelling(owner, options, names, aliases)
  Check.requiredFunction("handleRequest", options.handleRequest, owner)
}

const whereToWait = " (wait in handleRequest, which may be async in Handler.fromPromise)"

export const define = (
  name: string,
  options: AnyOptions,
  handleRequest: HandlerDefinition["handleRequest"],
  promised: HandlerDefinition["promised"]
): HandlerDefinition => {
  const { retry, settleCost, timeout } = options
  const owner = `handler "${name}"`
  Check.optionalSync("prepareInputs", options.prepareInputs, owner, whereToWait)
  Check.optionalFunction("handleError", options.handleError, owner)
  Check.optionalSync("processResults", options.processResults, owner, whereToWait)
  Check.optionalFunction("settleCost", settleCost, owner)
  if (retry !== undefined) Check.retry(owner, retry)
  return {
    decoder: options.params === undefined ? undefined : fromSchema(options.params),
    prepareInputs: options.prepareInputs as HandlerDefinition["prepareInputs"],
    handleRequest,
    promised,
    handleError: options.handleError,
    processResults: options.processResults as HandlerDefinition["processResults"],
    retry,
    schemas: { params: options.params, shared: options.shared, output: options.output, error: options.error },
    timeout: timeout === undefined ? undefined : Check.duration("timeout", timeout, owner),
    gate: policyOf("gate", options.gate, owner),
    settleCost
  }
}
