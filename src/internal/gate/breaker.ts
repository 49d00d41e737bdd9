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
import type { Names } from "../spelling.ts"
import { type CircuitPolicy, CircuitRejection, type Circuits, type Home } from "./circuits.ts"

export interface Options {
  readonly failures?: number | undefined
  readonly share?: { readonly of: number; readonly fails: number } | undefined
  readonly openFor: Duration.Input | Schedule.Schedule<unknown, number>
}

const names: Names<Options> = { failures: true, share: true, openFor: true }

/** The policy behind the options; throws `InvalidOptions`. */
export const toPolicy = (options: Options): CircuitPolicy => {
  Check.object("options", options, "an object with openFor and either failures or share", "a breaker")
  Check.spelling("a breaker", options, names)
  const { failures, openFor, share } = options
  if ((failures === undefined) === (share === undefined)) {
    throw new InvalidOptions({ option: "breaker", value: options, expected: "an object with either failures or share" })
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
  const shares = share !== undefined
  return {
    make: (homeOf) => new Breaker({ tripPolicy, openDuration: openDuration as Duration.Duration }, shares, homeOf)
  }
}

/** What is known of a key is kept for as long as its circuit would be open, but not shorter than this. */
const shortestMemoryMillis = 60_000

type Store = CircuitBreaker.CircuitBreakerStore["Service"]

/** What is known of one key. */
interface Circuit {
  readonly store: Store
  /** Who waits for the end of a probe. */
  readonly waiting: Set<() => void>
  lastOpenMillis: number
}

class Breaker implements Circuits {
  private readonly options: Parameters<typeof CircuitBreaker.make>[0]
  private readonly shares: boolean
  private readonly homeOf: (key: string) => Home
  private breaker: CircuitBreaker.CircuitBreaker | undefined = undefined
  private readonly circuits = new WeakMap<Home, Circuit>()

  constructor(options: Parameters<typeof CircuitBreaker.make>[0], shares: boolean, homeOf: (key: string) => Home) {
    this.options = options
    this.shares = shares
    this.homeOf = homeOf
  }

  /** A store in memory for each key, because one for all keys drops none of them before an hour has passed. */
  private circuitOf(home: Home): Effect.Effect<Circuit> {
    const known = this.circuits.get(home)
    if (known !== undefined) return Effect.succeed(known)
    const made = Effect.provide(CircuitBreaker.CircuitBreakerStore, CircuitBreaker.layerStoreMemory())
    return Effect.map(made, (store) => {
      const circuit = this.circuits.get(home) ?? { store, waiting: new Set(), lastOpenMillis: 0 }
      this.circuits.set(home, circuit)
      return circuit
    })
  }

  private readonly store: Store = {
    admit: (key) => Effect.flatMap(this.circuitOf(this.homeOf(key)), ({ store }) => store.admit(key)),
    record: (record) => {
      const home = this.homeOf(record.key)
      return Effect.flatMap(this.circuitOf(home), (circuit) =>
        Effect.tap(circuit.store.record(record), (transition) =>
          Effect.sync(() => this.remember(home, circuit, record, transition))
        )
      )
    },
    state: (key) => Effect.flatMap(this.circuitOf(this.homeOf(key)), ({ store }) => store.state(key))
  }

  private remember(
    home: Home,
    circuit: Circuit,
    { openFor, outcome }: Parameters<Store["record"]>[0],
    transition: CircuitBreaker.Transition | undefined
  ): void {
    const openMillis = Duration.toMillis(openFor)
    const keep = (millis: number): void => home.keep(Math.max(shortestMemoryMillis, millis))
    if (transition?.to === "Open") {
      circuit.lastOpenMillis = openMillis
      keep(2 * openMillis)
    } else if (transition?.to === "Closed") keep(circuit.lastOpenMillis)
    else if (outcome === "Failure") keep(openMillis)
    // After a success, those that count failures in a row know as much as in the beginning.
    else if (this.shares && outcome === "Success") keep(0)
  }

  /** Made when it is first needed, and for as long as the gate: it has nothing to close but its own state. */
  private readonly made: Effect.Effect<CircuitBreaker.CircuitBreaker> = Effect.suspend(() =>
    this.breaker === undefined
      ? CircuitBreaker.make(this.options).pipe(
          Effect.provideService(CircuitBreaker.CircuitBreakerStore, this.store),
          Effect.provideService(Scope.Scope, Scope.makeUnsafe()),
          Effect.map((breaker) => (this.breaker ??= breaker))
        )
      : Effect.succeed(this.breaker)
  )

  call<A, E, R>(
    home: Home,
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
      return breaker.execute(call, { key: home.key, classify }).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            if (admitted) this.wake(home)
          })
        ),
        Effect.catch((error) =>
          Effect.fail(error instanceof CircuitBreaker.CircuitBreakerError ? rejection(error) : error)
        )
      )
    })
  }

  probed(home: Home): Effect.Effect<void> {
    return Effect.flatMap(this.circuitOf(home), ({ store, waiting }) => {
      let ended = false
      let resume: (() => void) | undefined
      const wake = () => {
        ended = true
        resume?.()
      }
      const wait = Effect.callback<void>((done) => {
        if (ended) done(Effect.void)
        else resume = () => done(Effect.void)
      })
      return Effect.acquireUseRelease(
        Effect.sync(() => waiting.add(wake)),
        // Asked after getting in line: it may have ended before.
        () =>
          Effect.flatMap(Effect.orDie(store.state(home.key)), (state) =>
            state._tag === "HalfOpen" && state.probing ? wait : Effect.void
          ),
        () => Effect.sync(() => waiting.delete(wake))
      )
    })
  }

  private wake(home: Home): void {
    // Who is woken may come to wait again at once.
    for (const wake of Array.from(this.circuits.get(home)?.waiting ?? [])) wake()
  }
}

const rejection = ({ reason }: CircuitBreaker.CircuitBreakerError): CircuitRejection =>
  // The store in memory never fails.
  new CircuitRejection(reason._tag === "CircuitOpen" ? Duration.toMillis(reason.retryAfter) : undefined)
