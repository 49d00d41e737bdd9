/**
 * Which items of a report are taken over, and which run: what a plan says, and a
 * batch of the classes that goes on from a report. Loaded with the classes, so
 * nothing of what shows a report stands in here.
 */
import type * as Outcome from "../../Outcome.ts"
import type * as Plan from "../../Plan.ts"
import type * as Report from "../../Report.ts"
import { IncompleteReport, RenderedValue } from "../../ReportError.ts"
import { stableKey } from "../key.ts"
import { keyIfAny, keyOf } from "./keyOf.ts"
import { contentOf, Matches } from "./match.ts"
import * as Text from "./text.ts"
import { hasReadTexts } from "./texts.ts"

export type Entry = Plan.Entry<unknown, string, unknown>

export interface Given {
  readonly params: ReadonlyArray<unknown>
  readonly keyOf: (params: unknown) => string
}

/** Why an item that did not succeed runs again, for who reads the plan. */
export type ReasonOf = (outcome: Undone) => string

export type Undone = Exclude<Outcome.Any, Success>
type Success = Outcome.Succeeded<unknown, string, unknown>

export interface Choice {
  readonly reasonOf: ReasonOf
  /** Whether a success runs again all the same. */
  readonly rerun: ((outcome: Success) => boolean) | undefined
}

/** `given`: the parameter sets of the next batch; left out, those of the report. Throws `IncompleteReport`. */
export const entriesOf = (report: Report.Any, given: Given | undefined, choice: Choice): ReadonlyArray<Entry> => {
  const { endedBy, outcomes, total } = report
  if (endedBy._tag === "Running") {
    throw new IncompleteReport({
      problem: "the batch was still running when it was taken",
      remedy: "take the one that the batch answers when it has ended"
    })
  }
  if (outcomes.length < total) {
    throw new IncompleteReport({
      problem: `it keeps ${outcomes.length} of ${total} outcomes`,
      remedy: 'run the batch with outcomes: "all"'
    })
  }
  if (given === undefined) return outcomes.map((outcome, index) => again(outcome, index, outcome.params, choice))
  checkKeys(outcomes, given.keyOf)
  const keyed = outcomes.filter((outcome) => keyIfAny(() => outcome.key) !== undefined)
  const keys = given.params.map((params) => keyIfAny(() => given.keyOf(params)))
  const isContent = given.keyOf === stableKey
  const matches = new Matches(
    // Items with one key and the same params are the same, and a success does for any of them.
    [...keyed.filter(({ _tag }) => _tag === "Succeeded"), ...keyed.filter(({ _tag }) => _tag !== "Succeeded")],
    keyOf,
    keys,
    (_, params) => (isContent ? "" : knownContent(params))
  )
  const taken = new Set<Outcome.Any>()
  const entries = given.params.map((params, index): Entry => {
    const known = keys[index]
    if (known === undefined) {
      const key = keyOf({
        index,
        get key() {
          return given.keyOf(params)
        }
      })
      return { _tag: "New", index, key, params, reason: "its key cannot be made" }
    }
    const outcome = matches.take(known, params)
    if (outcome === undefined) {
      const reason = matches.has(known) ? "not in the report with these params" : "not in the report"
      return { _tag: "New", index, key: known, params, reason }
    }
    taken.add(outcome)
    const entry = again(outcome, index, params, choice)
    // By its key it is the same item, and only the caller knows whether it is.
    return entry._tag === "Reuse" && !isContent && differ(outcome.params, params)
      ? { ...entry, reason: "succeeded, with other params" }
      : entry
  })
  const dropped = outcomes
    .filter((outcome) => !taken.has(outcome))
    .map((outcome): Entry => {
      const { params } = outcome
      return { _tag: "Dropped", key: keyOf(outcome), params, outcome, reason: "not among the params any more" }
    })
  return [...entries, ...dropped]
}

