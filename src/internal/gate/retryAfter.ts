/**
 * What an error says of the load of the other side, and how long it says to wait:
 * by itself, or by the answer of a server behind it.
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import { hasProperty } from "effect/Predicate"
import { HandlerTimeout } from "../../BatchError.ts"
import { fromValue, parseRetryAfter } from "../../errors/retryAfter.ts"

/** How deep errors wrap others. */
const maxDepth = 3

/** How long an error says to wait. `wallMillis` is the time of day, which HTTP dates are about. */
export const retryAfterOf = (error: unknown, wallMillis: number): Duration.Duration | undefined => {
  for (const part of partsOf(error)) {
    const told = fromValue(read(part, "retryAfter"), wallMillis)
    const duration = told ?? fromResponse(part, wallMillis)
    if (duration !== undefined) return duration
  }
  return undefined
}

/** Whether an error says that it was too much, whether or not it says when to come back. */
export const isLimited = (error: unknown): boolean =>
  partsOf(error).some((part) => isTooMuch(part) || read(part, "_tag") === "RateLimited")

/** Whether an error says that something took too long: a handler, an effect, or a signal given to `fetch` and the like. */
export const isTimeout = (error: unknown): boolean =>
  partsOf(error).some(
    (part) =>
      read(part, "name") === "TimeoutError" ||
      unlessThrown(() => part instanceof HandlerTimeout || Cause.isTimeoutError(part)) === true
  )

/** The error, the answer that it has as `response`, and the same of what it wraps. */
const partsOf = (error: unknown): ReadonlyArray<object> => {
  const parts: Array<object> = []
  let part = error
  for (let depth = 0; depth <= maxDepth && typeof part === "object" && part !== null; depth++) {
    parts.push(part)
    const response = read(part, "response")
    if (typeof response === "object" && response !== null) parts.push(response)
    part = read(part, "cause")
  }
  return parts
}

/** What an error is asked for is the code of others, and where that throws, it says nothing. */
const unlessThrown = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch {
    return undefined
  }
}

const read = (part: object, property: string): unknown =>
  unlessThrown(() => (hasProperty(part, property) ? part[property] : undefined))

/** `Response`, and what the clients of HTTP make of it. */
const isTooMuch = (response: object): boolean => {
  const status = read(response, "status") ?? read(response, "statusCode")
  return status === 429 || status === 503
}

const fromResponse = (response: object, wallMillis: number): Duration.Duration | undefined => {
  if (!isTooMuch(response)) return undefined
  const headers = read(response, "headers")
  const header = unlessThrown(() => headerOf(headers, "retry-after"))
  return header === undefined ? undefined : parseRetryAfter(header, wallMillis)
}

const headerOf = (headers: unknown, name: string): string | undefined => {
  if (typeof headers !== "object" || headers === null) return undefined
  const value = "get" in headers && typeof headers.get === "function" ? headers.get(name) : entryOf(headers, name)
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined
}

const entryOf = (headers: object, name: string): unknown =>
  Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
