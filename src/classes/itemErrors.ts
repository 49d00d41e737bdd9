/**
 * Which errors are those of items.
 */
import type { Run } from "../internal/run.ts"
import type { Report } from "./BatchOptions.ts"
import { ItemsRefused } from "./ItemsRefused.ts"
import { ItemLeft } from "./openBatch.ts"
import { thrownBy } from "./translate.ts"

/** Whether an item has thrown it, or it says of items what the report says, so that nothing is lost. */
export const isOfItem = (thrown: unknown, runs: ReadonlyArray<Run>, report: Report<any>): boolean => {
  if (thrown instanceof ItemsRefused || thrown instanceof ItemLeft) return true
  if (runs.some(({ failure }) => failure !== undefined && thrownBy(failure) === thrown)) return true
  if (report.failed === 0) return false
  // Where outcomes are not kept, nobody knows.
  if (report.outcomes.length === 0) return true
  return report.outcomes.some((outcome) => outcome._tag === "Failed" && thrownBy(outcome.cause) === thrown)
}
