/**
 * Checks options at the door. A bad one is a bug in the calling code and is never
 * repaired; it is thrown as `InvalidOptions`.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { hasProperty } from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import { InvalidOptions } from "../BatchError.ts"
import { meantBy } from "./spelling.ts"

export const positiveInteger = (option: string, value: number): number => {
  if (Number.isInteger(value) && value >= 1) return value
  throw new InvalidOptions({ option, value, expected: "a positive integer" })
}

export const concurrency = (value: number | "unbounded"): number => {
  if (value === "unbounded") return Number.POSITIVE_INFINITY
  if (Number.isInteger(value) && value >= 1) return value
  throw new InvalidOptions({ option: "concurrency", value, expected: 'a positive integer or "unbounded"' })
}

export const oneOf = <A extends string>(option: string, value: A, values: ReadonlyArray<A>): A => {
  if (values.includes(value)) return value
  throw new InvalidOptions({ option, value, expected: values.map((known) => JSON.stringify(known)).join(" or ") })
}

export const flag = (option: string, value: boolean | undefined, otherwise: boolean): boolean => {
  if (value === undefined) return otherwise
  if (typeof value === "boolean") return value
  throw new InvalidOptions({ option, value, expected: "true or false" })
}

export const duration = (option: string, value: Duration.Input, owner?: string): Duration.Duration => {
  const decoded = Option.getOrUndefined(Duration.fromInput(value))
  if (decoded !== undefined && Duration.toMillis(decoded) > 0) return decoded
  throw new InvalidOptions({ option, value, expected: 'a duration longer than zero, such as "10 seconds"', owner })
}

const units = ["weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"] as const

/** A duration of at least 0; `undefined` for anything else. */
export const pause = (value: unknown): Duration.Duration | undefined => {
  if (!isDurationInput(value)) return undefined
  const decoded = Option.getOrUndefined(Duration.fromInput(value))
  return decoded !== undefined && Duration.toMillis(decoded) >= 0 ? decoded : undefined
}

/** `Duration.fromInput` reads any object without a unit, such as a promise, as no time, and so it does with NaN. */
const isDurationInput = (value: unknown): value is Duration.Input => {
  if (typeof value !== "object" || value === null) return !Number.isNaN(value)
  if (Duration.isDuration(value)) return true
  if (Array.isArray(value)) return !value.some(Number.isNaN)
  const given = units.flatMap((unit) => (hasProperty(value, unit) && value[unit] !== undefined ? [value[unit]] : []))
  return given.length > 0 && given.every((amount) => typeof amount === "number" && !Number.isNaN(amount))
}

const retryNames = { times: true, schedule: true, while: true } as const

/** As others call them. */
const retryAliases = { delay: "schedule", retries: "times", maxRetries: "times", until: "its opposite is retry.while" }

/** A retry that nothing bounds would repeat a failure for ever, and without a pause. */
export const retry = (
  owner: string,
  value: { readonly times?: unknown; readonly schedule?: unknown; readonly while?: unknown }
): void => {
  if (typeof value === "object" && value !== null) spelling(owner, value, retryNames, retryAliases, "retry.")
  const bounds = typeof value === "object" && value !== null ? [value.times, value.schedule, value.while] : []
  if (bounds.every((bound) => bound === undefined)) {
    const expected = "an object with at least one of times, schedule and while"
    throw new InvalidOptions({ option: "retry", value, expected, owner })
  }
  const { schedule, times } = value
  if (times !== undefined && !(Number.isInteger(times) && (times as number) >= 0)) {
    throw new InvalidOptions({ option: "retry.times", value: times, expected: "an integer of at least 0", owner })
  }
  if (schedule !== undefined && !Schedule.isSchedule(schedule)) {
    const expected = 'a Schedule, such as Schedule.spaced("100 millis")'
    throw new InvalidOptions({ option: "retry.schedule", value: schedule, expected, owner })
  }
  optionalSync("retry.while", value.while, owner)
}

export const optionalFunction = (option: string, value: unknown, owner?: string): void => {
  if (value !== undefined) requiredFunction(option, value, owner)
}

export const requiredFunction = (option: string, value: unknown, owner?: string): void => {
  if (typeof value === "function") return
  throw new InvalidOptions({ option, value, expected: "a function", owner })
}

export const optionalName = (value: unknown, owner: string): string | undefined => {
  if (value === undefined || (typeof value === "string" && value !== "")) return value
  throw new InvalidOptions({ option: "name", value, expected: "a text that is not empty", owner })
}

/** Nobody waits for what an async function answers. Found here, where it costs no item anything. */
export const optionalSync = (option: string, value: unknown, owner: string, remedy = ""): void => {
  optionalFunction(option, value, owner)
  if (!isAsync(value)) return
  const expected = `a synchronous function${remedy}`
  throw new InvalidOptions({ option, value, expected, owner })
}

export const isAsync = (f: unknown): boolean => Object.prototype.toString.call(f) === "[object AsyncFunction]"

/** Options, and what consists of several. */
export const object = (option: string, value: unknown, expected: string, owner?: string): void => {
  if (typeof value === "object" && value !== null) return
  throw new InvalidOptions({ option, value, expected, owner })
}

export const millis = (option: string, value: number, or = ""): number => {
  if (Number.isFinite(value) && value >= 0) return value
  throw new InvalidOptions({ option, value, expected: `milliseconds, at least 0${or}` })
}

export const share = (option: string, value: number): number => {
  if (value >= 0 && value <= 1) return value
  throw new InvalidOptions({ option, value, expected: "a number from 0 to 1" })
}

/** A misspelt limit would be none. */
export const onlyKnown = (owner: string, options: object, known: ReadonlyArray<string>): void => {
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined || known.includes(option)) continue
    throw new InvalidOptions({ option, value, expected: `left out, or one of ${known.join(", ")}`, owner })
  }
}

/** Other names may be there on purpose, in options that are spread; a misspelt one would be the default in silence. */
export const spelling = (
  owner: string | undefined,
  options: object,
  known: Readonly<Record<string, true>>,
  aliases: Readonly<Record<string, string>> = {},
  within = ""
): void => {
  for (const name of Object.keys(options)) {
    const value = (options as Readonly<Record<string, unknown>>)[name]
    const meant = value === undefined ? undefined : meantBy(name, known, aliases)
    if (meant === undefined) continue
    const hint = Object.hasOwn(known, meant) ? `did you mean ${JSON.stringify(within + meant)}?` : meant
    const expected = `left out (${hint})`
    throw new InvalidOptions({ option: within + name, value, expected, owner })
  }
}
