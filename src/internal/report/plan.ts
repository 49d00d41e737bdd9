/**
 * Plans as values: what they say of why an item runs again, and how they are shown.
 */
import type * as Outcome from "../../Outcome.ts"
import type * as Plan from "../../Plan.ts"
import { groupsOf } from "./digest.ts"
import type { Entry, ReasonOf, Undone } from "./entries.ts"
import { failureOf } from "./failure.ts"
import { nameOf } from "./keyOf.ts"
import { ambiguous } from "./match.ts"
import * as Text from "./text.ts"

export const TypeId = "~parallel-batch-pipeline/Plan"

const Proto = { [TypeId]: {} }

export const make = <P, S, O, A extends string, E, R>(
  fields: Omit<Plan.Plan<P, S, O, A, E, R>, typeof TypeId>
): Plan.Plan<P, S, O, A, E, R> => Object.assign(Object.create(Proto), fields)

/** What failures say, as the digest reads them: as many as there are, they are few. */
export const reasonsOf = (outcomes: ReadonlyArray<Outcome.Any>): ReasonOf => {
  const messages = new Map<Outcome.Any, string>()
  for (const { members, message } of groupsOf(outcomes)) for (const member of members) messages.set(member, message)
  return (outcome) => reasonOf(outcome, messages.get(outcome) ?? "")
}

const reasonOf = (outcome: Undone, message: string): string => {
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
