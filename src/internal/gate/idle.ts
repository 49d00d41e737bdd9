/**
 * The lanes of a gate that nobody uses. Each is forgotten once nothing is left to
 * know of it: two are looked at for each new key, so there are never twice as many
 * as there is something to know of, and all of them about when something can be
 * forgotten, also where nobody comes any more.
 */
import { Fifo } from "../fifo.ts"
import type { Keeper } from "./keeper.ts"
import type { Lane } from "./lane.ts"

/** How long it takes at least until lanes are looked at, and most often at most; and how many are at once. */
const shortestMillis = 1000
const longestMillis = 60_000
const mostAtOnce = 10_000

export class Idle {
  private readonly keeper: Keeper
  /** Those that nobody used at some time, to be looked at again. */
  private readonly lanes = new Fifo<Lane>()
  /** How many have not been looked at in this round. */
  private left = 0
  /** None of those that have been, or have come since, can be forgotten before this time. */
  private emptyFrom = Number.POSITIVE_INFINITY
  /** When they are looked at again, and whether that is soon enough for whatever may come until then. */
  private looksAt = Number.POSITIVE_INFINITY
  private isSoon = false

  constructor(keeper: Keeper) {
    this.keeper = keeper
  }

  add(lane: Lane): void {
    const { emptyAt } = lane
    // What is closed for ever is never forgotten.
    if (emptyAt === Number.POSITIVE_INFINITY) return
    lane.rested = true
    this.lanes.push(lane)
    this.emptyFrom = Math.min(this.emptyFrom, emptyAt)
    if (!this.isSoon && emptyAt < this.looksAt) this.lookAt(emptyAt, shortestMillis)
  }

  /** Looks at so many, and forgets those of which nothing is left to know. */
  forget(most = Number.POSITIVE_INFINITY): void {
    const { keeper, lanes } = this
    if (lanes.length === 0) return
    const now = keeper.timer.now()
    if (keeper.users === 0 && keeper.emptyAt <= now) {
      keeper.lanes.clear()
      lanes.drain()
      this.left = 0
      return
    }
    for (let i = Math.min(most, lanes.length); i > 0; i--) {
      const lane = lanes.shift()!
      lane.rested = false
      if (this.left > 0) this.left--
      if (lane.users > 0) continue
      const { emptyAt } = lane
      if (emptyAt <= now) keeper.lanes.delete(lane.key)
      else if (emptyAt !== Number.POSITIVE_INFINITY) {
        lane.rested = true
        lanes.push(lane)
        this.emptyFrom = Math.min(this.emptyFrom, emptyAt)
      }
    }
  }

  /** Looks again about then. */
  private lookAt(at: number, least: number): void {
    const { limits, timer } = this.keeper
    const now = timer.now()
    const millis = Math.max(least, at - now)
    this.looksAt = now + millis
    this.isSoon = millis <= Math.max(longestMillis, limits.window ?? 0)
    timer.later(millis, this.look)
  }

  private readonly look = (): void => {
    const { lanes } = this
    const { length } = lanes
    this.isSoon = false
    this.looksAt = Number.POSITIVE_INFINITY
    if (this.left === 0) {
      this.left = length
      this.emptyFrom = Number.POSITIVE_INFINITY
    }
    this.forget(Math.min(this.left, mostAtOnce))
    if (lanes.length === 0) return
    if (this.left > 0) this.lookAt(0, shortestMillis)
    // Where it was for nothing, the clock of the gate is slower than that of the system, or stands.
    else this.lookAt(this.emptyFrom, lanes.length < length ? shortestMillis : longestMillis)
  }
}
