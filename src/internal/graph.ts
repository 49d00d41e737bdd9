/**
 * Turns the definition of a pipeline into steps that the engine walks.
 *
 * A pipeline inside a pipeline is flattened: its handlers become steps named
 * `outer/inner`, and an action that ends it is looked up in the routes around
 * it. So a nested pipeline costs nothing, needs no stack, and keeps every
 * guarantee of the engine.
 */
import { hasProperty } from "effect/Predicate"
import { InvalidOptions, InvalidPipeline } from "../BatchError.ts"
import type { Stamp } from "../Stamp.ts"
import { hasPolicy } from "./attempts.ts"
import {
  type Decoder,
  type HandlerDefinition,
  isPipelineDefinition,
  type PipelineDefinition,
  type Promised
} from "./definition.ts"
import type { Policy } from "./gate/policy.ts"
import * as Check from "./options.ts"
import { stampOf, stepsOf } from "./stamp.ts"

export interface Step {
  readonly name: string
  readonly handler: HandlerDefinition
  /** Which decoded params the handler takes; -1: the params as given. */
  readonly params: number
  /** Whether the step begins a pipeline, so that it has no previous output. */
  readonly first: boolean
  /** Whether the request stands alone: no timeout, retry or fallback around it. */
  readonly plain: boolean
  /** Set where the request is a plain promise. */
  readonly promised: Promised | undefined
  readonly gate: Policy | undefined
  /** Whether what the step prepares is prepared by its request, so that nothing is waited for in between. */
  readonly atomic: boolean
  /** The step behind an action; `undefined` where the action ends the run. */
  readonly next: (action: string) => Step | undefined
}

export interface Graph {
  readonly name: string
  readonly start: Step
  readonly decoders: ReadonlyArray<Decoder>
  /** Which pipeline it is, for the report. */
  readonly stamp: () => Stamp
  /** Whether any step may have a gate. */
  readonly gated: boolean
}

/** The step of a handler. `params`: which decoded params it takes, as `Step.params`. */
export const stepOf = (
  name: string,
  handler: HandlerDefinition,
  params: number,
  next: Step["next"],
  atomic = false
): Step => {
  const plain = !hasPolicy(handler)
  const promised = plain ? handler.promised : undefined
  return { name, handler, params, first: false, plain, promised, gate: handler.gate, atomic, next }
}

const names = { handlers: true, start: true, version: true, routes: true } as const

interface Defined {
  readonly definition: HandlerDefinition | PipelineDefinition
}

interface Options {
  readonly handlers: { readonly [key: string]: Defined | undefined }
  readonly start: PropertyKey
  readonly version?: string | undefined
  readonly routes?: PipelineDefinition["routes"] | undefined
}

/** The untyped definition behind the typed options. */
export const define = (name: string, options: Options): PipelineDefinition => {
  const owner = `pipeline ${JSON.stringify(name)}`
  Check.object("options", options, "an object with handlers and start", owner)
  Check.spelling(owner, options, names)
  const { handlers, routes = {}, start, version } = options
  Check.object("handlers", handlers, "an object with a handler for each key", owner)
  Check.object("routes", routes, "an object with the routes of each handler", owner)
  for (const [key, of] of Object.entries(routes)) {
    Check.object(`routes.${key}`, of, "an object with a handler for each action", owner)
  }
  return {
    name,
    version,
    handlers: Object.fromEntries(
      Object.entries(handlers).map(([key, handler]) => [key, definitionOf(owner, key, handler)])
    ),
    // Where it is the key of no handler, `problemsOf` says so.
    start: start as string,
    routes
  }
}

const definitionOf = (owner: string, key: string, handler: Defined | undefined): Defined["definition"] => {
  if (hasProperty(handler?.definition, "handlers") || hasProperty(handler?.definition, "handleRequest")) {
    return handler!.definition
  }
  const hint = handler === undefined ? " (do two modules import each other, so that it is not made yet?)" : ""
  throw new InvalidOptions({ option: `handlers.${key}`, value: handler, expected: `a handler${hint}`, owner })
}

/** What is wrong with the wiring of a pipeline, one sentence for each problem. */
export const problemsOf = (pipeline: PipelineDefinition): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const has = (key: string) => Object.hasOwn(pipeline.handlers, key)
  if (!has(pipeline.start)) problems.push(`start names no handler: ${JSON.stringify(pipeline.start)}`)
  for (const [key, routes] of Object.entries(pipeline.routes)) {
    if (!has(key)) problems.push(`routes name no handler: ${JSON.stringify(key)}`)
    for (const [action, target] of Object.entries(routes)) {
      if (!has(target)) {
        problems.push(
          `action ${JSON.stringify(action)} of ${JSON.stringify(key)} leads to no handler: ${JSON.stringify(target)}`
        )
      }
    }
  }
  for (const [key, handler] of Object.entries(pipeline.handlers)) {
    if (isPipelineDefinition(handler)) {
      for (const problem of problemsOf(handler)) problems.push(`${key}: ${problem}`)
    }
  }
  return problems
}

const graphs = new WeakMap<PipelineDefinition, Graph>()

/** The steps of a pipeline; throws `InvalidPipeline` where its wiring is wrong. */
export const graphOf = (pipeline: PipelineDefinition): Graph => {
  const known = graphs.get(pipeline)
  if (known !== undefined) return known
  const problems = problemsOf(pipeline)
  if (problems.length > 0) throw new InvalidPipeline({ pipeline: pipeline.name, problems })
  const graph = compile(pipeline)
  graphs.set(pipeline, graph)
  return graph
}

/** Builds the steps of a pipeline without problems. */
const compile = (pipeline: PipelineDefinition): Graph => {
  const decoders: Array<Decoder> = []
  const decoderOf = (handler: HandlerDefinition): number => {
    const decoder = handler.decoder
    if (decoder === undefined) return -1
    const known = decoders.findIndex((other) => other.schema === decoder.schema)
    return known === -1 ? decoders.push(decoder) - 1 : known
  }

  const build = (graph: PipelineDefinition, prefix: string, leave: (action: string) => Step | undefined): Step => {
    const steps = new Map<string, Step>()
    const tables = new Map<string, Map<string, Step>>()
    for (const [key, handler] of Object.entries(graph.handlers)) {
      const table = new Map<string, Step>()
      const next = (action: string): Step | undefined => table.get(action) ?? leave(action)
      tables.set(key, table)
      steps.set(
        key,
        isPipelineDefinition(handler)
          ? { ...build(handler, `${prefix}${key}/`, next), first: true }
          : stepOf(prefix + key, handler, decoderOf(handler), next)
      )
    }
    for (const [key, routes] of Object.entries(graph.routes)) {
      for (const [action, target] of Object.entries(routes)) tables.get(key)!.set(action, steps.get(target)!)
    }
    return steps.get(graph.start)!
  }

  const start = build(pipeline, "", () => undefined)
  const gated = Object.values(stepsOf(pipeline)).some(({ gate }) => gate !== undefined)
  let stamp: Stamp | undefined
  return { name: pipeline.name, start, decoders, gated, stamp: () => (stamp ??= stampOf(pipeline)) }
}
