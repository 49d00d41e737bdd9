/**
 * The report of a run, once it has ended or while it goes on.
 */
import type * as Report from "../Report.ts"
import type { Run } from "./run.ts"

/** The report of a run that has ended. Its outcomes are made when they are first asked for. */
export const reportOf = (run: Run): Report.Any => {
  const { source } = run.options
  return run.tally.report({
    ...common(run),
    total: run.total,
    exhausted: source.complete ?? source.exhausted,
    endedBy: run.endedBy
  })
}

/** The report of what has ended so far; what ends later is not in its outcomes either, whenever they are asked for. */
export const liveReportOf = (run: Run): Report.Any =>
  run.tally.report(
    { ...common(run), total: run.tally.accounted, exhausted: false, endedBy: { _tag: "Running" } },
    run.tally.outcomesByNow()
  )

/** The report of what has ended so far, or the one that was answered. */
export const snapshotOf = (run: Run): Report.Any => run.finished ?? liveReportOf(run)

const common = (run: Run) => {
  const { budget, graph, shared } = run.options
  return { shared: shared.ref.current, pipeline: graph.stamp(), cost: budget?.spent ?? 0, millis: run.now() }
}
