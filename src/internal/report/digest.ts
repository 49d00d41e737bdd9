import type { FailureGroup } from "../../Digest.ts"
/**
 * Groups failures that say the same but for what is particular to their item.
 */
import type * as Outcome from "../../Outcome.ts"
import { failureOf } from "./failure.ts"

export const digest = (outcomes: ReadonlyArray<Outcome.Any>): ReadonlyArray<FailureGroup> => {
  const sorts = new Map<string, Sort>()
  const templates = new Map<string, string>()
  for (const outcome of outcomes) {
    if (outcome._tag !== "Failed") continue
    const { kind, message, tag } = failureOf(outcome.cause)
    // The same message comes thousands of times, and folding it takes longer than all the rest.
    let template = templates.get(message)
    if (template === undefined) templates.set(message, (template = fold(message)))
    const id = JSON.stringify([outcome.handler, kind, tag])
    let sort = sorts.get(id)
    if (sort === undefined) sorts.set(id, (sort = { groups: new Map() }))
    const group = sort.groups.get(template)
    if (group !== undefined) add(group, outcome)
    else {
      const defect = kind !== "error"
      const { handler } = outcome
      sort.groups.set(template, {
        handler,
        tag,
        defect,
        message: template,
        example: message,
        count: 1,
        first: outcome.index,
        samples: [outcome]
      })
    }
  }
  const groups = Array.from(sorts.values()).flatMap(({ groups }) =>
    groups.size > many ? foldQuoted(groups) : Array.from(groups.values())
  )
  return groups
    .sort((a, b) => b.count - a.count || a.first - b.first)
    .map(({ count, defect, example, handler, message, samples, tag }) => ({
      handler,
      tag,
      defect,
      message,
      count,
      example,
      sampleKeys: samples.map(({ key }) => key)
    }))
}

/** From so many different messages on, what they quote is taken for data. */
const many = 5

interface Group extends Omit<FailureGroup, "sampleKeys"> {
  count: number
  readonly first: number
  readonly samples: Array<Outcome.Any>
}

interface Sort {
  readonly groups: Map<string, Group>
}

const add = (group: Group, ...outcomes: ReadonlyArray<Outcome.Any>): void => {
  group.count++
  for (const outcome of outcomes) if (group.samples.length < 2) group.samples.push(outcome)
}

const foldQuoted = (groups: ReadonlyMap<string, Group>): ReadonlyArray<Group> => {
  const folded = new Map<string, Group>()
  for (const [template, group] of groups) {
    const message = template.replaceAll(/(["'`]).*?\1/g, "$1…$1")
    const known = folded.get(message)
    if (known === undefined) folded.set(message, { ...group, message })
    else {
      known.count += group.count - 1
      add(known, ...group.samples)
    }
  }
  return Array.from(folded.values())
}

const time = /\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?/g
const url = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'`<>)\]}]+/gi
const email = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g
const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi
/** From a root, a drive, or the present folder; or at least one folder and a file with an ending. */
const path =
  /(?<![\w<./\\-])(?:(?:~|\.{1,2}|[A-Za-z]:)?(?:[\\/][\w.@~+-]+)+[\\/]?|[\w@-][\w.@-]*(?:\/[\w.@-]+)*\/[\w@-]+\.\w{1,5}\b)/g
/** Hexadecimal, or at least sixteen letters and digits; a word that only looks like it has no digit. */
const id = /\b(?:0x[0-9a-f]+|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}|(?=[A-Za-z_-]*\d)(?=\d*[A-Za-z])[\w-]{16,})\b/gi
const number = /(?:(?<![\w.)\]])[-+])?\d+(?:[.,_]\d+)*(?:e[+-]?\d+)?/gi

/** Folds what is particular to one item: times, URLs, addresses, ids, paths and numbers. */
export const fold = (message: string): string =>
  message
    .slice(0, 1000)
    .replaceAll(/\s+/g, " ")
    .trim()
    .replaceAll(url, "<url>")
    .replaceAll(email, "<email>")
    .replaceAll(uuid, "<id>")
    .replaceAll(path, "<path>")
    .replaceAll(time, "<time>")
    .replaceAll(id, "<id>")
    .replaceAll(number, "<n>")
    .slice(0, 300)
