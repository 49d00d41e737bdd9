/**
 * One passage through a gate: first it may wait in a line, then it is held, then
 * it is given back.
 */
import type { Holding } from "./holding.ts"
import type { Lane } from "./lane.ts"
import type { Line } from "./line.ts"
import type { Passage } from "./passage.ts"

const none: ReadonlyArray<Permit> = []

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

  /** The first of those put aside for it for which there is no place. */
  get missing(): Permit | undefined {
    // Most have none, and are asked each time that something about their lane changes.
    return this.also === none ? undefined : this.also.find((other) => !other.lane.keeper.hasPlaceFor(other))
  }
}
