/**
 * Something that one fiber waits for and that synchronous code says. Said while
 * nobody waits, it is forgotten: who waits looks at the state first.
 */
import * as Effect from "effect/Effect"

export class Signal {
  private onFire: (() => void) | undefined = undefined

  readonly wait: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.onFire = () => resume(Effect.void)
  })

  fire(): void {
    const onFire = this.onFire
    this.onFire = undefined
    onFire?.()
  }
}
