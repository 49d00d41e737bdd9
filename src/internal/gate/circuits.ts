/**
 * What a gate asks of circuit breakers. The adapter to those of Effect is
 * `breaker.ts`; nothing else knows them.
 */
import type * as Effect from "effect/Effect"

/** The lane of a key, as its circuit sees it: what the circuit knows is forgotten with it. */
export interface Home {
  readonly key: string
  /** Has it be remembered for so long at least. */
  readonly keep: (millis: number) => void
}

/** The circuits of one gate on one clock, one for each key. */
export interface Circuits {
  /** Runs a call through the circuit of a key; fails with `CircuitRejection` where that does not let it through. */
  readonly call: <A, E, R>(
    home: Home,
    effect: Effect.Effect<A, E, R>,
    isIgnored: (error: unknown) => boolean
  ) => Effect.Effect<A, E | CircuitRejection, R>
  /** Waits until the call that probes a key has ended. */
  readonly probed: (home: Home) => Effect.Effect<void>
}

/** Makes the circuits of a gate, as its option `breaker` says. */
export interface CircuitPolicy {
  readonly make: (homeOf: (key: string) => Home) => Circuits
}

/** A circuit lets a call not through: it is open for so long, or another call probes it. */
export class CircuitRejection {
  readonly _tag = "CircuitRejection"
  /** `undefined` while another call probes the circuit. */
  readonly openMillis: number | undefined

  constructor(openMillis: number | undefined) {
    this.openMillis = openMillis
  }
}
