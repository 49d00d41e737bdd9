/**
 * The starts of one key within the last window.
 *
 * The window is strict: in no half-open interval of its length do more units
 * start than the limit, because a start leaves the sum exactly one window after
 * it was made, and not when some period ends.
 *
 * Starts at the same time are one entry. Where there are many in one window, so
 * are starts that are close to each other: they count as if made at the time of
 * the last of them, which delays others by less than a thousandth of the window,
 * and a key never has more than about 1,100 entries, whatever the limit.
 */

/** From so many entries on, starts that are close to each other become one. */
const manyEntries = 64
const grains = 1024

export class Starts {
  /**
   * The units that started within the window, and those before that are not forgotten yet; what was settled upwards may make
   * them more than the limit.
   */
  used = 0
  readonly window: number
  /** A ring of times, each with its cost behind it, so that both are read at once. Fractions from the beginning. */
  private ring: Array<number> = [0.1, 0.1, 0.1, 0.1]
  /** The first entry is at `head`, entry `i` at `head + 2 i`, around the end. */
  private head = 0
  private size = 0
  /** How many entries have left the window. */
  private gone = 0
  /** When the first start of the last entry was made. */
  private opened = 0

  constructor(window: number) {
    this.window = window
  }

  get entries(): number {
    return this.size
  }

  private placeOf(index: number): number {
    return (this.head + 2 * index) & (this.ring.length - 1)
  }

  /** Forgets what left the window. */
  expire(now: number): void {
    const { ring, window } = this
    while (this.size > 0 && ring[this.head]! + window <= now) {
      this.used -= ring[this.head + 1]!
      this.head = (this.head + 2) & (ring.length - 1)
      this.size--
      this.gone++
    }
    // What sums of fractions have left behind.
    if (this.size === 0) this.used = 0
  }

  /** Counts a start and answers its entry; `now` never goes back. */
  add(now: number, cost: number): number {
    // Who has no room otherwise has what left the window forgotten; where all have, this does.
    if (2 * this.size === this.ring.length) this.expire(now)
    this.used += cost
    if (this.size > 0) {
      const last = this.placeOf(this.size - 1)
      if (now === this.ring[last] || (this.size >= manyEntries && now < this.opened + this.window / grains)) {
        this.ring[last] = now
        this.ring[last + 1]! += cost
        return this.gone + this.size - 1
      }
      if (2 * this.size === this.ring.length) this.grow()
    }
    const place = this.placeOf(this.size)
    this.ring[place] = now
    this.ring[place + 1] = cost
    this.opened = now
    return this.gone + this.size++
  }

  /** Changes the cost of a start, where it is still within the window. */
  change(entry: number, by: number): void {
    const index = entry - this.gone
    if (index < 0) return
    this.ring[this.placeOf(index) + 1]! += by
    this.used += by
  }

  /** When `cost` units more have room within the limit, if nothing else starts. Expired entries must be gone. */
  roomAt(now: number, cost: number, limit: number): number {
    let used = this.used
    let at = now
    // Sums of fractions are a little more, or less, than they should be.
    const bound = limit * (1 + 1e-9)
    for (let i = 0; i < this.size && used + cost > bound; i++) {
      const place = this.placeOf(i)
      used -= this.ring[place + 1]!
      at = this.ring[place]! + this.window
    }
    return at
  }

  /** When the last start leaves the window. */
  get emptyAt(): number {
    return this.size === 0 ? 0 : this.ring[this.placeOf(this.size - 1)]! + this.window
  }

  private grow(): void {
    const { head, ring } = this
    const { length } = ring
    this.ring = new Array<number>(2 * length).fill(0.1)
    for (let i = 0; i < length; i++) this.ring[i] = ring[(head + i) & (length - 1)]!
    this.head = 0
  }
}
