/**
 * The circuit breakers of Effect, for gates. Only this file knows them: their
 * module is experimental.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import type * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { InvalidOptions } from "../../BatchError.ts"
import * as Check from "../options.ts"
import { type CircuitPolicy, CircuitRejection, type Circuits } from "./circuits.ts"

export interface Options {
  readonly failures?: number | undefined
  readonly share?: { readonly of: number; readonly fails: number } | undefined
  readonly openFor: Duration.Input | Schedule.Schedule<unknown, number>
}

/** The policy behind the options; throws `InvalidOptions`. */
export const toPolicy = ({ failures, openFor, share }: Options): CircuitPolicy => {
  if ((failures === undefined) === (share === undefined)) {
    const value = failures === undefined ? undefined : { failures, share }
    throw new InvalidOptions({ option: "breaker", value, expected: "an object with either failures or share" })
  }
  const tripPolicy =
    share === undefined
      ? CircuitBreaker.consecutive(Check.positiveInteger("breaker.failures", failures!))
      : CircuitBreaker.rate({
          size: Check.positiveInteger("breaker.share.of", share.of),
          threshold: Check.share("breaker.share.fails", share.fails)
        })
  const isDuration = typeof openFor !== "object" || Duration.isDuration(openFor)
  const openDuration = isDuration ? Check.duration("breaker.openFor", openFor as Duration.Input) : openFor
  return { make: () => new Breaker({ tripPolicy, openDuration: openDuration as Duration.Duration }) }
}

class Breaker implements Circuits {
  private readonly options: Parameters<typeof CircuitBreaker.make>[0]
  private breaker: CircuitBreaker.CircuitBreaker | undefined = undefined
  /** Who waits for the end of a probe, by key. */
  private readonly waiting = new Map<string, Array<() => void>>()

  constructor(options: Parameters<typeof CircuitBreaker.make>[0]) {
    this.options = options
  }

  /** Made when it is first needed, and for as long as the gate: it has nothing to close but its own state. */
  private readonly made: Effect.Effect<CircuitBreaker.CircuitBreaker> = Effect.suspend(() =>
    this.breaker === undefined
      ? CircuitBreaker.make(this.options).pipe(
          Effect.provide(CircuitBreaker.layerStoreMemory()),
          Effect.provideService(Scope.Scope, Scope.makeUnsafe()),
          Effect.map((breaker) => (this.breaker ??= breaker))
        )
      : Effect.succeed(this.breaker)
  )

  call<A, E, R>(
    key: string,
    effect: Effect.Effect<A, E, R>,
    isIgnored: (error: unknown) => boolean
  ): Effect.Effect<A, E | CircuitRejection, R> {
    const classify = (exit: Exit.Exit<A, E>): CircuitBreaker.Outcome => {
      if (Exit.isSuccess(exit)) return CircuitBreaker.success
      const error = Cause.findErrorOption(exit.cause)
      return Option.isSome(error) && isIgnored(error.value) ? CircuitBreaker.ignored : CircuitBreaker.failure()
    }
    return Effect.flatMap(this.made, (breaker) => {
      let admitted = false
      const call = Effect.suspend(() => {
        admitted = true
        return effect
      })
      return breaker.execute(call, { key, classify }).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            if (admitted) this.wake(key)
          })
        ),
        Effect.catch((error) =>
          Effect.fail(error instanceof CircuitBreaker.CircuitBreakerError ? rejection(error) : error)
        )
      )
    })
  }

  probed(key: string): Effect.Effect<void> {
    return Effect.flatMap(this.made, (breaker) => {
      let ended = false
      let resume: (() => void) | undefined
      const waiting = this.waiting.get(key) ?? []
      this.waiting.set(key, waiting)
      waiting.push(() => {
        ended = true
        resume?.()
      })
      const wait = Effect.callback<void>((done) => {
        if (ended) done(Effect.void)
        else resume = () => done(Effect.void)
      })
      // Asked after getting in line: it may have ended before.
      return Effect.flatMap(Effect.orDie(breaker.state(key)), (state) =>
        state._tag === "HalfOpen" && state.probing ? wait : Effect.void
      )
    })
  }

  private wake(key: string): void {
    const waiting = this.waiting.get(key)
    if (waiting === undefined) return
    this.waiting.delete(key)
    for (const wake of waiting) wake()
  }
}

const rejection = ({ reason }: CircuitBreaker.CircuitBreakerError): CircuitRejection =>
  // The store in memory never fails.
  new CircuitRejection(reason._tag === "CircuitOpen" ? Duration.toMillis(reason.retryAfter) : undefined)
