/**
 * How far a batch is. Nothing is counted for it: every so often it is read from
 * what the run counts anyway, so that it costs the items nothing.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as SubscriptionRef from "effect/SubscriptionRef"
import type { Progress } from "../BatchHandle.ts"
import type { Run } from "./run.ts"
import { Signal } from "./signal.ts"

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
  private last: Progress | undefined = undefined

  constructor(run: Run) {
    this.run = run
  }

  read(): Progress {
    if (this.last !== undefined) return this.last
    const progress = this.look()
    if (progress.state === "ended") this.last = progress
    return progress
  }

  private look(): Progress {
    const { aside, calls, concurrency, draining, endedBy, finished, places, options, paused, stopped, tally } = this.run
    const millis = finished === undefined ? this.run.now() : Duration.toMillis(finished.duration)
    const total = this.run.expected
    const ended = tally.accounted
    const rate = this.rateAt({ millis, ended: tally.ended })
    const running = this.run.total - ended
    const waiting = places.away + aside.size
    const state = finished !== undefined ? "ended" : stopped || draining ? "draining" : paused ? "paused" : "running"
    // What has ended so far says nothing of when a gate opens.
    const isHeldUp = running > 0 && waiting >= running
    return {
      total,
      succeeded: tally.succeeded + tally.reused,
      failed: tally.failed,
      skipped: tally.skipped,
      interrupted: tally.interrupted,
      notStarted: tally.notStarted,
      running,
      waiting,
      attempts: calls,
      cost: options.budget?.spent ?? 0,
      rate,
      eta:
        state === "ended"
          ? Duration.zero
          : state === "running" && !isHeldUp
            ? this.etaOf(total, ended + (options.source.ahead ?? 0), rate)
            : undefined,
      elapsed: Duration.millis(millis),
      concurrency: concurrency === Number.POSITIVE_INFINITY ? "unbounded" : concurrency,
      state,
      endedBy
    }
  }

  private etaOf(total: number | undefined, ended: number, rate: number): Duration.Duration | undefined {
    if (total === undefined || rate === 0) return undefined
    return Duration.millis(Math.round(((total - ended) / rate) * 1000))
  }

  /** Items a second, since the last sample that is older than the window. */
  private rateAt(now: Sample): number {
    const recent = this.samples.findIndex(({ millis }) => millis > now.millis - windowMillis)
    this.samples = this.samples.slice(recent === -1 ? -1 : Math.max(recent - 1, 0))
    const since = this.samples[0] ?? { millis: 0, ended: 0 }
    if (this.samples.at(-1)?.millis !== now.millis) this.samples.push(now)
    return now.millis > since.millis ? ((now.ended - since.ended) * 1000) / (now.millis - since.millis) : 0
  }
}

/** Progress for those who subscribe to it; while nobody has, nothing is published, and no timer runs. */
export class Watch {
  private readonly meter: Meter
  private readonly pubsub: PubSub.PubSub<Progress>
  private readonly subscribed = new Signal()
  private isWatched = false

  /** `pubsub`: one that keeps the latest. */
  constructor(meter: Meter, pubsub: PubSub.PubSub<Progress>) {
    this.meter = meter
    this.pubsub = pubsub
  }

  /** Makes a reference answer what is so when it is read. What others set is not kept. */
  behind(ref: SubscriptionRef.SubscriptionRef<Progress>): SubscriptionRef.SubscriptionRef<Progress> {
    return Object.defineProperties(ref, {
      value: { get: () => this.meter.read(), set: () => {} },
      // Who wants the changes asks for this.
      pubsub: { get: () => this.watched() }
    })
  }

  private watched(): PubSub.PubSub<Progress> {
    if (!this.isWatched) {
      this.isWatched = true
      PubSub.publishUnsafe(this.pubsub, this.meter.read())
      this.subscribed.fire()
    }
    return this.pubsub
  }

  /** Publishes at once, where someone has subscribed. */
  readonly publish: Effect.Effect<unknown> = Effect.suspend(() =>
    this.isWatched ? PubSub.publish(this.pubsub, this.meter.read()) : Effect.void
  )

  /** Publishes every so often, once someone has subscribed. */
  readonly beside: Effect.Effect<never> = Effect.suspend(() =>
    this.isWatched ? regularly(this.publish) : Effect.andThen(this.subscribed.wait, regularly(this.publish))
  )
}

/** Publishes every so often, for as long as it runs. */
export const regularly = (publish: Effect.Effect<unknown>): Effect.Effect<never> =>
  Effect.forever(Effect.andThen(publish, Effect.sleep(interval)))
