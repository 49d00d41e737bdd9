/**
 * Plans: which items of a report run again, and how a plan is shown.
 */
import type * as Outcome from "../../Outcome.ts"
import type * as Plan from "../../Plan.ts"
import type * as Report from "../../Report.ts"
import { IncompleteReport, RenderedValue } from "../../ReportError.ts"
import { queues } from "./diff.ts"
import { fold } from "./digest.ts"
import { failureOf } from "./failure.ts"
import { keyOf, nameOf } from "./keyOf.ts"
import * as Text from "./text.ts"

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
  const { outcomes, total } = report
  if (outcomes.length < total) {
    throw new IncompleteReport({
      problem: `it keeps ${outcomes.length} of ${total} outcomes`,
      remedy: 'run the batch with outcomes: "all"'
    })
  }
  if (given === undefined) return outcomes.map((outcome, index) => again(outcome, index, outcome.params))
  checkKeys(outcomes, given.keyOf)
  // Where items have one key they are the same, and a success does for any of them.
  const succeeded = queues(outcomes.filter(({ _tag }) => _tag === "Succeeded"))
  const others = queues(outcomes.filter(({ _tag }) => _tag !== "Succeeded"))
  const taken = new Set<Outcome.Any>()
  const entries = given.params.map((params, index): Entry => {
    const key = given.keyOf(params)
    const outcome = succeeded.get(key)?.shift() ?? others.get(key)?.shift()
    if (outcome === undefined) return { _tag: "New", index, key, params, reason: "not in the report" }
    taken.add(outcome)
    return again(outcome, index, params)
  })
  const dropped = outcomes
    .filter((outcome) => !taken.has(outcome))
    .map((outcome): Entry => {
      const { params } = outcome
      return { _tag: "Dropped", key: keyOf(outcome), params, outcome, reason: "not among the params any more" }
    })
  return [...entries, ...dropped]
}

const again = (outcome: Outcome.Any, index: number, params: unknown): Entry => {
  const key = keyOf(outcome)
  if (outcome._tag === "Succeeded") {
    if (!hasText(outcome.output)) return { _tag: "Reuse", index, key, params, outcome, reason: "succeeded" }
    checkParams(outcome, params)
    const reason = "its output was kept as text; its handler needs an output schema"
    return { _tag: "Run", index, key, params, outcome, reason }
  }
  checkParams(outcome, params)
  return { _tag: "Run", index, key, params, outcome, reason: reasonOf(outcome) }
}

const reasonOf = (outcome: Exclude<Outcome.Any, { readonly _tag: "Succeeded" }>): string => {
  switch (outcome._tag) {
    case "Failed": {
      const { kind, message, tag } = failureOf(outcome.cause)
      const what = tag === "string" ? JSON.stringify(fold(message)) : tag
      const where = outcome.handler === undefined ? "failed before its first step" : `failed in ${outcome.handler}`
      return `${where} with ${what}${kind === "defect" ? ", a bug" : ""}`
    }
    case "Skipped":
      return `skipped by ${outcome.handler}`
    case "Interrupted":
      return outcome.handler === undefined ? "interrupted" : `interrupted in ${outcome.handler}`
    case "NotStarted":
      return "never started"
  }
}

/** Under another `key` every item would look like a new one, and all that was done would be done again. */
const checkKeys = (outcomes: ReadonlyArray<Outcome.Any>, keyNow: Given["keyOf"]): void => {
  for (const outcome of outcomes) {
    const { index, params } = outcome
    if (hasText(params)) continue
    const key = keyOf(outcome)
    const now = keyNow(params)
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
  const sorted = Array.from(groups.values()).sort(
    (a, b) => order.indexOf(a.entry._tag) - order.indexOf(b.entry._tag) || b.count - a.count
  )
  const rows = sorted.map(({ count, entry, keys }) => [
    `  ${names[entry._tag]}`,
    Text.count(count),
    Text.cut(Text.printable(entry.reason), 60),
    keys.join(", ") + (count > keys.length ? ", …" : "")
  ])
  const table = Text.table(rows, [false, true, false, false], (text, column, row) =>
    column === 0 ? style(colours[sorted[row]!.entry._tag], text) : column === 3 ? style("dim", text) : text
  )
  const parts = [
    plan.run + plan.new === 0 ? "nothing to run" : `${Text.plural(plan.run + plan.new, "item")} to run`,
    ...(plan.new > 0 ? [`${Text.count(plan.new)} of them new`] : []),
    ...(plan.reuse > 0 ? [`${Text.count(plan.reuse)} reused`] : []),
    ...(plan.dropped > 0 ? [`${Text.count(plan.dropped)} dropped`] : [])
  ]
  const notes = [
    ...(plan.changes.length > 0 ? [`The pipeline has changed since: ${plan.changes.join("; ")}.`] : []),
    ...(plan.exhausted ? [] : ["The input held more than the report knows of: give params to run the rest."])
  ]
  return [
    `${style("bold", Text.printable(plan.name))}: ${parts.join(", ")}`,
    ...(table.length > 0 ? ["", ...table] : []),
    ...(notes.length > 0 ? ["", ...notes.map((note) => style("yellow", Text.printable(note)))] : [])
  ].join("\n")
}
