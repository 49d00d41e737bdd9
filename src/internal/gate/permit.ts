/**
 * One passage through a gate: first it may wait in a line, then it is held, then
 * it is given back.
 */
import type { Holding } from "./holding.ts"
import type { Lane } from "./lane.ts"
import type { Passage } from "./passage.ts"

const none: ReadonlyArray<Permit> = []

export class Permit {
  readonly lane: Lane
  /** The units that its start costs. */
  cost: number
  state: "outside" | "waiting" | "held" | "aside" | "left" = "outside"
  /** Whether its start has been counted; who takes a place again makes no start. */
  started = false
  /** When it started, where somebody wants to know. */
  at = 0
  /** Its entry among the starts of its lane. */
  entry = -1
  /** Goes before all others: it has started, or is within one that has. */
  senior = false
  /** Whom to tell: the batch gives its item, an effect what wakes it. */
  owner: unknown = undefined
  /** Its turn among all that wait at the gate. */
  turn = 0
  /** Those that are put aside until it is admitted: it is so only where there is a place for all of them. */
  also: ReadonlyArray<Permit> = none
  /** What has been put aside for it, where it is within other permits. */
  passage: Passage | undefined = undefined
  /** Itself as what others run under; made when first asked for. */
  holding: Holding | undefined = undefined
  line: Line | undefined = undefined
  before: Permit | undefined = undefined
  after: Permit | undefined = undefined

  constructor(lane: Lane, cost: number) {
    this.lane = lane
    this.cost = cost
  }

  /** Those that are taken again with it, this once. */
  takeAlso(): ReadonlyArray<Permit> {
    const also = this.also
    this.also = none
    return also
  }

  /** Whether there is a place for all that have been put aside for it. */
  get hasAlso(): boolean {
    return this.also.every((other) => other.lane.keeper.hasPlaceFor(other))
  }
}

/** Who runs what is admitted: one batch, or the effects outside of batches. */
export abstract class Host {
  /** Lines that miss nothing but a place here. */
  private readonly blocked = new Set<Line>()

  /** How many more may run at once. */
  abstract readonly free: number

  /** The permit is held; what waited for it takes one of the places from now on. */
  abstract admit(permit: Permit): void

  block(line: Line): void {
    this.blocked.add(line)
  }

  unblock(line: Line): void {
    this.blocked.delete(line)
  }

  /** There is a place again: admits what misses nothing else. */
  offer(): void {
    // What still misses something else comes back to the end.
    let left = this.blocked.size
    for (const line of this.blocked) {
      if (left-- === 0 || this.free <= 0) return
      this.blocked.delete(line)
      line.lane.reconsider()
    }
  }
}

/** Those of one host that wait in one lane, in the order in which they came. */
export class Line {
  readonly lane: Lane
  readonly host: Host
  first: Permit | undefined = undefined
  private last: Permit | undefined = undefined

  constructor(lane: Lane, host: Host) {
    this.lane = lane
    this.host = host
  }

  push(permit: Permit): void {
    permit.line = this
    permit.before = this.last
    if (this.last === undefined) this.first = permit
    else this.last.after = permit
    this.last = permit
  }

  /** Puts a permit before the others. */
  unshift(permit: Permit): void {
    permit.line = this
    permit.after = this.first
    if (this.first === undefined) this.last = permit
    else this.first.before = permit
    this.first = permit
  }

  remove(permit: Permit): void {
    const { after, before } = permit
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.last = before
    else after.before = before
    permit.line = permit.before = permit.after = undefined
  }
}
