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
import { NodeInspectSymbol } from "effect/Inspectable"
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
const room = 1024

/** So many are read at once. */
const chunkSize = 1024

/** What happened to an item; its key is computed when it is read. */
abstract class OfItem {
  abstract readonly _tag: string
  readonly index: number
  readonly #item: Item

  constructor(item: Item) {
    this.index = item.index
    this.#item = item
  }

  get key(): string {
    // The caller's function may throw; here that is nobody's failure.
    return this.#item.keyOr("")
  }

  toJSON(): unknown {
    return { ...this, key: this.key }
  }

  [NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

class ItemStarted extends OfItem {
  readonly _tag = "ItemStarted"
  readonly params: unknown

  constructor(item: Item) {
    super(item)
    this.params = item.params
  }
}

class StepEnded extends OfItem {
  readonly _tag = "StepEnded"
  readonly handler: string
  readonly action: string

  constructor(item: Item, handler: string, action: string) {
    super(item)
    this.handler = handler
    this.action = action
  }
}

class RetryScheduled extends OfItem {
  readonly _tag = "RetryScheduled"
  readonly handler: string
  readonly attempt: number
  readonly error: unknown
  readonly delay: Duration.Duration

  constructor(item: Item, error: unknown, delayMillis: number) {
    super(item)
    this.handler = item.handler
    this.attempt = item.attempt
    this.error = error
    this.delay = Duration.millis(delayMillis)
  }
}

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

  /** Who waits is resumed in the midst of the engine's loop; it reads when that gives way, and then all there is. */
  private readonly arrival = Effect.andThen(this.arrived.wait, Effect.yieldNow)

  /** The next events, once there are some. */
  readonly take: Pull.Pull<Arr.NonEmptyReadonlyArray<AnyEvent>> = Effect.suspend(() => {
    const events: Array<AnyEvent> = []
    for (let entry = this.queue.shift(); entry !== undefined; entry = this.queue.shift()) {
      events.push(typeof entry === "number" ? this.endOf(entry) : entry)
      if (events.length === chunkSize) break
    }
    if (Arr.isArrayNonEmpty(events)) return Effect.succeed(events)
    return this.run.finished === undefined ? Effect.andThen(this.arrival, this.take) : Cause.done()
  })

  private endOf(index: number): AnyEvent {
    // Only outcomes that are kept stand in the queue as their index.
    return { _tag: "ItemEnded", outcome: this.run.tally.kept(index)! }
  }
}

export class Events implements Observer {
  private readonly run: Run
  private subscriptions: ReadonlyArray<Subscription> = []

  constructor(run: Run) {
    this.run = run
  }

  /** A subscription for as long as the scope is open. It begins with what has happened so far. */
  readonly subscribe: Effect.Effect<Subscription["take"], never, Scope.Scope> = Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const subscription = new Subscription(this.run)
        this.catchUp(subscription)
        this.subscriptions = [...this.subscriptions, subscription]
        this.run.observe(this)
        return subscription
      }),
      (subscription) =>
        Effect.sync(() => {
          this.subscriptions = this.subscriptions.filter((other) => other !== subscription)
          if (this.subscriptions.length === 0) this.run.observe(undefined)
        })
    ),
    (subscription) => subscription.take
  )

  private catchUp(subscription: Subscription): void {
    const run = this.run
    subscription.push({ _tag: "BatchStarted", pipeline: run.options.graph.name, total: run.expected })
    for (const outcome of run.tally.all()) subscription.push({ _tag: "ItemEnded", outcome })
    for (const item of run.begun()) subscription.push(new ItemStarted(item))
    if (run.finished !== undefined) subscription.push({ _tag: "BatchEnded", report: run.finished })
  }

  itemStarted(item: Item): void {
    if (this.hasRoom) this.tell(new ItemStarted(item))
  }

  stepEnded(item: Item, handler: string, action: string): void {
    if (this.hasRoom) this.tell(new StepEnded(item, handler, action))
  }

  retryScheduled(item: Item, error: unknown, delayMillis: number): void {
    if (this.hasRoom) this.tell(new RetryScheduled(item, error, delayMillis))
  }

  itemEnded(index: number, outcome: AnyOutcome | undefined): void {
    const isKept = outcome === undefined || this.run.options.keep === "all"
    const entry = isKept ? index : { _tag: "ItemEnded" as const, outcome }
    for (let i = 0; i < this.subscriptions.length; i++) this.subscriptions[i]!.push(entry)
  }

  batchEnded(report: Report.Any): void {
    for (const subscription of this.subscriptions) subscription.push({ _tag: "BatchEnded", report })
  }

  /** Whether what may be left out is to be made at all. */
  private get hasRoom(): boolean {
    for (let i = 0; i < this.subscriptions.length; i++) if (this.subscriptions[i]!.hasRoom) return true
    return false
  }

  private tell(event: AnyEvent): void {
    for (const subscription of this.subscriptions) if (subscription.hasRoom) subscription.push(event)
  }
}

/** Keeps the hidden classes; see `shapes.ts`. Without them a batch that is listened to costs twice as much. */
const run = { finished: undefined } as Run
const item = { index: 0, handler: "", attempt: 0 } as Item
export const kept: ReadonlyArray<unknown> = [
  new Events(run),
  new Subscription(run),
  new ItemStarted(item),
  new StepEnded(item, "", ""),
  new RetryScheduled(item, undefined, 0)
]
