/**
 * Time for a gate: one clock, one sleep for all that waits, and one timer for what
 * nobody waits for.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { hasProperty } from "effect/Predicate"
import * as Scheduler from "effect/Scheduler"

/** Timers of platforms go no further. */
const longestMillis = 2 ** 31 - 1

export class Timer {
  private readonly clock: Clock.Clock
  /** That of the system is never set back, where the time of day may be. */
  private readonly system: boolean
  private readonly services: Context.Context<never>
  private readonly wake: () => void
  private sleeping: Fiber.Fiber<void> | undefined = undefined
  private wakesAt = Number.POSITIVE_INFINITY
  private latest = 0
  private timeout: ReturnType<typeof setTimeout> | undefined = undefined

  constructor(context: Context.Context<never>, wake: () => void) {
    this.clock = Context.get(context, Clock.Clock)
    this.system = this.clock === Context.get(Context.empty(), Clock.Clock)
    this.services = Context.make(Scheduler.Scheduler, Context.get(context, Scheduler.Scheduler))
    this.wake = wake
  }

  /** Milliseconds, from a start of the clock's own; they never go back. */
  now(): number {
    if (this.system) return performance.now()
    return (this.latest = Math.max(this.latest, this.clock.currentTimeMillisUnsafe()))
  }

  /** Wakes at this time, or before. */
  set(at: number): void {
    if (at >= this.wakesAt) return
    this.clear()
    this.wakesAt = at
    const sleep = this.clock.sleep(Duration.millis(Math.max(1, Math.ceil(at - this.now()))))
    // It belongs to none of those that wait, because whoever set it may leave first; where nobody waits any more, it is
    // interrupted.
    this.sleeping = Effect.runForkWith(this.services)(
      Effect.map(sleep, () => {
        this.sleeping = undefined
        this.wakesAt = Number.POSITIVE_INFINITY
        this.wake()
      })
    )
  }

  /**
   * Does something in about so much time, if the process has not ended by then, and somebody still has what is to be done.
   * It is the time of the system on each clock: a sleep on another one may keep a process alive, and nothing here is a
   * reason to.
   */
  later(millis: number, act: () => void): void {
    clearTimeout(this.timeout)
    const held = new WeakRef(act)
    const timeout: unknown = (this.timeout = setTimeout(() => held.deref()?.(), Math.min(millis, longestMillis)))
    // It keeps no process of Node alive; elsewhere it is a number.
    if (hasProperty(timeout, "unref") && typeof timeout.unref === "function") timeout.unref()
  }

  clear(): void {
    const sleeping = this.sleeping
    this.sleeping = undefined
    this.wakesAt = Number.POSITIVE_INFINITY
    sleeping?.interruptUnsafe()
  }
}
