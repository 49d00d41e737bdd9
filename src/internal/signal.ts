/**
 * Something that one fiber waits for and that synchronous code says.
 *
 * Said while nobody waits, it is remembered for who waits next: between a look at
 * the state and the wait, the scheduler may let others go first. So who has waited
 * looks at the state again.
 */
import * as Effect from "effect/Effect"

export class Signal {
  private wasFired = false
  private onFire: (() => void) | undefined = undefined

  readonly wait: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.wasFired) {
      this.wasFired = false
      return resume(Effect.void)
    }
    this.onFire = () => resume(Effect.void)
    return Effect.sync(() => {
      this.onFire = undefined
    })
  })

  fire(): void {
    const onFire = this.onFire
    this.onFire = undefined
    if (onFire === undefined) this.wasFired = true
    else onFire()
  }
}
