/**
 * Who looks on while a batch runs. The engine tells it only where there is one,
 * with what is at hand; it must return at once and never throw.
 */
import type * as Report from "../Report.ts"
import type { Item } from "./item.ts"
import type { AnyOutcome } from "./outcome.ts"

export interface Observer {
  /** Whether it wants to hear of what is not the end of an item. */
  readonly wantsDetails: boolean
  readonly itemStarted: (item: Item) => void
  readonly stepEnded: (item: Item, handler: string, action: string) => void
  readonly retryScheduled: (item: Item, error: unknown, delayMillis: number) => void
  /** `outcome`: where the ledger does not keep it. */
  readonly itemEnded: (index: number, outcome: AnyOutcome | undefined) => void
  readonly batchEnded: (report: Report.Any) => void
}
