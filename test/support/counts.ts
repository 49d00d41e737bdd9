/**
 * What the counts of a report have to be, by its outcomes.
 */
import type { Outcome } from "parallel-batch-pipeline/effect"

export const countsOf = (outcomes: ReadonlyArray<Outcome.Any>) => {
  const count = (tag: string) => outcomes.filter(({ _tag }) => _tag === tag).length
  return {
    total: outcomes.length,
    succeeded: count("Succeeded"),
    failed: count("Failed"),
    skipped: count("Skipped"),
    interrupted: count("Interrupted"),
    notStarted: count("NotStarted")
  }
}
