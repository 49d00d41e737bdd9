/**
 * What has become of the items of a batch: the counts, and the outcomes that are
 * kept. It records and never decides; what an outcome means for the batch is
 * decided by the run.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import { NodeInspectSymbol } from "effect/Inspectable"
import type * as Report from "../Report.ts"
import type { Ending } from "./ending.ts"
import type { Item } from "./item.ts"
import { Ledger, type LedgerOptions } from "./ledger.ts"
import { type AnyOutcome, Failed, Interrupted, type KeyOf, NotStarted, Skipped, Succeeded } from "./outcome.ts"

export class Tally {
  succeeded = 0
  failed = 0
  skipped = 0
  interrupted = 0
  notStarted = 0
  /** Of those that were interrupted or never started, how many a gate has sent away, and why the first. */
  refused = 0
  refusal: string | undefined = undefined
  /** Taken over from an earlier batch; they succeeded, but not here. */
  reused = 0
  /** Calls of a `handleRequest`, of the items that have ended. */
  attempts = 0
  private readonly keyOf: KeyOf
  private readonly ledger: Ledger

  constructor(options: LedgerOptions) {
    this.keyOf = options.keyOf
    this.ledger = new Ledger(options)
  }

  /** Items that ran to their end. */
  get ended(): number {
    return this.succeeded + this.failed + this.skipped
  }

  /** Items that have an outcome. */
  get accounted(): number {
    return this.ended + this.reused + this.interrupted + this.notStarted
  }

  /** Answers the outcomes of the items that have ended by now, whenever it is called. */
  outcomesByNow(): () => ReadonlyArray<AnyOutcome> {
    return this.ledger.outcomesByNow()
  }

  /** Makes a place for the next item. */
  open(index: number, params: unknown): void {
    this.ledger.open(index, params)
  }

  /** Counts a success whose outcome nobody has asked for. */
  succeed(item: Item, now: number): void {
    this.succeeded++
    this.attempts += item.calls
    this.ledger.succeed(item, item.trail.end(item.action, item.attempts), now - item.startedAt)
  }

  /** What an item has come to. */
  outcomeOf(item: Item, ending: Ending, now: number): AnyOutcome {
    const millis = now - item.startedAt
    if (ending !== "succeeded") {
      if (Cause.isCause(ending)) return new Failed(item, this.keyOf, millis, item.step?.name, ending)
      if (ending._tag === "Skip") return new Skipped(item, this.keyOf, millis, item.handler, ending.reason)
    }
    return new Succeeded(item, this.keyOf, millis, item.action, item.output)
  }

  record(outcome: AnyOutcome, item: Item, now: number): void {
    if (outcome._tag === "Succeeded") return this.succeed(item, now)
    if (outcome._tag === "Failed") this.failed++
    else this.skipped++
    this.attempts += item.calls
    this.ledger.put(outcome)
  }

  interrupt(item: Item, now: number): AnyOutcome {
    if (item.refused !== undefined) {
      this.refused++
      this.refusal ??= item.refused
    }
    if (item.isUntouched) return this.leave(item.index, item.params, item.refused)
    this.interrupted++
    this.attempts += item.calls
    return this.put(new Interrupted(item, this.keyOf, now - item.startedAt, item.step?.name, item.refused))
  }

  reuse(outcome: AnyOutcome): void {
    this.reused++
    this.ledger.open(outcome.index, outcome.params)
    this.ledger.put(outcome)
  }

  leave(index: number, params: unknown, reason?: string): AnyOutcome {
    this.notStarted++
    return this.put(new NotStarted(index, params, this.keyOf, reason))
  }

  private put<O extends AnyOutcome>(outcome: O): O {
    this.ledger.put(outcome)
    return outcome
  }

  /** The outcome that is kept of an item, if it has ended. */
  kept(index: number): AnyOutcome | undefined {
    return this.ledger.outcomeOf(index)
  }

  /** The indexes of the outcomes that are kept, of the items that have ended. */
  indexes(): ReadonlyArray<number> {
    return this.ledger.indexes()
  }

  /** `read`: answers the outcomes when they are first asked for. */
  report(
    rest: Pick<Report.Any, "shared" | "pipeline" | "total" | "exhausted" | "cost" | "endedBy"> & {
      readonly millis: number
    },
    read: () => ReadonlyArray<AnyOutcome> = () => this.ledger.outcomes()
  ): Report.Any {
    let outcomes: ReadonlyArray<AnyOutcome> | undefined
    const report: Report.Any = {
      shared: rest.shared,
      pipeline: rest.pipeline,
      total: rest.total,
      succeeded: this.succeeded + this.reused,
      reused: this.reused,
      failed: this.failed,
      skipped: this.skipped,
      interrupted: this.interrupted,
      notStarted: this.notStarted,
      exhausted: rest.exhausted,
      get outcomes() {
        return (outcomes ??= read())
      },
      attempts: this.attempts,
      cost: rest.cost,
      duration: Duration.millis(rest.millis),
      endedBy: rest.endedBy
    }
    // A printed report shows its outcomes, not that they are computed.
    return Object.defineProperty(report, NodeInspectSymbol, { value: () => ({ ...report }) })
  }
}
