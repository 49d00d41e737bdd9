/**
 * One step's request with its policy: timeout for each attempt, retries, and the
 * fallback after the last. All state of a policy belongs to this one call, so
 * items that run at the same time never share a counter.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { format } from "effect/Formatter"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import { HandlerTimeout } from "../BatchError.ts"
import type { AnyEffect, HandlerDefinition, Retry } from "./definition.ts"
import { afterAttempt, approach, giveBack, rejection, rest, throughCircuit } from "./gated.ts"
import type { Step } from "./graph.ts"
import type { Item } from "./item.ts"
import type { Tenant } from "./places.ts"
import type { Run } from "./run.ts"
import { disown, isEffect, isPromiseLike } from "./tags.ts"

/** Calls a function in the asynchronous context of an item. */
export type Within = <A>(item: Item, f: () => A) => A

export const hasPolicy = (handler: HandlerDefinition): boolean =>
  handler.retry !== undefined ||
  handler.timeout !== undefined ||
  handler.handleError !== undefined ||
  handler.settleCost !== undefined ||
  handler.gate?.circuits !== undefined

/** Calls the request of a step; the effect is a span where someone looks at spans. */
export const request = (item: Item, step: Step, run: Run, tenant: Tenant): AnyEffect => {
  let effect: AnyEffect
  if (step.plain && !run.gates.breaks) {
    if (!run.mayCall(item)) return Exit.interrupt()
    item.attempts++
    item.attempt = 1
    effect = expectEffect(step.handler.handleRequest(item.inputs), "handleRequest", item)
  } else effect = attempts(item, step.handler, run, tenant)
  if (!run.traced) return effect
  return Effect.withSpan(effect, `Handler.${step.name}`, {
    attributes: { "item.index": item.index, "item.key": item.keyOr(undefined) },
    captureStackTrace: false
  })
}

/** Calls the request under its policy. */
const attempts = (item: Item, handler: HandlerDefinition, run: Run, tenant: Tenant): AnyEffect => {
  const { handleError, handleRequest, retry, settleCost, timeout } = handler
  const within = run.options.within
  const inputs = item.inputs
  const name = item.handler
  const call = (): AnyEffect => {
    if (!run.mayCall(item)) return Exit.interrupt()
    item.attempts++
    item.attempt++
    const answer = within === undefined ? handleRequest(inputs) : within(item, () => handleRequest(inputs))
    const effect = expectEffect(answer, "handleRequest", item)
    return settleCost === undefined ? effect : Effect.tap(effect, settled(item, settleCost))
  }

  // A breaker has to let the call through first.
  const isBroken = (handler.gate ?? run.options.gate)?.circuits !== undefined
  const first = isBroken ? undefined : call()
  if (first !== undefined && Exit.isExit(first) && Exit.isSuccess(first)) return first

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
  if (run.gates.any) effect = behindGate(effect, item, run, tenant)
  if (retry !== undefined) effect = retried(effect, retry, item, run, tenant)
  if (handleError === undefined) return effect
  return Effect.catch(effect, (error) => {
    giveBack(item, "unknown")
    const answer = within === undefined ? handleError(inputs, error) : within(item, () => handleError(inputs, error))
    return expectEffect(answer, "handleError", item)
  })
}

/** Says what the start of a request has really cost, where it had to go through a gate. */
const settled =
  (item: Item, costOf: (outputs: unknown) => number) =>
  (outputs: unknown): Effect.Effect<void> =>
    Effect.sync(() => {
      if (item.permit !== undefined || item.entry !== undefined) item.settle(costOf(outputs))
    })

/** Each attempt goes through the gate; one that was only told when to come back is made again. */
const behindGate = (attempt: AnyEffect, item: Item, run: Run, tenant: Tenant): AnyEffect => {
  const ended = (cause: Cause.Cause<unknown>): AnyEffect => {
    const failed = afterAttempt(run, item, cause)
    return failed === undefined ? passed : Effect.failCause(failed)
  }
  const made: AnyEffect = Effect.catchCause(
    Effect.suspend(() => throughCircuit(run, item, attempt)),
    (cause) => {
      const rejected = rejection(run, item, tenant, cause)
      if (rejected === undefined) return ended(cause)
      return rejected === "call" ? Effect.catchCause(attempt, ended) : Effect.flatMap(rejected, () => passed)
    }
  )
  const passed: AnyEffect = Effect.suspend(() => {
    const waits = approach(run, item, tenant)
    return waits === undefined ? made : Effect.flatMap(waits, () => made)
  })
  return passed
}

