/**
 * The items that have ended, by their indexes and in the order in which they did.
 *
 * What it costs while somebody listens, every item pays: four bytes (an array of
 * numbers would take four times as much), and one look whether a reader waits.
 */
import type { Signal } from "./signal.ts"

export class EndLog {
  length = 0
  private indexes = new Int32Array(1024)
  /** Those who have read all there is. */
  private readonly waiting = new Set<Signal>()
  private isAwaited = false

  push(index: number): void {
    if (this.length === this.indexes.length) this.grow()
    this.indexes[this.length++] = index
    if (this.isAwaited) this.wake()
  }

  at(position: number): number {
    return this.indexes[position]!
  }

  /** Fires the signal with the next item, once. */
  await(signal: Signal): void {
    this.waiting.add(signal)
    this.isAwaited = true
  }

  private grow(): void {
    const larger = new Int32Array(this.length * 2)
    larger.set(this.indexes)
    this.indexes = larger
  }

  private wake(): void {
    this.isAwaited = false
    for (const signal of this.waiting) signal.fire()
    this.waiting.clear()
  }
}
