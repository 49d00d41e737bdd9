/**
 * Who waits at a gate, and for what.
 *
 * Those who miss the same stand in one line. A line whose first one misses a place
 * that its lane has not to give (one of its host, or one that was put aside for
 * it) is parked there, and comes back when there is one. So nobody looks through
 * lines that cannot move.
 */
import { Heap, type Ranked } from "./heap.ts"
import type { Lane } from "./lane.ts"
import type { Permit } from "./permit.ts"

let hosts = 0

/** Who runs what is admitted: one batch, or the effects outside of batches. */
export abstract class Host implements Park {
  readonly id = ++hosts
  /** Lines that miss a place here, those first that have waited longest. */
  private readonly parked = new Heap<Line>()
  /** Those of them that were offered a place just now, and miss it still. */
  private again: Set<Line> | undefined = undefined
  /** Lanes whose next one has a place here, and waits for a time. */
  private readonly expected = new Set<Lane>()

  /** How many more may run at once. */
  abstract readonly free: number

  /** The permit is held; what waited for it takes one of the places from now on. */
  abstract admit(permit: Permit): void

  park(line: Line): void {
    line.parked = this
    if (this.again === undefined) this.parked.put(line, line.first!.rank)
    else this.again.add(line)
  }

  remove(line: Line): void {
    if (line.place !== -1) this.parked.remove(line)
    this.again?.delete(line)
  }

  expect(lane: Lane): void {
    lane.expectedBy = this
    this.expected.add(lane)
  }

  expectNoMore(lane: Lane): void {
    lane.expectedBy = undefined
    this.expected.delete(lane)
  }

  /** There may be no place any more: whoever stands behind those that would have had one may go first. */
  shut(): void {
    if (this.expected.size > 0 && this.free <= 0) for (const lane of Array.from(this.expected)) lane.reconsider()
  }

  /** There is a place again: admits what misses nothing else. */
  offer(): void {
    if (this.parked.size === 0) return
    const again = (this.again = new Set<Line>())
    for (let line = this.parked.first; line !== undefined && this.free > 0; line = this.parked.first) {
      line.lane.reopen(line)
    }
    this.again = undefined
    for (const line of again) this.park(line)
  }
}

/** Lines that wait for a place which was put aside for them, in the order in which they came. */
export class Dependents implements Park {
  private readonly lines = new Set<Line>()

  get size(): number {
    return this.lines.size
  }

  park(line: Line): void {
    line.parked = this
    this.lines.add(line)
  }

  remove(line: Line): void {
    this.lines.delete(line)
  }

  /** Offers a place to one after the other, for as long as there are some. */
  offer(hasPlace: () => boolean): void {
    // What still misses it comes back to the end.
    let left = this.lines.size
    for (const line of this.lines) {
      if (left-- === 0 || !hasPlace()) return
      line.lane.reopen(line)
    }
  }

  /** The place of this permit is needed no more. */
  release(permit: Permit): void {
    for (const line of Array.from(this.lines)) if (line.first?.also.includes(permit) === true) line.lane.reopen(line)
  }
}

/** Where a line waits for what its lane has not to give. */
interface Park {
  readonly park: (line: Line) => void
  readonly remove: (line: Line) => void
}

/** Those of one host that wait in one lane, with places of the same others to be taken again, by their turn. */
export class Line implements Ranked {
  readonly lane: Lane
  readonly host: Host
  readonly key: Host | string
  /** Where it is, if not in its lane. */
  parked: Park | undefined = undefined
  first: Permit | undefined = undefined
  rank = 0
  place = -1
  /** The last of each class. */
  private readonly last: [Permit | undefined, Permit | undefined, Permit | undefined] = [
    undefined,
    undefined,
    undefined
  ]

  constructor(lane: Lane, host: Host, key: Host | string) {
    this.lane = lane
    this.host = host
    this.key = key
  }

  /** Those whose first ones miss the same places, so that none is in the way of who misses others. */
  static keyOf(host: Host, also: ReadonlyArray<Permit>): Host | string {
    return also.length === 0 ? host : `${host.id}: ${also.map((other) => other.lane.room.id).join()}`
  }

  /** Puts a permit behind all of its class, and of those before that. */
  push(permit: Permit): void {
    const of = permit.class
    const { last } = this
    const before = last[of] ?? (of === 2 ? (last[1] ?? last[0]) : of === 1 ? last[0] : undefined)
    const after = before === undefined ? this.first : before.after
    permit.line = this
    permit.before = before
    permit.after = after
    if (before === undefined) this.first = permit
    else before.after = permit
    if (after !== undefined) after.before = permit
    last[of] = permit
  }

  remove(permit: Permit): void {
    const of = permit.class
    const { after, before } = permit
    if (before === undefined) this.first = after
    else before.after = after
    if (after !== undefined) after.before = before
    if (this.last[of] === permit) this.last[of] = before?.class === of ? before : undefined
    permit.line = permit.before = permit.after = undefined
  }
}

/** Those who wait in one lane, by what they miss. */
export class Queue {
  private readonly lane: Lane
  private readonly lines = new Map<Host | string, Line>()
  /** The lines that are parked nowhere, by the rank of their first. */
  private readonly open = new Heap<Line>()

  constructor(lane: Lane) {
    this.lane = lane
  }

  get size(): number {
    return this.lines.size
  }

  /** The next one to admit. Lines before it that miss places which others have to give are parked there. */
  findNext(): Permit | undefined {
    for (let line = this.open.first; line !== undefined; line = this.open.first) {
      const first = line.first!
      const park = line.host.free > 0 ? first.missing?.lane.park : line.host
      if (park === undefined) return first
      this.open.remove(line)
      park.park(line)
    }
    return undefined
  }

  push(permit: Permit, host: Host): void {
    const key = Line.keyOf(host, permit.also)
    let line = this.lines.get(key)
    if (line === undefined) this.lines.set(key, (line = new Line(this.lane, host, key)))
    line.push(permit)
    if (line.first === permit) this.reopen(line)
  }

  take(permit: Permit): void {
    const line = permit.line!
    const isFirst = line.first === permit
    line.remove(permit)
    if (line.first === undefined) {
      this.close(line)
      this.lines.delete(line.key)
    } else if (isFirst) this.reopen(line)
  }

  all(): ReadonlyArray<Permit> {
    const permits: Array<Permit> = []
    for (const line of this.lines.values()) {
      for (let permit = line.first; permit !== undefined; permit = permit.after) permits.push(permit)
    }
    return permits
  }

  /** Another one is the first of the line now, or what it missed may be there. */
  reopen(line: Line): void {
    if (line.parked !== undefined) this.close(line)
    this.open.put(line, line.first!.rank)
  }

  private close(line: Line): void {
    if (line.parked === undefined) return this.open.remove(line)
    line.parked.remove(line)
    line.parked = undefined
  }
}
