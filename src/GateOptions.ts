/**
 * The options of a gate. Read these as `Gate.Options`, `Gate.Rate` and so on.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { Breaker } from "./Breaker.ts"

/**
 * A concurrency that finds itself between two bounds.
 *
 * **Details**
 *
 * It begins at `min`, and grows by one each time that as many requests as it
 * allows have succeeded (until the first set-back it doubles instead). It does
 * not grow after other failures, while fewer run than it allows, or while requests
 * take more than twice as long as the fastest of late. An error that closes the
 * gate halves it, and so do a `RateLimited` or a status 429 or 503 that say nothing
 * of when to come back, and a timeout: once for all requests that ran at that time.
 *
 * @category options
 * @since 0.1.0
 */
export interface Adaptive {
  readonly min: number
  readonly max: number
  readonly adapt: "aimd"
}

/**
 * How many units start within a window.
 *
 * @category options
 * @since 0.1.0
 */
export interface Rate {
  /** How many units may start; a start is one unit, unless `cost` says otherwise. */
  readonly limit: number
  /** In no interval of this length do more start, wherever it begins. */
  readonly window: Duration.Input
}

/**
 * What an error says of the load of the other side.
 *
 * @category models
 * @since 0.1.0
 */
export interface Told {
  /** Whether it was too much: a `RateLimited`, a status 429 or 503, or whatever says when to come back. */
  readonly limited: boolean
  /** When to come back, where the error says so. */
  readonly retryAfter: Duration.Duration | undefined
}

/**
 * The options of a gate. All limits are for each key but `concurrency`, which is
 * for all keys together.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<in Params> {
  /** How many run at the same time, of all keys together. Defaults to `"unbounded"`. */
  readonly concurrency?: number | "unbounded" | Adaptive | undefined
  /** How many of one key run at the same time. Defaults to no limit. */
  readonly concurrencyPerKey?: number | undefined
  /** How much of one key starts within a window of time. Defaults to no limit. */
  readonly rate?: Rate | undefined
  /** Whose limits these params count against: a host, a tenant, an API key. Defaults to one key for all. */
  readonly key?: ((params: Params) => string) | undefined
  /** How many units a start is. Defaults to 1. */
  readonly cost?: ((params: Params) => number) | undefined
  /**
   * Who is next when a place is free: `"fifo"`, who has waited longest, or `"fair"`, one of each key in turn. Nobody
   * waits for a key that is not his own in either. Defaults to `"fifo"`.
   */
  readonly order?: "fifo" | "fair" | undefined
  /**
   * For how long an error closes the gate for its key, if it does. Defaults to what the error says: a `RateLimited`,
   * whatever has a `retryAfter` (a Duration, a Date, seconds, or the value of the header), a `Response` with status 429
   * or 503 and the header `Retry-After`, and errors that have one of these as `cause` or `response`. What that is, it is
   * told. 0 is a pause of 100 ms, which doubles up to 30 seconds while that goes on.
   */
  readonly closeOn?: ((error: unknown, told: Told) => Duration.Input | undefined) | undefined
  /**
   * For how long an error closes the gate for its key at most: then the other side is asked again, whatever it has said.
   * Defaults to no limit.
   */
  readonly maxClose?: Duration.Input | undefined
  /**
   * How much later than told a closed key opens at most, as a share of the time, so that not all who were told the same
   * come back at once. Never earlier. Defaults to 0.05.
   */
  readonly jitter?: number | undefined
  /**
   * Whether a request that closed the gate uses up an attempt of its handler. Where not, the request is made again when
   * the gate opens, as often as the other side only says when to come back. Defaults to `false`.
   */
  readonly countAttempts?: boolean | undefined
  /** Sends nothing to what is down: see `Breaker.make`. Defaults to no breaker. */
  readonly breaker?: Breaker | undefined
}
