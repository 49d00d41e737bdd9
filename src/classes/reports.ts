/**
 * Reports of runs of a batch handler. There are several where an overridden
 * `executeLifecycle` runs the batch more than once.
 */
import * as Duration from "effect/Duration"
import type { Run } from "../internal/run.ts"
import type * as Outcome from "../Outcome.ts"
import type { SharedData } from "./BaseHandler.ts"
import type { Report } from "./BatchHandler.ts"

export const combine = <S extends SharedData>(shared: S, runs: ReadonlyArray<Run>): Report<S> => {
  // The handlers of the classes have these types of params and actions.
  const reports = runs.map((run) => run.report()) as ReadonlyArray<Report<S>>
  if (reports.length === 1) return { ...reports[0]!, shared }
  const sum = (count: (report: Report<S>) => number): number =>
    reports.reduce((total, report) => total + count(report), 0)
  let offset = 0
  const outcomes = reports.flatMap((report) => {
    const from = offset
    offset += report.total
    return report.outcomes.map((outcome) => moved(outcome, from))
  })
  return {
    shared,
    total: offset,
    succeeded: sum((report) => report.succeeded),
    failed: sum((report) => report.failed),
    skipped: sum((report) => report.skipped),
    interrupted: sum((report) => report.interrupted),
    notStarted: sum((report) => report.notStarted),
    exhausted: reports.every((report) => report.exhausted),
    outcomes,
    duration: Duration.millis(sum((report) => Duration.toMillis(report.duration)))
  }
}

/** The outcome at its place in all of the runs. */
const moved = <O extends Outcome.Any>(outcome: O, offset: number): O =>
  offset === 0 ? outcome : Object.create(outcome, { index: { value: outcome.index + offset, enumerable: true } })
