/**
 * The hand-off between two handlers: what the caller's synchronous functions say
 * before a request and behind it.
 */
import * as Cause from "effect/Cause"
import { format } from "effect/Formatter"
import { TooManySteps } from "../BatchError.ts"
import { defaultNext, type Next, type Skip } from "./definition.ts"
import type { Ending } from "./ending.ts"
import type { Step } from "./graph.ts"
import type { Item } from "./item.ts"
import type { Run } from "./run.ts"
import { disown } from "./tags.ts"

/** Begins a step: everything up to its request. Answers the end of the item where it goes no further. */
export const enter = (item: Item, step: Step, previous: unknown, run: Run): Ending | undefined => {
  const maxSteps = run.options.maxSteps
  item.step = step
  item.attempt = 0
  if (item.trail.length >= maxSteps) return Cause.fail(new TooManySteps({ handler: step.name, maxSteps }))
  item.trail = item.trail.enter(step.name)
  if (item.stepStarts !== undefined) item.stepStarts.push(run.now())
  const params = item.paramsOf(step)
  const prepareInputs = step.handler.prepareInputs
  item.inputs =
    prepareInputs === undefined
      ? params
      : prepareInputs({ shared: item.cell.ref.current, params, previous: step.first ? undefined : previous })
  return undefined
}

/** What the step of the item answers to its outputs. */
export const processed = (item: Item, outputs: unknown): Next | Skip => {
  // A step ends that has begun.
  const step = item.step!
  const processResults = step.handler.processResults
  item.output = outputs
  if (processResults === undefined) return defaultNext
  const params = item.paramsOf(step)
  const next = processResults({ shared: item.cell.ref.current, params, inputs: item.inputs, outputs })
  if (next?._tag === "Next" || next?._tag === "Skip") return next
  throw new TypeError(
    `processResults of handler "${step.name}" answered ${shown(next)}, expected Handler.next, nextWith, skip or stop`
  )
}

const shown = (answer: unknown): string => {
  disown(answer)
  return answer instanceof Promise ? "a promise, which nobody waits for" : format(answer)
}
