/**
 * Something that one fiber waits for and that synchronous code says. Said while
 * nobody waits, it is forgotten: who waits looks at the state first, and asks for
 * the wait in the same step, because his fiber may let others go first before it
 * waits.
 */
import * as Effect from "effect/Effect"

export class Signal {
  private onFire: (() => void) | undefined = undefined
  private fired = 0

  /** Waits until it is said after this was asked for. */
  get wait(): Effect.Effect<void> {
    const seen = this.fired
    return Effect.callback<void>((resume) => {
      if (this.fired !== seen) return resume(Effect.void)
      this.onFire = () => resume(Effect.void)
    })
  }

  fire(): void {
    this.fired++
    const onFire = this.onFire
    this.onFire = undefined
    onFire?.()
  }
}
