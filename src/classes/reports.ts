/**
 * Reports of runs of a batch handler. There are several where an overridden
 * `executeLifecycle` runs the batch more than once.
 */
import * as Duration from "effect/Duration"
import type { Run } from "../internal/run.ts"
import { liveReportOf, reportOf } from "../internal/snapshot.ts"
import type { SharedData } from "./BaseHandler.ts"
import type { Report } from "./BatchOptions.ts"
import { nameOnly } from "./translate.ts"

/** `nothing`: why there is no more, where no run has begun. A report of which a run goes on has what has ended by now. */
export const combine = <S extends SharedData>(
  name: string,
  shared: S,
  runs: ReadonlyArray<Run>,
  nothing: Report<S>["endedBy"] = { _tag: "Interruption" }
): Report<S> => {
  // Of a batch that has ended before its items came, later ones are accounted for: what it has answered is without them.
  const isLive = (run: Run): boolean => run.finished === undefined
  // The handlers of the classes have these types of params and actions.
  const reports = runs.map((run) => (isLive(run) ? liveReportOf(run) : reportOf(run))) as ReadonlyArray<Report<S>>
  // Copied with its getter: the outcomes are made when someone asks for them.
  if (reports.length === 1) {
    const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(reports[0]!)) as Report<S>
    return Object.assign(copy, { shared })
  }
  const sum = (count: (report: Report<S>) => number): number =>
    reports.reduce((total, report) => total + count(report), 0)
  return {
    shared,
    pipeline: nameOnly(name),
    total: sum((report) => report.total),
    succeeded: sum((report) => report.succeeded),
    reused: sum((report) => report.reused),
    failed: sum((report) => report.failed),
    skipped: sum((report) => report.skipped),
    interrupted: sum((report) => report.interrupted),
    notStarted: sum((report) => report.notStarted),
    exhausted: reports.length === 0 ? nothing._tag !== "Running" : reports.every((report) => report.exhausted),
    outcomes: reports.flatMap((report) => report.outcomes),
    attempts: sum((report) => report.attempts),
    cost: sum((report) => report.cost),
    duration: Duration.millis(sum((report) => Duration.toMillis(report.duration))),
    endedBy: runs.some(isLive) ? { _tag: "Running" } : (reports.at(-1)?.endedBy ?? nothing)
  }
}
