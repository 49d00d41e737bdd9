/**
 * What became of the items, step by step.
 */
import * as Duration from "effect/Duration"
import type * as Outcome from "../../Outcome.ts"

export interface StepRow {
  readonly step: string
  /** How often it was entered. */
  readonly entered: number
  /** How many items failed in it. */
  readonly failed: number
  /** In milliseconds; only where the batch has recorded them. */
  readonly times:
    | { readonly median: number; readonly p95: number; readonly most: number; readonly total: number }
    | undefined
}

/** In the order in which items first entered them. */
export const stepRows = (outcomes: ReadonlyArray<Outcome.Any>): ReadonlyArray<StepRow> => {
  const rows = new Map<string, { entered: number; failed: number; readonly millis: Array<number> }>()
  const rowOf = (step: string) => {
    let row = rows.get(step)
    if (row === undefined) rows.set(step, (row = { entered: 0, failed: 0, millis: [] }))
    return row
  }
  for (const outcome of outcomes) {
    if (outcome._tag === "NotStarted" || (outcome._tag === "Succeeded" && outcome.reused)) continue
    for (const step of outcome.path) rowOf(step).entered++
    for (const { duration, step } of outcome.timings ?? []) rowOf(step).millis.push(Duration.toMillis(duration))
    if (outcome._tag === "Failed" && outcome.handler !== undefined) rowOf(outcome.handler).failed++
  }
  return Array.from(rows, ([step, { entered, failed, millis }]) => ({ step, entered, failed, times: timesOf(millis) }))
}

const timesOf = (millis: Array<number>): StepRow["times"] => {
  if (millis.length === 0) return undefined
  const sorted = millis.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
  return { median: at(0.5), p95: at(0.95), most: sorted.at(-1)!, total: sorted.reduce((sum, value) => sum + value, 0) }
}
