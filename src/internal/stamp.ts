/**
 * What a report says of the pipeline that it is of, so that nobody takes over the
 * results of another one.
 */
import type { Stamp } from "../Stamp.ts"
import { type HandlerDefinition, isPipelineDefinition, type PipelineDefinition } from "./definition.ts"

/** Nested pipelines are flattened, as the engine walks them. */
export const stampOf = (pipeline: PipelineDefinition): Stamp => {
  const steps = stepsOf(pipeline)
  return {
    name: pipeline.name,
    version: versionOf(pipeline),
    start: startOf(pipeline, ""),
    steps: Object.keys(steps),
    routes: routesOf(pipeline, "", {})
  }
}

/** The handlers of a pipeline by the name of their step. */
export const stepsOf = (pipeline: PipelineDefinition, prefix = ""): Record<string, HandlerDefinition> => {
  const steps: Record<string, HandlerDefinition> = {}
  for (const [key, handler] of Object.entries(pipeline.handlers)) {
    if (isPipelineDefinition(handler)) Object.assign(steps, stepsOf(handler, `${prefix}${key}/`))
    else steps[prefix + key] = handler
  }
  return steps
}

/** What has changed from one stamp to the other, one sentence for each change. */
export const differences = (before: Stamp, after: Stamp): ReadonlyArray<string> => {
  const changes: Array<string> = []
  const compare = (what: string, a: string | undefined, b: string | undefined): void => {
    if (a !== b) changes.push(`${what} was ${show(a)} and is ${show(b)}`)
  }
  compare("its name", before.name, after.name)
  compare("its version", before.version, after.version)
  compare("its start", before.start, after.start)
  for (const step of before.steps) if (!after.steps.includes(step)) changes.push(`step ${show(step)} is gone`)
  for (const step of after.steps) if (!before.steps.includes(step)) changes.push(`step ${show(step)} is new`)
  for (const step of before.steps) {
    if (!after.steps.includes(step)) continue
    const [a, b] = [before.routes[step] ?? {}, after.routes[step] ?? {}]
    for (const action of new Set([...Object.keys(a), ...Object.keys(b)])) {
      compare(`the route of ${show(step)} for ${show(action)}`, a[action], b[action])
    }
  }
  return changes
}

const show = (value: string | undefined): string => (value === undefined ? "none" : JSON.stringify(value))

const startOf = (pipeline: PipelineDefinition, prefix: string): string => {
  const start = pipeline.handlers[pipeline.start]
  return start !== undefined && isPipelineDefinition(start)
    ? startOf(start, `${prefix}${pipeline.start}/`)
    : prefix + pipeline.start
}

type Routes = Record<string, Record<string, string>>

const routesOf = (pipeline: PipelineDefinition, prefix: string, around: Record<string, string>): Routes => {
  const all: Routes = {}
  const stepOf = (key: string): string => {
    const handler = pipeline.handlers[key]
    return handler !== undefined && isPipelineDefinition(handler) ? startOf(handler, `${prefix}${key}/`) : prefix + key
  }
  for (const [key, handler] of Object.entries(pipeline.handlers)) {
    const own = Object.entries(pipeline.routes[key] ?? {}).map(([action, target]) => [action, stepOf(target)] as const)
    const routes: Record<string, string> = { ...around, ...Object.fromEntries(own) }
    if (isPipelineDefinition(handler)) Object.assign(all, routesOf(handler, `${prefix}${key}/`, routes))
    else if (Object.keys(routes).length > 0) all[prefix + key] = routes
  }
  return all
}

/** The version of a nested pipeline is part of that of the one around it. */
const versionOf = (pipeline: PipelineDefinition): string | undefined => {
  const nested = Object.entries(pipeline.handlers).flatMap(([key, handler]) => {
    const version = isPipelineDefinition(handler) ? versionOf(handler) : undefined
    return version === undefined ? [] : [`${key}: ${version}`]
  })
  if (nested.length === 0) return pipeline.version
  return [...(pipeline.version === undefined ? [] : [pipeline.version]), ...nested].join(", ")
}