/** Of params that were kept as text nobody knows what they were. */
const knownContent = (params: unknown): string | undefined => (hasText(params) ? undefined : contentOf(params))

const differ = (before: unknown, now: unknown): boolean =>
  before !== now && Text.safely(() => !hasText(before) && stableKey(before) !== stableKey(now), false)

const again = (outcome: Outcome.Any, index: number, params: unknown, { reasonOf, rerun }: Choice): Entry => {
  const key = keyOf(outcome)
  if (outcome._tag === "Succeeded") {
    const isText = hasText(outcome.output)
    if (!isText && rerun?.(outcome) !== true) {
      return { _tag: "Reuse", index, key, params, outcome, reason: "succeeded" }
    }
    checkParams(outcome, params)
    const reason = isText
      ? "its output was kept as text; its handler needs an output schema"
      : "succeeded, and is to run again"
    return { _tag: "Run", index, key, params, outcome, reason }
  }
  checkParams(outcome, params)
  return { _tag: "Run", index, key, params, outcome, reason: reasonOf(outcome) }
}

/** Under another `key` every item would look like a new one, and all that was done would be done again. */
const checkKeys = (outcomes: ReadonlyArray<Outcome.Any>, keyNow: Given["keyOf"]): void => {
  for (const outcome of outcomes) {
    const { index, params } = outcome
    if (hasText(params)) continue
    const now = keyIfAny(() => keyNow(params))
    if (now === undefined) continue
    const key = keyOf(outcome)
    if (now === key) continue
    throw new IncompleteReport({
      problem: `the key of item ${index} is ${JSON.stringify(key)} in the report and ${JSON.stringify(now)} now`,
      remedy: "give the option key that the batch was run with"
    })
  }
}

const checkParams = (outcome: Outcome.Any, params: unknown): void => {
  if (!hasText(params)) return
  throw new IncompleteReport({
    problem: `the params of item ${outcome.index} (key ${JSON.stringify(keyOf(outcome))}) were kept as text`,
    remedy: "give the option params, or the handlers a params schema before the report is saved"
  })
}

/** Whether a value holds something of which a saved report has only the text. */
export const hasText = (value: unknown): boolean => {
  if (!hasReadTexts()) return false
  const seen = new Set<unknown>()
  const rest: Array<object> = []
  // No spread: the arguments of a call lie on the stack, and a value may have a million parts.
  const look = (part: unknown): void => {
    if (typeof part === "object" && part !== null && !seen.has(part)) {
      seen.add(part)
      rest.push(part)
    }
  }
  look(value)
  for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
    if (part instanceof RenderedValue) return true
    if (Array.isArray(part)) part.forEach(look)
    else if (part instanceof Set) part.forEach(look)
    else if (part instanceof Map) {
      part.forEach((entry, key) => {
        look(key)
        look(entry)
      })
    } else if (isRecord(part)) for (const key of Object.keys(part)) look(read(part, key))
  }
  return false
}

/** Nobody goes on from shared data of which only the text is left. */
export const checkShared = (shared: unknown): void => {
  if (!hasText(shared)) return
  throw new IncompleteReport({
    problem: "its shared data were kept as text in part",
    remedy: "give the option shared, or the handlers a schema for it before the report is saved"
  })
}

/** A getter of the caller may throw; what the decoder makes has none. */
const read = (part: object, key: string): unknown => {
  try {
    return (part as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

const isRecord = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** An earlier success as an outcome of the next batch. */
export const reusedAt = (outcome: Success, index: number): Outcome.Any => {
  if (outcome.reused && outcome.index === index) return outcome
  const { action, attempts, duration, output, params, path, startedAfter, timings } = outcome
  const key = keyOf(outcome)
  const all = { _tag: "Succeeded", index, key, params, attempts, startedAfter, duration, path, action, output } as const
  return timings === undefined ? { ...all, reused: true } : { ...all, timings, reused: true }
}
