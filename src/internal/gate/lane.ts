/**
 * The way of one key through a gate: what it may do now, and who waits for it.
 */
import type { Ranked } from "./heap.ts"
import type { Keeper } from "./keeper.ts"
import { Dependents, type Host, type Line, Queue } from "./line.ts"
import type { Permit } from "./permit.ts"
import { Starts } from "./starts.ts"

let lanes = 0

export class Lane implements Ranked {
  readonly id = ++lanes
  readonly key: string
  readonly keeper: Keeper
  readonly starts: Starts | undefined
  running = 0
  waiting = 0
  /** Permits that have not left. */
  users = 0
  /** No start before this time. */
  closedUntil = 0
  /** How often in a row the other side said to come back at once. */
  strikes = 0
  /** How many pauses it has had for that. */
  pauses = 0
  /** Nobody waits before this time: all are sent away. */
  refusedUntil = 0
  /** Its circuit has something to remember until then. */
  keptUntil = 0
  /** Where the lane stands: in the heap of those that wait for a time, or for a place. */
  stands: "nowhere" | "for a time" | "for a place" = "nowhere"
  rank = 0
  place = -1
  /** For whom it stands there: whether anybody else may start has not been looked at. */
  considered: Permit | undefined = undefined
  /** Whose place that one would have, where it waits for a time. */
  expectedBy: Host | undefined = undefined
  /** Whether it is among those that have come to rest. */
  rested = false
  /** Those who wait, where somebody does. */
  private queue: Queue | undefined = undefined
  /** Lines, also of other lanes, that miss a place of this one for what was put aside. */
  private dependents: Dependents | undefined = undefined

  constructor(key: string, keeper: Keeper, window: number | undefined) {
    this.key = key
    this.keeper = keeper
    this.starts = window === undefined ? undefined : new Starts(window)
  }

  /** The next one to admit. */
  findNext(): Permit | undefined {
    return this.queue?.findNext()
  }

  /** Puts a permit in line. */
  push(permit: Permit, host: Host): void {
    ;(this.queue ??= new Queue(this)).push(permit, host)
    this.waiting++
  }

  take(permit: Permit): void {
    this.queue!.take(permit)
    this.waiting--
    if (this.waiting === 0) this.queue = undefined
  }

  /** Whether those who wait do not all miss the same. */
  get hasLines(): boolean {
    return this.queue !== undefined && this.queue.size > 1
  }

  /** All that wait. */
  all(): ReadonlyArray<Permit> {
    return this.queue?.all() ?? []
  }

  /** A line that was parked may move again. */
  reopen(line: Line): void {
    this.queue!.reopen(line)
    this.reconsider()
  }

  /** Where those wait that miss a place of this lane, or of its gate. */
  get park(): Dependents {
    const { keeper } = this
    if (keeper.running >= keeper.concurrency) return keeper.dependents
    return (this.dependents ??= new Dependents())
  }

  /** There is a place again: those that need it for what was put aside may move. */
  offer(): void {
    const { dependents, keeper } = this
    if (dependents !== undefined) dependents.offer(() => this.running < keeper.limits.perKey)
    if (keeper.dependents.size > 0) keeper.dependents.offer(() => keeper.running < keeper.concurrency)
  }

  /** The place of this permit is needed no more for what it was put aside for. */
  release(permit: Permit): void {
    this.dependents?.release(permit)
    this.keeper.dependents.release(permit)
  }

  /** What stands for a place of this lane, which another one may do as well. */
  get room(): Lane {
    return this.keeper.limits.perKey === Number.POSITIVE_INFINITY ? this.keeper.only : this
  }

  keep(millis: number): void {
    this.keeper.keep(this, this.keeper.timer.now() + millis)
  }

  reconsider(): void {
    this.keeper.reconsider(this)
  }

  /** When a start of this cost is next allowed, as far as time decides it. */
  openAt(now: number, cost: number, limit: number): number {
    const { closedUntil, starts } = this
    // Most often there is room also with what has left the window; looking that up costs as much as all the rest.
    if (starts === undefined || starts.used + cost <= limit) return closedUntil
    starts.expire(now)
    return starts.used + cost <= limit ? closedUntil : Math.max(closedUntil, starts.roomAt(now, cost, limit))
  }

  /** From when on nothing is lost where the lane is forgotten. */
  get emptyAt(): number {
    const { closedUntil, keptUntil, refusedUntil, starts } = this
    return Math.max(closedUntil, refusedUntil, keptUntil, starts === undefined ? 0 : starts.emptyAt)
  }
}
