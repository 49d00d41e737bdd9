/**
 * Circuit breakers of gates: when what a gate stands before is down, nothing more
 * is sent there.
 *
 * A gate has one circuit for each of its keys, on the `CircuitBreaker` of Effect.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"
import { toPolicy } from "./internal/gate/breaker.ts"
import type { CircuitPolicy } from "./internal/gate/circuits.ts"

/**
 * The options of a breaker: either `failures` or `share`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Opens the circuit after so many failures in a row. */
  readonly failures?: number | undefined
  /** Opens the circuit once `of` calls have ended and at least the share `fails` (from 0 to 1) of the last `of` failed. */
  readonly share?: { readonly of: number; readonly fails: number } | undefined
  /** How long it stays open: a duration, or a schedule over how often it has opened in a row. */
  readonly openFor: Duration.Input | Schedule.Schedule<unknown, number>
}

/**
 * What the option `breaker` of a gate takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Breaker {
  /** @internal */
  readonly policy: CircuitPolicy
}

/**
 * Makes a breaker for `Gate.make`.
 *
 * **Details**
 *
 * Failures are counted for each key: typed errors, timeouts and thrown bugs, but
 * not interruptions, and not errors that close the gate. While a circuit is open,
 * nothing with that key goes through: items of a batch that have made no call end
 * as `NotStarted` with the reason, others as `Interrupted`; both may be run again.
 * After `openFor` one call probes the circuit while the others wait, and closes it
 * or opens it again. A key that nobody has used for as long as its circuit would be
 * open, and for a minute at least, begins anew.
 *
 * **Gotchas**
 *
 * `Gate.withPermit` knows nothing of the breaker: outside of batches, use Effect's
 * own.
 *
 * **Example** (Not asking a service that is down)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Breaker, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const api = Gate.make({ breaker: Breaker.make({ failures: 3, openFor: "30 seconds" }) })
 * const call = Handler.make("call", { handleRequest: (_: { readonly n: number }) => Effect.fail("down"), gate: api })
 * const calls = Pipeline.make("calls", { handlers: { call }, start: "call" })
 *
 * const params = Array.from({ length: 100 }, (_, n) => ({ n }))
 * const report = await Effect.runPromise(Batch.run(calls, { params, concurrency: 1, mode: "collect-all" }))
 *
 * report.failed // => 3
 * report.notStarted // => 97
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Breaker => ({ policy: toPolicy(options) })
