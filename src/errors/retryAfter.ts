/**
 * What a `retryAfter` may be, and how long it says to wait. The errors read it as
 * well, so this stands below them.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Fiber from "effect/Fiber"

/** A duration, a point in time, seconds, or the text of the header `Retry-After`. */
export type RetryAfter = Duration.Duration | Date | number | string

/** `wallMillis` is the time of day, which dates are about. */
export const fromValue = (value: unknown, wallMillis: number): Duration.Duration | undefined => {
  if (Duration.isDuration(value)) return value
  if (typeof value === "string") return parseRetryAfter(value, wallMillis)
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? Duration.seconds(value) : undefined
  return value instanceof Date && !Number.isNaN(value.getTime())
    ? Duration.millis(Math.max(0, value.getTime() - wallMillis))
    : undefined
}

/** As `fromValue`; within an effect, a date is one of the clock of that effect. */
export const fromValueNow = (value: unknown): Duration.Duration | undefined => {
  const clock = Context.get(Fiber.getCurrent()?.context ?? Context.empty(), Clock.Clock)
  return fromValue(value, clock.currentTimeMillisUnsafe())
}

/** The value of a `Retry-After` header: seconds, or a date. */
export const parseRetryAfter = (header: string, wallMillis: number): Duration.Duration | undefined => {
  const text = header.trim()
  if (/^\d+(?:\.\d+)?$/.test(text)) return Duration.seconds(Number(text))
  // Dates name a day or a month; `Date.parse` takes more than that, `-1` for one.
  const at = /^[A-Za-z]{3}/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Duration.millis(Math.max(0, at - wallMillis))
}