/** Tries again as the options say, like `Effect.retry`, but without a place while it waits between two attempts. */
const retried = (attempt: AnyEffect, options: Retry, item: Item, run: Run, tenant: Tenant): AnyEffect => {
  let current: Schedule.Metadata<unknown, unknown> | undefined
  const schedule = scheduleOf(options, item, run, (metadata) => {
    current = metadata
  })
  const made = Effect.suspend(() =>
    current === undefined ? attempt : Effect.provideService(attempt, Schedule.CurrentMetadata, current)
  )
  return Effect.flatMap(Schedule.toStep(schedule), (step) => {
    const loop: AnyEffect = Effect.catch(made, (error) =>
      Pull.matchEffect(
        Effect.flatMap(Clock.currentTimeMillis, (now) => step(now, error)),
        {
          onSuccess: ([, delay]) => {
            giveBack(item, "unknown")
            const waited = Duration.isZero(delay) ? Effect.sleep(delay) : rest(run, item, tenant, Effect.sleep(delay))
            return Effect.flatMap(waited, () => loop)
          },
          onFailure: (cause) => Effect.failCause(cause),
          onDone: () => Effect.fail(error)
        }
      )
    )
    return loop
  })
}

/** When to try again; it tells who looks on at each retry. */
const scheduleOf = (
  options: Retry,
  item: Item,
  run: Run,
  seen: (metadata: Schedule.Metadata<unknown, unknown>) => void
): Schedule.Schedule<unknown, unknown, unknown, unknown> => {
  const { delay, schedule, times, while: isWorth } = options
  const within = run.options.within
  let policy: Schedule.Schedule<unknown, unknown, unknown, unknown> = Schedule.passthrough(schedule ?? Schedule.forever)
  if (isWorth !== undefined) {
    policy = Schedule.while(policy, ({ input }) => {
      try {
        const worth: unknown = within === undefined ? isWorth(input) : within(item, () => isWorth(input))
        if (!isPromiseLike(worth) && !isEffect(worth)) return Effect.succeed(worth as boolean)
        // Taken for a yes, it would repeat the failure for ever, and without a pause.
        disown(worth)
        throw new TypeError(
          `Whether handler "${item.handler}" tries again is answered by ${format(worth)}, expected a boolean`
        )
      } catch (thrown) {
        return bugOver(thrown, input)
      }
    })
  }
  if (times !== undefined) policy = Schedule.while(policy, ({ attempt }) => Effect.succeed(attempt <= times))
  if (delay !== undefined) {
    // Last, so that it is asked only where there is another attempt.
    policy = Schedule.modifyDelay(policy, ({ attempt, input }) => {
      try {
        return Effect.succeed(within === undefined ? delay(attempt, input) : within(item, () => delay(attempt, input)))
      } catch (thrown) {
        return bugOver(thrown, input)
      }
    })
  }
  return Schedule.tap(policy, (metadata) =>
    Effect.sync(() => {
      seen(metadata)
      run.details?.retryScheduled(item, metadata.input, Duration.toMillis(metadata.duration))
    })
  )
}

/**
 * A timeout has none of the fields of the other errors, and a bug over that is not to hide it. Both are defects, so that no
 * fallback hides the bug either.
 */
const bugOver = (thrown: unknown, error: unknown): Effect.Effect<never> =>
  Effect.failCause(Cause.combine(Cause.die(thrown), Cause.die(error)))

/** What is no effect would end the fiber that runs it, and not only its item. */
const expectEffect = (answer: AnyEffect, method: string, item: Item): AnyEffect => {
  if (isEffect(answer)) return answer
  disown(answer)
  throw new TypeError(
    `${method} of handler "${item.handler}" answered ${format(answer)}, expected an Effect; a function that answers a promise goes through Handler.fromPromise`
  )
}
