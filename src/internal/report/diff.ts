/**
 * Compares the outcomes of two reports, key by key.
 */
import * as Duration from "effect/Duration"
import { hasProperty } from "effect/Predicate"
import { InvalidOptions } from "../../BatchError.ts"
import type { Change, Diff, DiffOptions } from "../../Digest.ts"
import type * as Outcome from "../../Outcome.ts"
import type * as Report from "../../Report.ts"
import { isHash } from "../key.ts"
import * as Check from "../options.ts"
import { keyOf } from "./keyOf.ts"
import { contentOf, Matches } from "./match.ts"

export const isReport = (u: unknown): u is Report.Any => hasProperty(u, "outcomes") && hasProperty(u, "endedBy")

export const diff = <A extends Outcome.Any, B extends Outcome.Any>(
  before: ReadonlyArray<A>,
  after: ReadonlyArray<B>,
  options: DiffOptions | undefined
): Diff<A, B> => {
  const factor = options?.factor ?? 1.5
  if (!(factor >= 1)) throw new InvalidOptions({ option: "factor", value: factor, expected: "a number of at least 1" })
  const atLeast = options?.atLeast === undefined ? 100 : Duration.toMillis(Check.duration("atLeast", options.atLeast))
  const isSlower = (a: Duration.Duration, b: Duration.Duration): boolean => {
    const [from, to] = [Duration.toMillis(a), Duration.toMillis(b)]
    return to - from >= atLeast && to >= from * factor
  }

  // Equal hashes say that the params are equal, also where one report has them as text.
  const contentBy = (key: string, params: unknown) => (isHash(key) ? "" : contentOf(params))
  const matches = new Matches(before, keyOf, after.map(keyOf), contentBy)
  const matched = new Set<A>()
  const changes: Array<Change<A, B>> = []
  const added: Array<B> = []
  for (const outcome of after) {
    const match = matches.take(keyOf(outcome), outcome.params)
    if (match === undefined) added.push(outcome)
    else {
      matched.add(match)
      changes.push({ key: keyOf(outcome), before: match, after: outcome })
    }
  }
  const timed = changes.flatMap((change) => {
    const { after, before } = change
    if (before._tag === "NotStarted" || after._tag === "NotStarted" || before._tag !== after._tag) return []
    if (after._tag === "Succeeded" && after.reused) return []
    return [{ change, from: before.duration, to: after.duration }]
  })
  const gain = ({ from, to }: (typeof timed)[number]): number => Duration.toMillis(from) - Duration.toMillis(to)
  return {
    fixed: changes.filter(({ after, before }) => after._tag === "Succeeded" && before._tag !== "Succeeded"),
    broken: changes.filter(({ after, before }) => after._tag === "Failed" && before._tag !== "Failed"),
    stillFailing: changes.filter(({ after, before }) => after._tag === "Failed" && before._tag === "Failed"),
    slower: timed
      .filter(({ from, to }) => isSlower(from, to))
      .sort((a, b) => gain(a) - gain(b))
      .map(({ change }) => change),
    faster: timed
      .filter(({ from, to }) => isSlower(to, from))
      .sort((a, b) => gain(b) - gain(a))
      .map(({ change }) => change),
    added,
    removed: before.filter((outcome) => !matched.has(outcome))
  }
}
