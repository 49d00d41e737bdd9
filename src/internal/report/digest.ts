/**
 * Groups failures that say the same but for what is particular to their item.
 */
import type { FailureGroup } from "../../Digest.ts"
import type * as Outcome from "../../Outcome.ts"
import { failureOf } from "./failure.ts"
import { keyOf } from "./keyOf.ts"
import { few, mergeTemplates } from "./templates.ts"
import * as Text from "./text.ts"

type Failed = Outcome.Failed<unknown, unknown>

export interface Group extends Omit<FailureGroup, "count" | "sampleKeys"> {
  /** In input order. */
  readonly members: Array<Failed>
}

export const digest = (outcomes: ReadonlyArray<Outcome.Any>): ReadonlyArray<FailureGroup> =>
  groupsOf(outcomes).map(({ members, ...group }) => ({
    ...group,
    count: members.length,
    sampleKeys: members.slice(0, 2).map(keyOf)
  }))

/** The largest group comes first. */
export const groupsOf = (outcomes: ReadonlyArray<Outcome.Any>): ReadonlyArray<Group> => {
  /** The groups of one step and tag, by message. */
  const sorts = new Map<string, Map<string, Group>>()
  const templates = new Map<string, string>()
  for (const outcome of outcomes) {
    if (outcome._tag !== "Failed") continue
    const { kind, message, tag } = failureOf(outcome.cause)
    // The same message comes thousands of times, and folding it takes longer than all the rest.
    const head = Text.head(message, longest)
    let template = templates.get(head)
    if (template === undefined) templates.set(head, (template = fold(head)))
    const id = JSON.stringify([outcome.handler, kind, tag])
    let sort = sorts.get(id)
    if (sort === undefined) sorts.set(id, (sort = new Map()))
    const group = sort.get(template)
    if (group !== undefined) group.members.push(outcome)
    else {
      const { handler } = outcome
      const defect = kind !== "error"
      sort.set(template, { handler, tag, defect, message: template, example: message, members: [outcome] })
    }
  }
  const groups = Array.from(sorts.values()).flatMap((sort) => {
    if (sort.size <= few) return Array.from(sort.values())
    const quoted = regroup(sort, foldQuoted)
    if (quoted.size <= few) return Array.from(quoted.values())
    const merged = mergeTemplates(quoted.keys())
    return Array.from(regroup(quoted, (template) => merged.get(template)!).values())
  })
  return groups.sort((a, b) => b.members.length - a.members.length || a.members[0]!.index - b.members[0]!.index)
}

/** Puts groups together that have the same message by `messageOf`. */
const regroup = (
  groups: ReadonlyMap<string, Group>,
  messageOf: (template: string) => string
): ReadonlyMap<string, Group> => {
  const merged = new Map<string, Array<Group>>()
  for (const [template, group] of groups) {
    const message = messageOf(template)
    const known = merged.get(message)
    if (known === undefined) merged.set(message, [group])
    else known.push(group)
  }
  return new Map(
    Array.from(merged, ([message, parts]) => {
      const first = parts.reduce((a, b) => (b.members[0]!.index < a.members[0]!.index ? b : a))
      const members = parts.flatMap(({ members }) => members).sort((a, b) => a.index - b.index)
      return [message, { ...first, message, members }]
    })
  )
}

/** The names of fields stay. */
const foldQuoted = (template: string): string =>
  template.replaceAll(/([{,] ?"[^"]*":)|(["'`]).*?\2/g, (_, field?: string, quote?: string) =>
    field === undefined ? `${quote}…${quote}` : field
  )

// What repeats is bounded: a message is text of anyone, and must not take the time of its square.
const time = /\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?/g
const url = /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"'`<>)\]}]+/gi
const email = /[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){0,8}\.[a-z]{2,24}\b/gi
const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi
/** From a root, a drive, or the present folder; or at least one folder and a file with an ending. */
const path =
  /(?<![\w<./\\-])(?:(?:~|\.{1,2}|[A-Za-z]:)?(?:[\\/][\w.@~+-]+)+[\\/]?|[\w@-][\w.@-]{0,64}(?:\/[\w.@-]{1,64}){0,20}\/[\w@-]{1,64}\.\w{1,5}\b)/g
/** Hexadecimal, or at least sixteen letters and digits; a word that only looks like it has no digit. */
const id =
  /\b(?:0x[0-9a-f]+|(?=[a-f]{0,64}\d)(?=\d{0,64}[a-f])[0-9a-f]{8,}|(?=[A-Za-z_-]{0,64}\d)(?=\d{0,64}[A-Za-z])[\w-]{16,})\b/gi
/** At most fifteen letters and digits that change often enough to be no word; a duration or a number is none either. */
const shortId =
  /\b(?=[a-z\d]{6,15}\b)(?!\d+e\d+\b)(?!(?:\d+(?:[dhms]|[mun]s|min|[kmg]i?b|px))+\b)(?:\d+[a-z]+\d|[a-z]+\d+[a-z]+\d)[a-z\d]*\b/gi
const number = /(?:(?<![\w.)\]])[-+])?\d+(?:[.,_]\d+)*(?:e[+-]?\d+)?/gi

/** Folds what is particular to one item: times, URLs, addresses, ids, paths and numbers. */
const fold = (message: string): string => Text.head(folded(message), 300)

const folded = (message: string): string =>
  withoutEmails(Text.head(message, longest).replaceAll(/\s+/g, " ").trim().replaceAll(url, "<url>"))
    .replaceAll(uuid, "<id>")
    .replaceAll(path, "<path>")
    .replaceAll(time, "<time>")
    .replaceAll(id, "<id>")
    .replaceAll(shortId, "<id>")
    .replaceAll(number, "<n>")

/** What is behind is not looked at. */
const longest = 1000

/** Looking for addresses takes longer than all the rest, and most messages have none. */
const withoutEmails = (text: string): string => (text.includes("@") ? text.replaceAll(email, "<email>") : text)
