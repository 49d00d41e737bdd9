/**
 * What goes on at a gate. Read these as `Gate.state`, `Gate.stateOf` and so on.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type { Any } from "./Gate.ts"

/**
 * What goes on at a gate.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  /** How many hold a place. */
  readonly running: number
  /** How many wait, for a place, their rate, or a closed key. */
  readonly waiting: number
  /** How many may run at this moment; `Infinity` where there is no limit. */
  readonly concurrency: number
  /** How many keys are remembered: those in use, closed, with starts in the last window, or whose circuit knows something. */
  readonly keys: number
  /** Of how many keys the gate is closed; of a gate without keys, 1 where it is closed. */
  readonly closed: number
  /** Of how many keys the circuit is open, and has sent someone away; of a gate without keys, 1 where it is. */
  readonly circuitsOpen: number
}

/**
 * What goes on at a gate for one key.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyState {
  /** How many hold a place. */
  readonly running: number
  /** How many wait, for a place, their rate, or because it is closed. */
  readonly waiting: number
  /** How long the gate stays closed for it, as things stand; zero where it is not closed. */
  readonly closedFor: Duration.Duration
  /** How long its circuit stays open, once that has sent someone away; zero where it lets calls through, or a probe. */
  readonly circuitOpenFor: Duration.Duration
}

/**
 * Answers what goes on at the gate, on the clock of the effect that asks.
 *
 * **Details**
 *
 * It looks at each key that is remembered, so ask ten times a second rather than
 * a thousand where these are many.
 *
 * **Example** (Looking at an idle gate)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Gate } from "parallel-batch-pipeline/effect"
 *
 * const gate = Gate.make({ concurrency: 2 })
 *
 * const { concurrency, running, waiting } = await Effect.runPromise(Gate.state(gate))
 *
 * concurrency // => 2
 * running + waiting // => 0
 * ```
 *
 * @see {@link stateOf} for a single key
 * @category combinators
 * @since 0.1.0
 */
export const state = ({ policy }: Any): Effect.Effect<State> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.sync(() => {
      const keeper = policy.keeperIn(context)
      // Who looks on gets the same numbers on each clock, whenever the keys were last looked at.
      keeper.idle.forget()
      const { concurrency, keys, lanes, limits, only, running, timer, waiting } = keeper
      const now = timer.now()
      let closed = 0
      let circuitsOpen = 0
      for (const lane of limits.keyed ? lanes.values() : [only]) {
        if (lane.closedUntil > now) closed++
        if (lane.refusedUntil > now) circuitsOpen++
      }
      return { running, waiting, concurrency, keys, closed, circuitsOpen }
    })
  )

/**
 * Answers what goes on at the gate for one key, on the clock of the effect that
 * asks; of a gate without `key` for all, whatever key is given.
 *
 * **Example** (Seeing how long a host is closed)
 *
 * ```ts
 * import { Duration, Effect } from "effect"
 * import { Gate } from "parallel-batch-pipeline/effect"
 *
 * const perHost = Gate.make({ key: ({ host }: { readonly host: string }) => host, jitter: 0 })
 *
 * const program = Effect.gen(function*() {
 *   yield* Gate.close(perHost, "a", "1 minute")
 *   const [a, b] = yield* Effect.all([Gate.stateOf(perHost, "a"), Gate.stateOf(perHost, "b")])
 *   return [Math.ceil(Duration.toSeconds(a.closedFor)), Duration.toSeconds(b.closedFor)]
 * })
 *
 * await Effect.runPromise(program) // => [60, 0]
 * ```
 *
 * @see {@link state} for the whole gate
 * @category combinators
 * @since 0.1.0
 */
export const stateOf: {
  (key: string): (self: Any) => Effect.Effect<KeyState>
  (self: Any, key: string): Effect.Effect<KeyState>
} = dual(2, ({ policy }: Any, key: string): Effect.Effect<KeyState> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.sync(() => {
      const { lanes, limits, only, timer } = policy.keeperIn(context)
      // A key that is only looked at is not remembered.
      const lane = limits.keyed ? lanes.get(key) : only
      const { closedUntil = 0, refusedUntil = 0, running = 0, waiting = 0 } = lane ?? {}
      const now = timer.now()
      const until = (time: number) => Duration.millis(Math.max(0, time - now))
      return { running, waiting, closedFor: until(closedUntil), circuitOpenFor: until(refusedUntil) }
    })
  )
)
