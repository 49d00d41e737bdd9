/**
 * The report of a run, once it has ended or while it goes on.
 */
import type * as Report from "../Report.ts"
import type { Run } from "./run.ts"

/** Its outcomes are read when they are first asked for: where the batch goes on, with what has ended by then. */
export const reportOf = (run: Run): Report.Any => {
  const { budget, graph, shared, source } = run.options
  return run.tally.report({
    shared: shared.ref.current,
    pipeline: graph.stamp(),
    total: run.total,
    exhausted: source.complete ?? source.exhausted,
    cost: budget?.spent ?? 0,
    millis: run.now(),
    endedBy: run.endedBy
  })
}

/** The report of what has ended so far, or the one that was answered. */
export const snapshotOf = (run: Run): Report.Any => {
  if (run.finished !== undefined) return run.finished
  const report = reportOf(run)
  const total = run.tally.accounted
  return { ...report, total, exhausted: false, endedBy: { _tag: "Running" }, outcomes: report.outcomes }
}
