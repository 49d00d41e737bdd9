/**
 * What the page that `toHtml` makes knows of the items: columns of numbers and texts.
 */
import * as Duration from "effect/Duration"
import { prettyOf } from "../../errors/text.ts"
import type * as Outcome from "../../Outcome.ts"
import type * as Report from "../../Report.ts"
import { failureOf } from "./failure.ts"
import { keyOf } from "./keyOf.ts"
import * as Text from "./text.ts"

export interface PageData {
  readonly steps: ReadonlyArray<string>
  readonly paths: ReadonlyArray<ReadonlyArray<number>>
  /** A letter for each item: `S`, `F`, `K`(skipped), `I`, `N`. */
  readonly tags: string
  readonly index: ReadonlyArray<number>
  readonly key: ReadonlyArray<string>
  readonly params: ReadonlyArray<string>
  readonly output: ReadonlyArray<string>
  readonly detail: ReadonlyArray<string>
  /** -1: never started. */
  readonly start: ReadonlyArray<number>
  readonly dur: ReadonlyArray<number>
  readonly attempts: ReadonlyArray<number>
  readonly path: ReadonlyArray<number>
  readonly step: ReadonlyArray<number>
  readonly group: ReadonlyArray<number>
  readonly reused: ReadonlyArray<number>
  readonly timings: ReadonlyArray<ReadonlyArray<number> | null> | null
  readonly stacks: Readonly<Record<number, string>>
}

export const letters = { Succeeded: "S", Failed: "F", Skipped: "K", Interrupted: "I", NotStarted: "N" } as const

/** Where there are more than a page can bear, what succeeded is left out first. */
export const listed = (outcomes: ReadonlyArray<Outcome.Any>, most: number): ReadonlyArray<Outcome.Any> => {
  if (outcomes.length <= most) return outcomes
  const others = outcomes.filter(({ _tag }) => _tag !== "Succeeded").slice(0, most)
  const left = most - others.length
  const kept = new Set(others)
  for (const outcome of outcomes) {
    if (kept.size >= others.length + left) break
    if (outcome._tag === "Succeeded") kept.add(outcome)
  }
  return outcomes.filter((outcome) => kept.has(outcome))
}

/** Only so many failures come with their whole cause: the stacks of all would be most of the page. */
const wholeCauses = 500

export const pageData = (
  report: Report.Any,
  outcomes: ReadonlyArray<Outcome.Any>,
  groupOf: (outcome: Outcome.Failed<unknown, unknown>) => number
): PageData => {
  const steps = new Names(report.pipeline.steps)
  const paths = new Names<ReadonlyArray<number>>([])
  const stacks: Record<number, string> = {}
  let causes = 0
  const detail = (outcome: Outcome.Any, row: number): string => {
    if (outcome._tag === "Succeeded") return ""
    if (outcome._tag !== "Failed") return cut(outcome.reason ?? "", 1000)
    if (++causes <= wholeCauses) {
      stacks[row] = cut(
        Text.safely(() => prettyOf(outcome.cause), "a cause that cannot be shown"),
        4000
      )
    }
    const { message, tag } = failureOf(outcome.cause)
    return cut(tag === "string" ? message : `${tag}: ${message}`, 600)
  }
  const started = (outcome: Outcome.Any) => (outcome._tag === "NotStarted" ? undefined : outcome)
  const hasTimings = outcomes.some((outcome) => started(outcome)?.timings !== undefined)
  return {
    tags: outcomes.map(({ _tag }) => letters[_tag]).join(""),
    index: outcomes.map(({ index }) => index),
    key: outcomes.map((outcome) => cut(keyOf(outcome), 300)),
    params: outcomes.map(({ params }) => cut(Text.show(params), 600)),
    output: outcomes.map((outcome) => (outcome._tag === "Succeeded" ? cut(Text.show(outcome.output), 300) : "")),
    detail: outcomes.map(detail),
    start: outcomes.map((outcome) => millis(started(outcome)?.startedAfter, -1)),
    dur: outcomes.map((outcome) => millis(started(outcome)?.duration, 0)),
    attempts: outcomes.map((outcome) => started(outcome)?.attempts ?? 0),
    path: outcomes.map((outcome) => {
      const path = started(outcome)?.path
      return path === undefined ? -1 : paths.idOf(cutPath(path).map((step) => steps.idOf(step)))
    }),
    step: outcomes.map((outcome) => {
      const handler = "handler" in outcome ? outcome.handler : undefined
      return handler === undefined ? -1 : steps.idOf(handler)
    }),
    group: outcomes.map((outcome) => (outcome._tag === "Failed" ? groupOf(outcome) : -1)),
    reused: outcomes.flatMap((outcome, row) => (outcome._tag === "Succeeded" && outcome.reused ? [row] : [])),
    timings: hasTimings
      ? outcomes.map((outcome) => {
          const timings = started(outcome)?.timings
          return timings === undefined ? null : cutPath(timings).map(({ startedAfter }) => millis(startedAfter, 0))
        })
      : null,
    stacks,
    steps: steps.all,
    paths: paths.all
  }
}

/** An item that went round a thousand times would be a page of its own. */
const cutPath = <A>(path: ReadonlyArray<A>): ReadonlyArray<A> => path.slice(0, 200)

const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${Text.head(text, length)}… (${text.length - length} more characters)`

const millis = (duration: Duration.Duration | undefined, otherwise: number): number =>
  duration === undefined ? otherwise : Math.round(Duration.toMillis(duration))

/** Numbers for values that come again and again. */
class Names<A> {
  readonly all: Array<A>
  readonly #ids = new Map<string, number>()

  constructor(values: ReadonlyArray<A>) {
    this.all = []
    for (const value of values) this.idOf(value)
  }

  idOf(value: A): number {
    const id = typeof value === "string" ? value : JSON.stringify(value)
    let known = this.#ids.get(id)
    if (known === undefined) {
      known = this.all.push(value) - 1
      this.#ids.set(id, known)
    }
    return known
  }
}
