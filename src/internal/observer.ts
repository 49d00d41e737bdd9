/**
 * Who looks on while a batch runs. The engine tells it only where there is one,
 * with what is at hand; it must return at once and never throw.
 */
import type * as Report from "../Report.ts"
import type { EndLog } from "./endLog.ts"
import type { Item } from "./item.ts"
import type { AnyOutcome } from "./outcome.ts"

/** What is told only while somebody has room for it. */
export interface Details {
  readonly itemStarted: (item: Item) => void
  readonly stepEnded: (item: Item, handler: string, action: string) => void
  readonly retryScheduled: (item: Item, error: unknown, delayMillis: number) => void
}

export interface Observer {
  /** Where the engine notes the items that have ended, as long as the tally keeps what they came to. */
  readonly log: EndLog
  /** What an item came to, where the tally does not keep it. */
  readonly itemEnded: (outcome: AnyOutcome) => void
  readonly batchEnded: (report: Report.Any) => void
}
