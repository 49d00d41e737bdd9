/**
 * What a saved report has to have for the rest of the library to rely on it.
 */
import * as Duration from "effect/Duration"
import type * as Outcome from "../../Outcome.ts"
import type * as Report from "../../Report.ts"
import type { Place } from "./place.ts"

type Fields = Readonly<Record<string, unknown>>

interface Kind {
  readonly expected: string
  readonly fits: (value: unknown) => boolean
}

const text: Kind = { expected: "a string", fits: (value) => typeof value === "string" }
const optionalText: Kind = {
  expected: "a string or undefined",
  fits: (value) => value === undefined || text.fits(value)
}
const number: Kind = { expected: "a number", fits: (value) => typeof value === "number" }
const duration: Kind = { expected: "a duration", fits: Duration.isDuration }
const count: Kind = {
  expected: "an integer of at least 0",
  fits: (value) => Number.isInteger(value) && (value as number) >= 0
}
const limit: Kind = {
  expected: 'a number or a text such as "5%"',
  fits: (value) => typeof value === "number" || (typeof value === "string" && /^[\d.]+%$/.test(value))
}
const path: Kind = {
  expected: "an array of keys",
  fits: (value) => Array.isArray(value) && value.every((key) => typeof key === "string" || typeof key === "number")
}
const oneOf = (...values: ReadonlyArray<string>): Kind => ({
  expected: values.join(" or "),
  fits: (value) => values.includes(value as string)
})

type Kinds = Readonly<Record<string, Kind>>

const none: Kinds = {}

const endings: { readonly [K in Report.EndedBy["_tag"]]: Kinds } = {
  Completed: none,
  Stop: { reason: text },
  Timeout: { duration },
  Budget: { bound: oneOf("calls", "cost", "duration") },
  Canary: { items: count },
  Drain: none,
  Failure: none,
  Tolerance: { bound: oneOf("count", "percent", "byTag"), tag: optionalText, limit, failed: count, ended: count },
  InputFailure: { reason: optionalText },
  OutcomeFailure: { reason: text },
  Interruption: none,
  Running: none
}

const errors: Readonly<Record<string, Kinds>> = {
  DuplicateKey: { key: text, index: count, first: count, params: optionalText },
  HandlerTimeout: { handler: text, duration },
  InvalidParams: { index: count, path, expected: text },
  SharedDataConflict: { key: text },
  TooManySteps: { handler: text, maxSteps: number }
}

/** Throws `InvalidReport`; an ending of a later version is taken as it is. */
export const checkEnding = (ending: Fields, place: Place): void => {
  const tag = String(ending["_tag"])
  if (!Object.hasOwn(endings, tag)) return
  check(ending, endings[tag as keyof typeof endings], place)
  if (tag !== "Budget") return
  const kind = ending["bound"] === "duration" ? duration : number
  check(ending, { limit: kind, used: kind }, place)
}

/** The fields of an error of the library. */
export const checkError = (tag: string, fields: unknown, place: Place): void => {
  if (typeof fields !== "object" || fields === null) throw place.invalid("an object", fields)
  check(fields as Fields, errors[tag] ?? none, place)
}

const check = (fields: Fields, kinds: Kinds, place: Place): void => {
  for (const [key, { expected, fits }] of Object.entries(kinds)) {
    if (!fits(fields[key])) throw place.at(key).invalid(expected, fields[key])
  }
}

const counted = {
  Succeeded: "succeeded",
  Failed: "failed",
  Skipped: "skipped",
  Interrupted: "interrupted",
  NotStarted: "notStarted"
} as const

type Counted = "succeeded" | "reused" | "failed" | "skipped" | "interrupted" | "notStarted"

/** Compares the outcomes with the counts, as they are read. */
export class Counting {
  readonly #report: Omit<Report.Any, "outcomes"> & { readonly kept: number }
  readonly #place: (key: string) => Place
  readonly #seen: Record<Counted, number> = {
    succeeded: 0,
    reused: 0,
    failed: 0,
    skipped: 0,
    interrupted: 0,
    notStarted: 0
  }
  #last = -1

  constructor(report: Omit<Report.Any, "outcomes"> & { readonly kept: number }, place: (key: string) => Place) {
    this.#report = report
    this.#place = place
    if (report.kept > report.total) throw place("kept").invalid(`at most ${report.total}, the total`, report.kept)
  }

  add(outcome: Outcome.Any, place: Place): void {
    this.#seen[counted[outcome._tag]]++
    if (outcome._tag === "Succeeded" && outcome.reused) this.#seen.reused++
    // A batch handler that ran several batches at once has numbers of each.
    if (this.#report.pipeline.steps.length === 0) return
    if (outcome.index <= this.#last) throw place.at("index").invalid(`more than ${this.#last}`, outcome.index)
    this.#last = outcome.index
  }

  end(): void {
    const all = this.#report.kept === this.#report.total
    for (const [name, seen] of Object.entries(this.#seen)) {
      const said = this.#report[name as Counted]
      const fits = all ? seen === said : seen <= said
      if (!fits) throw this.#place(name).invalid(`${all ? "" : "at least "}${seen}, as many as the outcomes say`, said)
    }
  }
}
