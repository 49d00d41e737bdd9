/**
 * One step's request with its policy: timeout for each attempt, retries, and the
 * fallback after the last. All state of a policy belongs to this one call, so
 * items that run at the same time never share a counter.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { format } from "effect/Formatter"
import * as Schedule from "effect/Schedule"
import { HandlerTimeout } from "../BatchError.ts"
import type { AnyEffect, HandlerDefinition } from "./definition.ts"
import type { Step } from "./graph.ts"
import type { Item } from "./item.ts"
import type { Run } from "./run.ts"
import { isEffect } from "./tags.ts"

/** Calls a function in the asynchronous context of an item. */
export type Within = <A>(item: Item, f: () => A) => A

export const hasPolicy = (handler: HandlerDefinition): boolean =>
  handler.retry !== undefined || handler.timeout !== undefined || handler.handleError !== undefined

/** Calls the request of a step; the effect is a span where someone looks at spans. */
export const request = (item: Item, step: Step, run: Run): AnyEffect => {
  let effect: AnyEffect
  if (step.plain) {
    if (!run.mayCall(item)) return Exit.interrupt()
    item.attempts++
    item.attempt = 1
    effect = expectEffect(step.handler.handleRequest(item.inputs), "handleRequest", item)
  } else effect = attempts(item, step.handler, run)
  if (!run.traced) return effect
  return Effect.withSpan(effect, `Handler.${step.name}`, {
    attributes: { "item.index": item.index },
    captureStackTrace: false
  })
}

/** Calls the request under its policy. */
const attempts = (item: Item, handler: HandlerDefinition, run: Run): AnyEffect => {
  const { handleError, handleRequest, retry, timeout } = handler
  const within = run.options.within
  const inputs = item.inputs
  const name = item.handler
  const call = (): AnyEffect => {
    if (!run.mayCall(item)) return Exit.interrupt()
    item.attempts++
    item.attempt++
    const answer = within === undefined ? handleRequest(inputs) : within(item, () => handleRequest(inputs))
    return expectEffect(answer, "handleRequest", item)
  }

  const first = call()
  if (Exit.isExit(first) && Exit.isSuccess(first)) return first

  let called: AnyEffect | undefined = first
  let effect: AnyEffect = Effect.suspend(() => {
    const attempt = called ?? call()
    called = undefined
    return timeout === undefined
      ? attempt
      : Effect.timeoutOrElse(attempt, {
          duration: timeout,
          orElse: () => Effect.fail(new HandlerTimeout({ handler: name, duration: timeout }))
        })
  })
  if (retry !== undefined) effect = Effect.retry(effect, scheduleOf(retry, item, run))
  if (handleError === undefined) return effect
  return Effect.catch(effect, (error) => {
    const answer = within === undefined ? handleError(inputs, error) : within(item, () => handleError(inputs, error))
    return expectEffect(answer, "handleError", item)
  })
}

/** When to try again, as `Effect.retry` takes it; it tells who looks on at each retry. */
const scheduleOf = (
  options: Effect.Retry.Options<unknown>,
  item: Item,
  run: Run
): Schedule.Schedule<unknown, unknown, unknown, unknown> => {
  const { schedule, times, while: isWorth } = options
  let policy: Schedule.Schedule<unknown, unknown, unknown, unknown> = Schedule.passthrough(schedule ?? Schedule.forever)
  if (isWorth !== undefined) {
    policy = Schedule.while(policy, ({ input }) => {
      const worth = isWorth(input)
      return isEffect(worth) ? (worth as Effect.Effect<boolean, unknown, unknown>) : Effect.succeed(worth as boolean)
    })
  }
  if (times !== undefined) policy = Schedule.while(policy, ({ attempt }) => Effect.succeed(attempt <= times))
  return Schedule.tap(policy, ({ duration, input }) =>
    Effect.sync(() => {
      if (run.observer?.wantsDetails === true) run.observer.retryScheduled(item, input, Duration.toMillis(duration))
    })
  )
}

/** What is no effect would end the fiber that runs it, and not only its item. */
export const expectEffect = (answer: AnyEffect, method: string, item: Item): AnyEffect => {
  if (isEffect(answer)) return answer
  throw new TypeError(
    `${method} of handler "${item.handler}" answered ${format(answer)}, expected an Effect; a function that answers a promise goes through Handler.fromPromise`
  )
}
