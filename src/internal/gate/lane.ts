/**
 * The way of one key through a gate: what it may do now, and who waits for it.
 */
import type { Ranked } from "./heap.ts"
import type { Keeper } from "./keeper.ts"
import { type Host, Line, type Permit } from "./permit.ts"
import { Starts } from "./starts.ts"

const none: Array<Line> = []

/** All lines are looked through for the next one; from so many on, those that miss other places share one. */
const mostLines = 64

export class Lane implements Ranked {
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
  /** Whether it is among those that have come to rest. */
  rested = false
  private lines = none

  constructor(key: string, keeper: Keeper, window: number | undefined) {
    this.key = key
    this.keeper = keeper
    this.starts = window === undefined ? undefined : new Starts(window)
  }

  /** The next one to admit, among those whose host has a place. */
  get next(): Permit | undefined {
    let next: Permit | undefined
    for (const { first, host } of this.lines) {
      if (first === undefined || (next !== undefined && next.rank <= first.rank)) continue
      if (host.free > 0 && first.hasAlso) next = first
    }
    return next
  }

  /** The line of those of a host that miss the same places with theirs, so that none is in the way of who misses others. */
  lineOf(host: Host, also: ReadonlyArray<Permit>): Line {
    const { lines } = this
    let known = lines.find((line) => line.host === host && line.isFor(also))
    if (known === undefined && lines.length >= mostLines) known = lines.findLast((line) => line.host === host)
    if (known !== undefined) return known
    const line = new Line(this, host, also)
    if (this.lines === none) this.lines = [line]
    else this.lines.push(line)
    return line
  }

  take(permit: Permit): void {
    const line = permit.line!
    line.remove(permit)
    this.waiting--
    if (line.first !== undefined) return
    line.host.unblock(line)
    if (this.lines.length === 1) this.lines = none
    else this.lines.splice(this.lines.indexOf(line), 1)
  }

  /** All that wait. */
  all(): ReadonlyArray<Permit> {
    const permits: Array<Permit> = []
    for (const line of this.lines) {
      for (let permit = line.first; permit !== undefined; permit = permit.after) permits.push(permit)
    }
    return permits
  }

  /** Has the hosts, and other gates, say when they have a place for one that comes before the next. */
  block(next: Permit | undefined): void {
    for (const line of this.lines) {
      const { first, host } = line
      if (first === undefined || (next !== undefined && first.rank >= next.rank)) continue
      host.block(line)
      for (const other of first.also) other.lane.keeper.block(line)
    }
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
