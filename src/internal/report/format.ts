/**
 * A report as a few lines for a terminal.
 */
import type * as Outcome from "../../Outcome.ts"
import type * as Report from "../../Report.ts"
import * as Check from "../options.ts"
import { groupsOf } from "./digest.ts"
import { endedText } from "./ended.ts"
import { keyOf, nameOf } from "./keyOf.ts"
import * as Text from "./text.ts"

export interface FormatOptions {
  readonly styleText?: Text.StyleText | undefined
  readonly width?: number | undefined
}

export const format = (report: Report.Any, { styleText: style = Text.plain, width = 120 }: FormatOptions): string => {
  if (width !== Number.POSITIVE_INFINITY) Check.positiveInteger("width", width)
  const { name, version } = report.pipeline
  const title = version === undefined ? name : `${name} ${version}`
  const lines = [
    `${style("bold", Text.printable(title))}: ${Text.plural(report.total, "item")} in ${Text.duration(report.duration)}`,
    "",
    ...counts(report, style)
  ]
  const notes = notesOf(report, Math.max(80, width - 40))
  if (notes.length > 0) lines.push("", ...notes.map((note) => style("yellow", Text.printable(note))))
  if (report.failed > 0) lines.push("", ...failures(report, style, width))
  return lines.join("\n")
}

const counts = (report: Report.Any, style: Text.StyleText): ReadonlyArray<string> => {
  const kinds = [
    { name: "succeeded", count: report.succeeded, colour: "green" },
    { name: "failed", count: report.failed, colour: "red" },
    { name: "skipped", count: report.skipped, colour: "dim" },
    { name: "interrupted", count: report.interrupted, colour: "yellow" },
    { name: "not started", count: report.notStarted, colour: "yellow" }
  ] as const
  const shown = kinds.filter(({ count, name }) => count > 0 || name === "succeeded")
  const rows = shown.map(({ count, name }) => [
    `  ${name}`,
    Text.count(count),
    share(count, report.total),
    name === "succeeded" && report.reused > 0 ? `${Text.count(report.reused)} of them reused` : ""
  ])
  const right = [false, true, true, false]
  return Text.table(rows, right, (text, column, row) =>
    column === 0 ? style(shown[row]!.colour, text) : column > 1 ? style("dim", text) : text
  )
}

/** Never 100 % where it is not all, and never 0 % where it is something. */
export const share = (count: number, total: number): string => {
  if (total === 0) return ""
  const percent = (count * 100) / total
  if (percent > 99.9 && count < total) return "> 99.9 %"
  if (percent < 0.1 && count > 0) return "< 0.1 %"
  return `${percent.toFixed(percent === 100 || count === 0 ? 0 : 1)} %`
}

/** What a reader has to know of the numbers. `longest`: how much of a reason is shown. */
export const notesOf = (report: Report.Any, longest: number): ReadonlyArray<string> => {
  const notes: Array<string> = []
  const ended = endedText(report.endedBy)
  if (ended !== undefined) notes.push(`${ended}.`)
  notes.push(...undone(report.outcomes, longest))
  if (!report.exhausted) notes.push("The input may hold more parameter sets than were read.")
  const kept = report.outcomes.length
  if (kept < report.total) {
    notes.push(`The report keeps ${Text.count(kept)} of ${Text.plural(report.total, "outcome")}.`)
    if (report.failed > 0 && !report.outcomes.some(({ _tag }) => _tag === "Failed")) {
      notes.push('What failed is counted and not kept: run the batch with outcomes: "failures" or "all" to see it.')
    }
  }
  return notes
}

/** How many items were not run, or not to their end, for which reason; reasons that differ only in a key are one. */
const undone = (outcomes: ReadonlyArray<Outcome.Any>, longest: number): ReadonlyArray<string> => {
  const groups = new Map<string, { readonly kind: string; count: number; readonly reasons: Set<string> }>()
  for (const outcome of outcomes) {
    if (outcome._tag !== "NotStarted" && outcome._tag !== "Interrupted") continue
    if (outcome.reason === undefined) continue
    const reason = outcome.reason.charAt(0).toLowerCase() + outcome.reason.slice(1)
    const kind = outcome._tag === "NotStarted" ? "not started" : "interrupted"
    const id = `${kind}: ${reason.replaceAll(quoted, '"…"')}`
    const group = groups.get(id) ?? { kind, count: 0, reasons: new Set() }
    group.count++
    group.reasons.add(reason)
    groups.set(id, group)
  }
  return Array.from(groups.values(), ({ count, kind, reasons }) => {
    const [first] = reasons
    const others = reasons.size === 1 ? "" : `, and so for ${Text.plural(reasons.size - 1, "other key")}`
    return `${Text.count(count)} ${kind}: ${Text.cut(first!, longest)}${others}.`
  })
}

const quoted = /"(?:[^"\\]|\\.)*"/g

const shownGroups = 10

const failures = (report: Report.Any, style: Text.StyleText, width: number): ReadonlyArray<string> => {
  const groups = groupsOf(report.outcomes)
  if (groups.length === 0) return []
  const shown = groups.slice(0, shownGroups)
  const [longestName, longestKey] = [Math.max(30, Math.floor(width / 4)), Math.max(40, Math.floor(width / 3))]
  const rows = shown.map(({ defect, handler, members, message, tag }) => [
    `  ${Text.count(members.length)}`,
    Text.cut(Text.printable(handler ?? "before the first step"), longestName),
    Text.cut(Text.printable(tag), longestName) + (defect ? " (bug)" : ""),
    Text.printable(message)
  ])
  const colours = ["bold", "cyan", "red", undefined] as const
  const table = Text.table(cutLast(rows, width), [true, false, false, false], (text, column) => {
    const colour = colours[column]
    return colour === undefined ? text : style(colour, text)
  })
  const indent = " ".repeat(Math.max(...rows.map(([first]) => first!.length)) + 2)
  const lines = table.flatMap((line, index) => {
    const { example, members, message } = shown[index]!
    const keys = members
      .slice(0, 2)
      .map((member) => nameOf({ key: keyOf(member), params: member.params }, longestKey))
      .join(", ")
    const names = `${indent}${keys}`
    const said = ", such as: "
    const sample = message === example ? "" : Text.cutPath(Text.printable(example), width - names.length - said.length)
    return [line, style("dim", Text.cut(message === example ? names : `${names}${said}${sample}`, width))]
  })
  const rest = groups.slice(shownGroups)
  if (rest.length > 0) {
    const failed = rest.reduce((sum, { members }) => sum + members.length, 0)
    lines.push(
      style("dim", `${indent}and ${Text.plural(failed, "failure")} of ${Text.plural(rest.length, "other kind")}`)
    )
  }
  const kinds = groups.length === 1 ? "all of one kind" : `of ${Text.count(groups.length)} kinds`
  return [style("bold", `${Text.plural(report.failed, "failure")}, ${kinds}`), ...lines]
}

/** Cuts the last column so that a row fits. */
const cutLast = (rows: ReadonlyArray<ReadonlyArray<string>>, width: number): ReadonlyArray<ReadonlyArray<string>> => {
  const taken = [0, 1, 2].reduce((sum, column) => sum + 2 + Math.max(...rows.map((row) => row[column]!.length)), 0)
  return rows.map(([count, handler, tag, message]) => [
    count!,
    handler!,
    tag!,
    Text.cut(message!, Math.max(20, width - taken))
  ])
}
