/**
 * How many failures a collect-all batch bears: the bounds, and what counts
 * towards them in one run.
 */
import * as Cause from "effect/Cause"
import { hasProperty } from "effect/Predicate"
import { InvalidOptions } from "../BatchError.ts"
import type * as Report from "../Report.ts"
import * as Check from "./options.ts"

type Share = `${number}%`

/** What the option `tolerate` says. */
export interface Bounds {
  /** How many items may fail. */
  readonly count?: number | undefined
  /** How large a share of the items that have ended may be failures, from 0 to 100. */
  readonly percent?: number | undefined
  /** How many items must have ended before a share counts. Defaults to 20. */
  readonly minSample?: number | undefined
  /** How many items may fail with errors of a tag, as a number or a share; the tag of a thrown bug is its `name`. */
  readonly byTag?: { readonly [tag: string]: number | Share | undefined } | undefined
}

interface Bound {
  readonly name: "count" | "percent" | "byTag"
  /** Of which failures; `undefined`: of all. */
  readonly tag: string | undefined
  readonly limit: number | Share
  /** The limit of a share, in percent. */
  readonly percent: number | undefined
}

/** A share of fewer items says nothing: one failure of one item would be 100 %. */
const defaultMinSample = 20

export class Tolerance {
  readonly #bounds: ReadonlyArray<Bound>
  readonly #minSample: number
  readonly #failed = new Map<string, number>()
  #cause: Cause.Cause<unknown> | undefined = undefined

  constructor(bounds: Bounds) {
    this.#bounds = check(bounds)
    this.#minSample = bounds.minSample ?? defaultMinSample
  }

  /** The last failure. */
  get cause(): Cause.Cause<unknown> | undefined {
    return this.#cause
  }

  note(cause: Cause.Cause<unknown>): void {
    this.#cause = cause
    const tag = tagOf(cause)
    if (tag !== undefined) this.#failed.set(tag, (this.#failed.get(tag) ?? 0) + 1)
  }

  /** The first bound that is exceeded, with `failed` of the items that have `ended`. */
  exceeded(failed: number, ended: number): Report.EndedBy | undefined {
    for (const { limit, name, percent, tag } of this.#bounds) {
      const count = tag === undefined ? failed : (this.#failed.get(tag) ?? 0)
      const isExceeded =
        percent === undefined ? count > (limit as number) : ended >= this.#minSample && count * 100 > percent * ended
      if (isExceeded) return { _tag: "Tolerance", bound: name, tag, limit, failed: count, ended }
    }
    return undefined
  }
}

/** What an error is called: its `_tag`, or the name of its class. */
const tagOf = (cause: Cause.Cause<unknown>): string | undefined => {
  try {
    const error = Cause.squash(cause)
    if (hasProperty(error, "_tag") && typeof error._tag === "string") return error._tag
    return hasProperty(error, "name") && typeof error.name === "string" ? error.name : undefined
  } catch {
    // Its getters throw.
    return undefined
  }
}

const names = { count: true, percent: true, minSample: true, byTag: true } as const
const aliases = { counts: "count", percentage: "percent" }

const check = (given: Bounds): ReadonlyArray<Bound> => {
  const { byTag, count, minSample, percent } = given ?? {}
  const bounds: Array<Bound> = []
  if (typeof given === "object" && given !== null) Check.spelling(undefined, given, names, aliases, "tolerate.")
  if (count !== undefined)
    bounds.push({ name: "count", tag: undefined, limit: atLeastZero("count", count), percent: undefined })
  if (percent !== undefined) {
    bounds.push({ name: "percent", tag: undefined, limit: `${percent}%`, percent: share("percent", percent, percent) })
  }
  if (minSample !== undefined && !(Number.isInteger(minSample) && minSample >= 1)) {
    throw new InvalidOptions({ option: "tolerate.minSample", value: minSample, expected: "a positive integer" })
  }
  for (const [tag, limit] of Object.entries(byTag ?? {})) {
    if (limit === undefined) continue
    const option = `byTag.${tag}`
    if (typeof limit === "string") {
      const number = limit.endsWith("%") && limit.length > 1 ? Number(limit.slice(0, -1)) : Number.NaN
      bounds.push({ name: "byTag", tag, limit, percent: share(option, number, limit) })
    } else bounds.push({ name: "byTag", tag, limit: atLeastZero(option, limit), percent: undefined })
  }
  if (bounds.length > 0) return bounds
  throw new InvalidOptions({
    option: "tolerate",
    value: given,
    expected: "an object with at least one of count, percent and byTag"
  })
}

const atLeastZero = (option: string, value: number): number => {
  if (Number.isInteger(value) && value >= 0) return value
  throw new InvalidOptions({
    option: `tolerate.${option}`,
    value,
    expected: option === "count" ? "an integer of at least 0" : 'an integer of at least 0, or a share such as "10%"'
  })
}

const share = (option: string, percent: number, value: unknown): number => {
  if (percent >= 0 && percent <= 100) return percent
  throw new InvalidOptions({
    option: `tolerate.${option}`,
    value,
    expected: option === "percent" ? "a number from 0 to 100" : 'an integer of at least 0, or a share such as "10%"'
  })
}

/** The bounds of a run, checked. */
export const toTolerance = (bounds: Bounds | undefined, mode: "fail-fast" | "collect-all"): Tolerance | undefined => {
  if (bounds === undefined) return undefined
  if (mode === "collect-all") return new Tolerance(bounds)
  throw new InvalidOptions({ option: "tolerate", value: bounds, expected: 'left out, unless with mode: "collect-all"' })
}
