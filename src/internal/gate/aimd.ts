/**
 * A limit that finds itself: it grows by one each time that as many requests as
 * it allows have gone well, and halves when the other side says that it is too
 * much. Until the first set-back it doubles instead.
 *
 * It does not grow while fewer run than it allows, after failures, or while
 * requests take more than twice as long as the fastest of late.
 */

/** What the end of a request says about the load: `"limited"` is an answer that says that it was too much. */
export type Verdict = "success" | "failure" | "limited" | "timeout" | "unknown"

export interface Bounds {
  readonly min: number
  readonly max: number
}

/** No clock and no network is so precise that a shorter delay would mean anything. */
const noiseMillis = 5

export class Aimd {
  private readonly bounds: Bounds
  private exact: number
  private doubling = true
  /** A request that started by the last cut says nothing about the limit after it. */
  private cutAt = Number.NEGATIVE_INFINITY
  /** The latency of late, smoothed, and the smallest of the present and of the last round. */
  private latency: number | undefined = undefined
  private fastest = Number.POSITIVE_INFINITY
  private fastestBefore = Number.POSITIVE_INFINITY
  private samples = 0

  constructor(bounds: Bounds) {
    this.bounds = bounds
    this.exact = bounds.min
  }

  get limit(): number {
    return Math.floor(this.exact)
  }

  /** A request that started at `startedAt` has ended; `running` counts it too. */
  observe(verdict: Verdict, startedAt: number, now: number, running: number): void {
    if (verdict === "limited" || verdict === "timeout") return this.cut(startedAt, now)
    if (verdict !== "success") return
    this.measure(now - startedAt)
    if (this.isSlow) this.doubling = false
    else if (this.isUsed(running)) {
      this.exact = Math.min(this.bounds.max, this.exact + (this.doubling ? 1 : 1 / this.exact))
    }
  }

  /** While it doubles, it is ahead of those that run by up to a factor of two. */
  private isUsed(running: number): boolean {
    return this.doubling ? 2 * running > this.limit : 4 * running >= 3 * this.limit
  }

  private cut(startedAt: number, now: number): void {
    if (startedAt <= this.cutAt) return
    this.cutAt = now
    this.doubling = false
    this.exact = Math.max(this.bounds.min, this.exact / 2)
  }

  private measure(latency: number): void {
    this.latency = this.latency === undefined ? latency : 0.9 * this.latency + 0.1 * latency
    this.fastest = Math.min(this.fastest, latency)
    if (++this.samples < Math.max(100, 10 * this.exact)) return
    this.samples = 0
    this.fastestBefore = this.fastest
    this.fastest = Number.POSITIVE_INFINITY
  }

  private get isSlow(): boolean {
    return this.latency! > 2 * Math.min(this.fastest, this.fastestBefore) + noiseMillis
  }
}
