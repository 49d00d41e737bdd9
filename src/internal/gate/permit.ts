/**
 * One passage through a gate: first it may wait in a line, then it is held, then
 * it is given back.
 */
import { Heap, type Ranked } from "./heap.ts"
import type { Holding } from "./holding.ts"
import type { Lane } from "./lane.ts"
import type { Passage } from "./passage.ts"

const none: ReadonlyArray<Permit> = []
const nowhere: ReadonlyArray<Lane> = []

/** How far ahead of all others those of a class are. */
const ahead = [2 ** 52, 2 ** 51, 0] as const

export class Permit {
  readonly lane: Lane
  /** The units that its start costs. */
  cost: number
  state: "outside" | "waiting" | "held" | "aside" | "left" = "outside"
  /** Whether its start has been counted; who takes a place again makes no start. */
  started = false
  /** When it started, where somebody wants to know. With a number here, V8 would make a box for it in every permit. */
  at: number | undefined = undefined
  /** How many pauses its lane had had when its last request was made. */
  pauses = 0
  /** Its entry among the starts of its lane. */
  entry = -1
  /** Whether it is within another one of the same gate. */
  nested = false
  /** Whom to tell: the batch gives its item, an effect what wakes it. */
  owner: unknown = undefined
  /** When it came, among all that have waited at the gate. */
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

  /**
   * Those that have started (0) wait for nothing but a place, and those within others (1) are what these wait for: both go
   * before the rest (2).
   */
  get class(): 0 | 1 | 2 {
    return this.started ? 0 : this.nested ? 1 : 2
  }

  /** Its turn among all that wait at the gate; it has no field, for the reason that `at` is not 0. */
  get rank(): number {
    return this.turn - ahead[this.class]
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
  /** Lines that miss nothing but a place here, those first that have waited longest. */
  private readonly blocked = new Heap<Line>()
  /** Those of them that were offered a place just now, and still miss something. */
  private again: Set<Line> | undefined = undefined

  /** How many more may run at once. */
  abstract readonly free: number

  /** The permit is held; what waited for it takes one of the places from now on. */
  abstract admit(permit: Permit): void

  block(line: Line): void {
    if (this.again === undefined) this.blocked.put(line, line.first!.rank)
    else this.again.add(line)
  }

  unblock(line: Line): void {
    if (line.place !== -1) this.blocked.remove(line)
    this.again?.delete(line)
  }

  /** There is a place again: admits what misses nothing else. */
  offer(): void {
    if (this.blocked.size === 0) return
    const again = (this.again = new Set<Line>())
    for (let line = this.blocked.first; line !== undefined && this.free > 0; line = this.blocked.first) {
      this.blocked.remove(line)
      line.lane.reconsider()
    }
    this.again = undefined
    for (const line of again) this.block(line)
  }
}

/** Those of one host that wait in one lane, with places of the same others to be taken again, by their turn. */
export class Line implements Ranked {
  readonly lane: Lane
  readonly host: Host
  /** Where those are that are taken again. */
  private readonly rooms: ReadonlyArray<Lane>
  first: Permit | undefined = undefined
  rank = 0
  place = -1
  /** The last of each class. */
  private readonly last: [Permit | undefined, Permit | undefined, Permit | undefined] = [
    undefined,
    undefined,
    undefined
  ]

  constructor(lane: Lane, host: Host, also: ReadonlyArray<Permit>) {
    this.lane = lane
    this.host = host
    this.rooms = also.length === 0 ? nowhere : also.map((other) => other.lane.room)
  }

  isFor(also: ReadonlyArray<Permit>): boolean {
    const { rooms } = this
    return rooms.length === also.length && also.every((other, i) => other.lane.room === rooms[i])
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
