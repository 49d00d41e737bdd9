/**
 * Checks options at the door. A bad one is a bug in the calling code and is never
 * repaired; it is thrown as `InvalidOptions`.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { InvalidOptions } from "../BatchError.ts"

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

export const duration = (option: string, value: Duration.Input): Duration.Duration => {
  const decoded = Option.getOrUndefined(Duration.fromInput(value))
  if (decoded !== undefined && Duration.toMillis(decoded) > 0) return decoded
  throw new InvalidOptions({ option, value, expected: 'a duration longer than zero, such as "10 seconds"' })
}

/** A retry that nothing bounds would repeat a failure for ever, and without a pause. */
export const retry = (
  option: string,
  value: { readonly times?: unknown; readonly schedule?: unknown; readonly while?: unknown }
): void => {
  const bounds = typeof value === "object" && value !== null ? [value.times, value.schedule, value.while] : []
  if (bounds.every((bound) => bound === undefined)) {
    throw new InvalidOptions({ option, value, expected: "an object with at least one of times, schedule and while" })
  }
  const times = value.times
  if (times === undefined || (Number.isInteger(times) && (times as number) >= 0)) return
  throw new InvalidOptions({ option: `${option}.times`, value: times, expected: "an integer of at least 0" })
}

export const optionalFunction = (option: string, value: unknown): void => {
  if (value === undefined || typeof value === "function") return
  throw new InvalidOptions({ option, value, expected: "a function" })
}

export const millis = (option: string, value: number): number => {
  if (Number.isFinite(value) && value >= 0) return value
  throw new InvalidOptions({ option, value, expected: "milliseconds, at least 0" })
}

export const share = (option: string, value: number): number => {
  if (value >= 0 && value <= 1) return value
  throw new InvalidOptions({ option, value, expected: "a number from 0 to 1" })
}
