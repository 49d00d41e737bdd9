/**
 * How long an error says to wait: a `retryAfter` of its own, or the answer of a
 * server behind it.
 */
import * as Duration from "effect/Duration"
import { hasProperty } from "effect/Predicate"

/** How deep errors wrap others. */
const maxDepth = 3

/** `wallMillis` is the time of day, which HTTP dates are about. */
export const retryAfterOf = (error: unknown, wallMillis: number, depth = 0): Duration.Duration | undefined => {
  if (typeof error !== "object" || error === null || depth > maxDepth) return undefined
  return (
    (hasProperty(error, "retryAfter") ? fromValue(error.retryAfter, wallMillis) : undefined) ??
    fromResponse(error, wallMillis) ??
    (hasProperty(error, "response") ? fromResponse(error.response, wallMillis) : undefined) ??
    (hasProperty(error, "cause") ? retryAfterOf(error.cause, wallMillis, depth + 1) : undefined)
  )
}

/** The value of a `Retry-After` header: seconds, or a date. */
export const parseRetryAfter = (header: string, wallMillis: number): Duration.Duration | undefined => {
  const text = header.trim()
  if (/^\d+(?:\.\d+)?$/.test(text)) return Duration.seconds(Number(text))
  // Dates name a day or a month; `Date.parse` takes more than that, `-1` for one.
  const at = /^[A-Za-z]{3}/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Duration.millis(Math.max(0, at - wallMillis))
}

const fromValue = (value: unknown, wallMillis: number): Duration.Duration | undefined => {
  if (Duration.isDuration(value)) return value
  if (typeof value === "string") return parseRetryAfter(value, wallMillis)
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? Duration.seconds(value) : undefined
  return value instanceof Date && !Number.isNaN(value.getTime())
    ? Duration.millis(Math.max(0, value.getTime() - wallMillis))
    : undefined
}

/** `Response`, and what the clients of HTTP make of it. */
const fromResponse = (response: unknown, wallMillis: number): Duration.Duration | undefined => {
  if (!hasProperty(response, "headers")) return undefined
  const status = hasProperty(response, "status")
    ? response.status
    : hasProperty(response, "statusCode")
      ? response.statusCode
      : undefined
  if (status !== 429 && status !== 503) return undefined
  const header = headerOf(response.headers, "retry-after")
  return header === undefined ? undefined : parseRetryAfter(header, wallMillis)
}

const headerOf = (headers: unknown, name: string): string | undefined => {
  if (typeof headers !== "object" || headers === null) return undefined
  const value = "get" in headers && typeof headers.get === "function" ? headers.get(name) : entryOf(headers, name)
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined
}

const entryOf = (headers: object, name: string): unknown =>
  Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
