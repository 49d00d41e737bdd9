/**
 * Gives the event loop its turn.
 *
 * A batch of cheap items could run for seconds without a pause. So every worker
 * asks `isDue` before it calls a handler, and where some time has passed since
 * the event loop was last free, it waits for a `turn`. All workers of a batch
 * wait for the same turn and go on in the order in which they came.
 *
 * What counts is real time, not steps: steps may cost a nanosecond or a second.
 */
import * as Effect from "effect/Effect"
import type { SchedulerDispatcher } from "effect/Scheduler"

/** Half of a frame at 60 Hz: short enough for timers and sockets, long enough that the pauses cost nothing. */
const sliceMillis = 8

/**
 * With a clock or timers that are not the real ones nobody waits for the event loop, and a
 * test that starts a batch and then moves the clock must find every item started.
 */
const virtualSliceMillis = 250

/** As it was before a test replaced it: the time that a test lets pass has kept no event loop waiting. */
const realTime = performance.now.bind(performance)
const realTimeout = globalThis.setTimeout

/** Reading the time costs as much as a step, so it is read for every 16th while steps are quick, for each while they are not. */
const maxStride = 16

interface Waiter {
  /** Called after the event loop had a turn. */
  readonly turned: () => void
}

export class Pace {
  /** Resumes after the event loop had a turn. */
  readonly turn: Effect.Effect<void>
  private readonly slice: number
  private readonly dispatcher: SchedulerDispatcher
  private waiting: Array<Waiter> = []
  private scheduled = false
  private deadline: number
  private checked: number
  private stride = 1
  private count = 0
  /** How often the time was read. */
  checks = 0

  constructor(dispatcher: SchedulerDispatcher, virtualTime: boolean) {
    this.dispatcher = dispatcher
    this.slice = virtualTime || globalThis.setTimeout !== realTimeout ? virtualSliceMillis : sliceMillis
    this.checked = realTime()
    this.deadline = this.checked + this.slice
    this.turn = Effect.callback<void>((resume) => this.wait({ turned: () => resume(Effect.void) }))
  }

  /** As `turn`, for who needs no effect. */
  wait(waiter: Waiter): void {
    this.waiting.push(waiter)
    this.schedule()
  }

  /**
   * Once one waits for the turn, all do at their next step. So those who went in step still do behind it, and the
   * processor sees the same step over and over: with the others a few steps further on, a batch of cheap items took a
   * tenth longer.
   */
  isDue(): boolean {
    return this.scheduled || (++this.count >= this.stride && this.hasPassed())
  }

  private hasPassed(): boolean {
    this.count = 0
    this.checks++
    const now = realTime()
    this.stride = now - this.checked < 1 ? Math.min(this.stride * 2, maxStride) : 1
    this.checked = now
    return now >= this.deadline
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    this.dispatcher.scheduleTask(() => this.resume(), 0)
  }

  private resume(): void {
    this.scheduled = false
    this.checked = realTime()
    this.deadline = this.checked + this.slice
    this.stride = 1
    const waiting = this.waiting
    this.waiting = []
    for (let i = 0; i < waiting.length; i++) {
      waiting[i]!.turned()
      // Who did not get his turn in this slice comes first in the next.
      if (realTime() >= this.deadline && i + 1 < waiting.length) {
        this.waiting = waiting.slice(i + 1).concat(this.waiting)
        this.schedule()
        return
      }
    }
  }
}
