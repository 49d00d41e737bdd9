/**
 * The events of a batch, for those who listen while it runs.
 *
 * Nobody who listens can slow the batch or make it lose something. Each has a
 * queue of its own. An item that has ended stands in it as its index, from which
 * its outcome is made when it is read; every other event is left out while there
 * are too many that were not read. So who never reads costs a number for each item.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import type { BatchEvent } from "../BatchHandle.ts"
import type * as Outcome from "../Outcome.ts"
import type * as Report from "../Report.ts"
import { Fifo } from "./fifo.ts"
import type { Item } from "./item.ts"
import type { Observer } from "./observer.ts"
import type { AnyOutcome } from "./outcome.ts"
import type { Run } from "./run.ts"
import { Signal } from "./signal.ts"

type AnyEvent = BatchEvent<Outcome.Any, Report.Any>

/** So many events may wait to be read before only outcomes are kept. */
const room = 4096

/** So many are read at once. */
const chunkSize = 1024

class Subscription {
  private readonly queue = new Fifo<AnyEvent | number>()
  private readonly arrived = new Signal()
  private readonly run: Run

  constructor(run: Run) {
    this.run = run
  }

  get hasRoom(): boolean {
    return this.queue.length < room
  }

  push(entry: AnyEvent | number): void {
    this.queue.push(entry)
    this.arrived.fire()
  }

  /** Who listens may say something to the batch, and would otherwise say it in the middle of what it is told. */
  private readonly next = Effect.andThen(this.arrived.wait, Effect.yieldNow)

  /** The next events, once there are some. */
  readonly take: Pull.Pull<Arr.NonEmptyReadonlyArray<AnyEvent>> = Effect.suspend(() => {
    const events: Array<AnyEvent> = []
    for (let entry = this.queue.shift(); entry !== undefined; entry = this.queue.shift()) {
      events.push(typeof entry === "number" ? this.endOf(entry) : entry)
      if (events.length === chunkSize) break
    }
    if (Arr.isArrayNonEmpty(events)) return Effect.succeed(events)
    return this.run.finished === undefined ? Effect.flatMap(this.next, () => this.take) : Cause.done()
  })

  private endOf(index: number): AnyEvent {
    // Only outcomes that are kept stand in the queue as their index.
    return { _tag: "ItemEnded", outcome: this.run.tally.kept(index)! }
  }
}

export class Events implements Observer {
  private readonly run: Run
  private readonly subscriptions = new Set<Subscription>()

  constructor(run: Run) {
    this.run = run
  }

  /** A subscription for as long as the scope is open. It begins with what has happened so far. */
  readonly subscribe: Effect.Effect<Subscription["take"], never, Scope.Scope> = Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const subscription = new Subscription(this.run)
        this.catchUp(subscription)
        this.subscriptions.add(subscription)
        this.run.observe(this)
        return subscription
      }),
      (subscription) =>
        Effect.sync(() => {
          this.subscriptions.delete(subscription)
          if (this.subscriptions.size === 0) this.run.observe(undefined)
        })
    ),
    (subscription) => subscription.take
  )

  private catchUp(subscription: Subscription): void {
    const run = this.run
    subscription.push({ _tag: "BatchStarted", pipeline: run.options.graph.name, total: run.expected })
    for (const outcome of run.tally.all()) subscription.push({ _tag: "ItemEnded", outcome })
    for (const item of run.begun()) subscription.push(startOf(item))
    if (run.finished !== undefined) subscription.push({ _tag: "BatchEnded", report: run.finished })
  }

  itemStarted(item: Item): void {
    this.tell(() => startOf(item))
  }

  stepEnded(item: Item, handler: string, action: string): void {
    this.tell(() => ({
      _tag: "StepEnded",
      index: item.index,
      get key() {
        return keyOf(item)
      },
      handler,
      action
    }))
  }

  retryScheduled(item: Item, error: unknown, delayMillis: number): void {
    const { attempt, handler } = item
    const delay = Duration.millis(delayMillis)
    this.tell(() => ({
      _tag: "RetryScheduled",
      index: item.index,
      get key() {
        return keyOf(item)
      },
      handler,
      attempt,
      error,
      delay
    }))
  }

  itemEnded(index: number, outcome: AnyOutcome | undefined): void {
    const isKept = outcome === undefined || this.run.options.keep === "all"
    const entry = isKept ? index : { _tag: "ItemEnded" as const, outcome }
    for (const subscription of this.subscriptions) subscription.push(entry)
  }

  batchEnded(report: Report.Any): void {
    for (const subscription of this.subscriptions) subscription.push({ _tag: "BatchEnded", report })
  }

  /** What may be left out is not even made where nobody has room for it. */
  private tell(make: () => AnyEvent): void {
    let event: AnyEvent | undefined
    for (const subscription of this.subscriptions) if (subscription.hasRoom) subscription.push((event ??= make()))
  }
}

/** Computed when it is read. The caller's function may throw; here that is nobody's failure. */
const keyOf = (item: Item): string => item.keyOr("")

const startOf = (item: Item): AnyEvent => ({
  _tag: "ItemStarted",
  index: item.index,
  get key() {
    return keyOf(item)
  },
  params: item.params
})
