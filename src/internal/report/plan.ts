/**
 * Plans: which items of a report run again, and how a plan is shown.
 */
import type * as Outcome from "../../Outcome.ts"
import type * as Plan from "../../Plan.ts"
import type * as Report from "../../Report.ts"
import { IncompleteReport, RenderedValue } from "../../ReportError.ts"
import { stableKey } from "../key.ts"
import { groupsOf } from "./digest.ts"
import { failureOf } from "./failure.ts"
import { keyIfAny, keyOf, nameOf } from "./keyOf.ts"
import { ambiguous, contentOf, Matches } from "./match.ts"
import * as Text from "./text.ts"
import { hasReadTexts } from "./values.ts"

export const TypeId = "~parallel-batch-pipeline/Plan"

const Proto = { [TypeId]: {} }

export const make = <P, S, O, A extends string, E, R>(
  fields: Omit<Plan.Plan<P, S, O, A, E, R>, typeof TypeId>
): Plan.Plan<P, S, O, A, E, R> => Object.assign(Object.create(Proto), fields)

type Entry = Plan.Entry<unknown, string, unknown>

export interface Given {
  readonly params: ReadonlyArray<unknown>
  readonly keyOf: (params: unknown) => string
}

/** `given`: the parameter sets of the next batch; left out, those of the report. Throws `IncompleteReport`. */
export const entriesOf = (report: Report.Any, given: Given | undefined): ReadonlyArray<Entry> => {
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
  const messages = messagesOf(outcomes)
  if (given === undefined) return outcomes.map((outcome, index) => again(outcome, index, outcome.params, messages))
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
    const entry = again(outcome, index, params, messages)
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

/** What failures say, as the digest reads them: as many as there are, they are few. */
const messagesOf = (outcomes: ReadonlyArray<Outcome.Any>): ReadonlyMap<Outcome.Any, string> => {
  const messages = new Map<Outcome.Any, string>()
  for (const { members, message } of groupsOf(outcomes)) for (const member of members) messages.set(member, message)
  return messages
}

const again = (
  outcome: Outcome.Any,
  index: number,
  params: unknown,
  messages: ReadonlyMap<Outcome.Any, string>
): Entry => {
  const key = keyOf(outcome)
  if (outcome._tag === "Succeeded") {
    if (!hasText(outcome.output)) return { _tag: "Reuse", index, key, params, outcome, reason: "succeeded" }
    checkParams(outcome, params)
    const reason = "its output was kept as text; its handler needs an output schema"
    return { _tag: "Run", index, key, params, outcome, reason }
  }
  checkParams(outcome, params)
  return { _tag: "Run", index, key, params, outcome, reason: reasonOf(outcome, messages.get(outcome) ?? "") }
}

const reasonOf = (outcome: Exclude<Outcome.Any, { readonly _tag: "Succeeded" }>, message: string): string => {
  switch (outcome._tag) {
    case "Failed": {
      const { kind, tag } = failureOf(outcome.cause)
      const what = tag === "string" ? JSON.stringify(message) : tag
      const where = outcome.handler === undefined ? "failed before its first step" : `failed in ${outcome.handler}`
      return `${where} with ${what}${kind === "defect" ? ", a bug" : ""}`
    }
    case "Skipped":
      return `skipped by ${outcome.handler}`
    case "Interrupted":
      return [
        outcome.handler === undefined ? "interrupted" : `interrupted in ${outcome.handler}`,
        ...(outcome.reason === undefined ? [] : [outcome.reason])
      ].join(": ")
    case "NotStarted":
      return outcome.reason === undefined ? "never started" : `never started: ${outcome.reason}`
  }
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
export const reusedAt = (outcome: Outcome.Succeeded<unknown, string, unknown>, index: number): Outcome.Any => {
  if (outcome.reused && outcome.index === index) return outcome
  const { action, attempts, duration, output, params, path, startedAfter, timings } = outcome
  const key = keyOf(outcome)
  const all = { _tag: "Succeeded", index, key, params, attempts, startedAfter, duration, path, action, output } as const
  return timings === undefined ? { ...all, reused: true } : { ...all, timings, reused: true }
}

export const count = (entries: ReadonlyArray<Entry>): { reuse: number; run: number; new: number; dropped: number } => {
  const counts = { reuse: 0, run: 0, new: 0, dropped: 0 }
  for (const { _tag } of entries) counts[names[_tag]]++
  return counts
}

const names = { Reuse: "reuse", Run: "run", New: "new", Dropped: "dropped" } as const

const colours = { Reuse: "green", Run: "yellow", New: "cyan", Dropped: "dim" } as const

const shownReasons = 10

export const format = (plan: Plan.Any, style: Text.StyleText = Text.plain): string => {
  const groups = new Map<string, { readonly entry: Entry; count: number; readonly keys: Array<string> }>()
  for (const entry of plan.entries) {
    const id = `${entry._tag} ${entry.reason}`
    let group = groups.get(id)
    if (group === undefined) groups.set(id, (group = { entry, count: 0, keys: [] }))
    group.count++
    if (group.keys.length < 2) group.keys.push(nameOf(entry))
  }
  const order = ["Reuse", "Run", "New", "Dropped"]
  const all = Array.from(groups.values()).sort(
    (a, b) => order.indexOf(a.entry._tag) - order.indexOf(b.entry._tag) || b.count - a.count
  )
  // Of every kind the largest is shown, and the largest of all.
  const first = new Set(order.map((tag) => all.find(({ entry }) => entry._tag === tag)))
  const ranked = all.toSorted((a, b) => Number(first.has(b)) - Number(first.has(a)) || b.count - a.count)
  const shown = new Set(ranked.slice(0, shownReasons))
  const rest = ranked.slice(shownReasons)
  const sorted = all.filter((group) => shown.has(group))
  const rows = sorted.map(({ count, entry, keys }) => [
    `  ${names[entry._tag]}`,
    Text.count(count),
    Text.cut(Text.printable(entry.reason), 60),
    keys.join(", ") + (count > keys.length ? ", …" : "")
  ])
  const table = Text.table(rows, [false, true, false, false], (text, column, row) =>
    column === 0 ? style(colours[sorted[row]!.entry._tag], text) : column === 3 ? style("dim", text) : text
  )
  const left = rest.reduce((sum, { count }) => sum + count, 0)
  const parts = [
    plan.run + plan.new === 0 ? "nothing to run" : `${Text.plural(plan.run + plan.new, "item")} to run`,
    ...(plan.new > 0 ? [`${Text.count(plan.new)} of them new`] : []),
    ...(plan.reuse > 0 ? [`${Text.count(plan.reuse)} reused`] : []),
    ...(plan.dropped > 0 ? [`${Text.count(plan.dropped)} dropped`] : [])
  ]
  const notes = [
    ...ambiguityOf(plan),
    ...(plan.changes.length > 0 ? [`The pipeline has changed since: ${plan.changes.join("; ")}.`] : []),
    ...(plan.exhausted ? [] : ["The input held more than the report knows of: give params to run the rest."])
  ]
  return [
    `${style("bold", Text.printable(plan.name))}: ${parts.join(", ")}`,
    ...(table.length > 0 ? ["", ...table] : []),
    ...(rest.length > 0
      ? [style("dim", `  and ${Text.plural(left, "item")} of ${Text.plural(rest.length, "other reason")}`)]
      : []),
    ...(notes.length > 0 ? ["", ...notes.map((note) => style("yellow", Text.printable(note)))] : [])
  ].join("\n")
}

const ambiguityOf = ({ entries }: Plan.Any): ReadonlyArray<string> => {
  const counts = ambiguous(entries)
  const [first] = counts
  if (first === undefined) return []
  const key = JSON.stringify(Text.cut(first[0], 40))
  return counts.size === 1
    ? [`The key ${key} names ${Text.count(first[1])} items with different params: matched by params.`]
    : [`${Text.count(counts.size)} keys name several items with different params, such as ${key}: matched by params.`]
}
