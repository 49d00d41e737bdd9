/**
 * How far a batch is. Nothing is counted for it: every so often it is read from
 * what the run counts anyway, so that it costs the items nothing.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Progress } from "../BatchHandle.ts"
import type { Run } from "./run.ts"

/** Ten times a second: as often as someone can look. */
const interval = Duration.millis(100)

/** The rate is that of the last ten seconds. */
const windowMillis = 10_000

interface Sample {
  readonly millis: number
  readonly ended: number
}

export class Meter {
  private readonly run: Run
  private samples: Array<Sample> = []

  constructor(run: Run) {
    this.run = run
  }

  read(): Progress {
    const { concurrency, draining, endedBy, finished, paused, stopped, tally } = this.run
    const begun = this.run.begun()
    const millis = this.run.now()
    const ended = tally.ended + tally.interrupted + tally.notStarted
    const total = this.run.expected
    const rate = this.rateAt({ millis, ended: tally.ended })
    return {
      total,
      succeeded: tally.succeeded,
      failed: tally.failed,
      skipped: tally.skipped,
      interrupted: tally.interrupted,
      notStarted: tally.notStarted,
      running: begun.length,
      attempts: begun.reduce((sum, item) => sum + item.calls, tally.attempts),
      cost: tally.cost,
      rate,
      eta: total === undefined || rate === 0 ? undefined : Duration.millis(((total - ended) / rate) * 1000),
      elapsed: Duration.millis(millis),
      concurrency: concurrency === Number.POSITIVE_INFINITY ? "unbounded" : concurrency,
      state: finished !== undefined ? "ended" : stopped || draining ? "draining" : paused ? "paused" : "running",
      endedBy
    }
  }

  /** Items a second, since the first sample that is not too old. */
  private rateAt(now: Sample): number {
    const first = this.samples.findIndex(({ millis }) => millis > now.millis - windowMillis)
    this.samples = first === -1 ? [] : this.samples.slice(Math.max(first - 1, 0))
    const since = this.samples[0] ?? { millis: 0, ended: 0 }
    if (this.samples.at(-1)?.millis !== now.millis) this.samples.push(now)
    return now.millis > since.millis ? ((now.ended - since.ended) * 1000) / (now.millis - since.millis) : 0
  }
}

/** Publishes every so often, for as long as it runs. */
export const regularly = (publish: Effect.Effect<unknown>): Effect.Effect<never> =>
  Effect.forever(Effect.andThen(publish, Effect.sleep(interval)))
