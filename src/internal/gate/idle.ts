/**
 * The lanes of a gate that nobody uses. Each is forgotten once nothing is left to
 * know of it: two are looked at for each new key, so there are never twice as many
 * as there is something to know of, and all of them about when something can be
 * forgotten, also where nobody comes any more.
 */
import { Fifo } from "../fifo.ts"
import type { Keeper } from "./keeper.ts"
import type { Lane } from "./lane.ts"

/** How long it takes until lanes are looked at, and how many are at once. */
const shortestMillis = 1000
const longestMillis = 60_000
const mostAtOnce = 10_000

export class Idle {
  private readonly keeper: Keeper
  /** Those that nobody used at some time, to be looked at again. */
  private readonly lanes = new Fifo<Lane>()
  /** Whether they will be. */
  private waits = false

  constructor(keeper: Keeper) {
    this.keeper = keeper
  }

  add(lane: Lane): void {
    lane.rested = true
    this.lanes.push(lane)
    if (!this.waits) this.lookAt(lane.emptyAt)
  }

  /** Looks at so many, and forgets those of which nothing is left to know; answers when others will be so. */
  forget(most = Number.POSITIVE_INFINITY): number {
    const { keeper, lanes } = this
    let next = Number.POSITIVE_INFINITY
    if (lanes.length === 0) return next
    const now = keeper.timer.now()
    if (keeper.users === 0 && keeper.emptyAt <= now) {
      keeper.lanes.clear()
      lanes.drain()
      return now
    }
    for (let i = Math.min(most, lanes.length); i > 0; i--) {
      const lane = lanes.shift()!
      lane.rested = false
      if (lane.users > 0) continue
      const { emptyAt } = lane
      if (emptyAt <= now) keeper.lanes.delete(lane.key)
      else {
        next = Math.min(next, emptyAt)
        lane.rested = true
        lanes.push(lane)
      }
    }
    return next
  }

  /** Looks again about then, but neither often nor at many at once. */
  private lookAt(at: number): void {
    const { limits, timer } = this.keeper
    this.waits = true
    const millis = Math.min(at - timer.now(), Math.max(longestMillis, limits.window ?? 0))
    timer.later(Math.max(shortestMillis, millis), this.look)
  }

  private readonly look = (): void => {
    this.waits = false
    const { length } = this.lanes
    const emptyAt = this.forget(mostAtOnce)
    if (this.lanes.length > 0) this.lookAt(length > mostAtOnce ? 0 : emptyAt)
  }
}
