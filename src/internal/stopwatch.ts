/**
 * The time of a batch, on the clock of its context.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"

export class Stopwatch {
  /** `undefined`: that of the system. */
  private readonly clock: Clock.Clock | undefined
  private readonly startedAt: number
  /** Taken from the global scope once: there it is behind a getter, which takes as long as reading the time. */
  private readonly performance = performance

  constructor(context: Context.Context<unknown>) {
    const clock = Context.get(context, Clock.Clock)
    this.clock = clock === Context.get(Context.empty(), Clock.Clock) ? undefined : clock
    this.startedAt = this.time()
  }

  /** Whether it is not the clock of the system: nobody waits for the event loop then. */
  get isVirtual(): boolean {
    return this.clock !== undefined
  }

  /** Milliseconds since the start: a small integer, where the time of day would need a box in every item. */
  now(): number {
    return Math.trunc(this.time() - this.startedAt)
  }

  /** That of the system never goes back, and reading it takes half as long as reading the time of day. */
  private time(): number {
    return this.clock === undefined ? this.performance.now() : this.clock.currentTimeMillisUnsafe()
  }
}
