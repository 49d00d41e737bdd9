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
import { EndLog } from "./endLog.ts"
import { Fifo } from "./fifo.ts"
import type { Item } from "./item.ts"
import type { Details, Observer } from "./observer.ts"
import type { AnyOutcome } from "./outcome.ts"
import type { Run } from "./run.ts"
import { Signal } from "./signal.ts"

type AnyEvent = BatchEvent<Outcome.Any, Report.Any>

/** So many events may wait to be read before only outcomes are kept. */
const room = 256

/** So many are read at once. */
const chunkSize = 128

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

/** An event that stands in the queue of a subscription, and how many items had ended before it. */
interface Queued {
  readonly after: number
  readonly event: AnyEvent
}

class Subscription {
  private readonly queue = new Fifo<Queued>()
  private readonly arrived = new Signal()
  private readonly events: Events
  /** How far it has read the log. */
  private position = 0
  private isBehind = false

  constructor(events: Events) {
    this.events = events
  }

  /** Whether it takes more than the ends of items: not from when its queue was full until it has read all there is. */
  get hasRoom(): boolean {
    return !this.isBehind
  }

  /** Has heard what another one has heard and not read. */
  follow(other: Subscription): void {
    for (const queued of other.queue.all()) this.queue.push(queued)
    this.isBehind = other.isBehind
  }

  pushFirst(event: AnyEvent): void {
    this.queue.push({ after: 0, event })
  }

  push(event: AnyEvent): void {
    this.queue.push({ after: this.events.log.length, event })
    if (this.queue.length >= room) this.isBehind = true
    this.arrived.fire()
  }

  /** Who waits is resumed in the midst of the engine's loop; it reads when that gives way, and then all there is. */
  private readonly arrival = Effect.suspend(() => {
    this.events.log.await(this.arrived)
    return Effect.andThen(this.arrived.wait, Effect.yieldNow)
  })

  /** The next events, once there are some. */
  readonly take: Pull.Pull<Arr.NonEmptyReadonlyArray<AnyEvent>> = Effect.suspend(() => {
    const events: Array<AnyEvent> = []
    for (let event = this.next(); event !== undefined; event = this.next()) {
      events.push(event)
      if (events.length === chunkSize) break
    }
    if (events.length < chunkSize) this.isBehind = false
    this.events.lookForRoom()
    if (Arr.isArrayNonEmpty(events)) return Effect.succeed(events)
    return this.events.isOver ? Cause.done() : Effect.andThen(this.arrival, this.take)
  })

  private next(): AnyEvent | undefined {
    const queued = this.queue.first
    if (queued !== undefined && queued.after <= this.position) return this.queue.shift()!.event
    return this.position < this.events.log.length ? this.events.endAt(this.position++) : undefined
  }
}

export class Events implements Observer, Details {
  log = new EndLog()
  private readonly run: Run
  private subscriptions: ReadonlyArray<Subscription> = []
  /** Whether the log is kept: while there is a subscription. */
  private isListening = false
  /** Hears what happens before anybody can listen. */
  private opening: Subscription | undefined = undefined

  constructor(run: Run) {
    this.run = run
  }

  /** Who listens from now on hears all that happens from now on. */
  open(): void {
    this.opening = new Subscription(this)
    this.catchUp(this.opening)
  }

  /** Who listens from now on hears what has ended, and what goes on. */
  close(): void {
    const { opening } = this
    this.opening = undefined
    if (opening !== undefined) this.remove(opening)
  }

  /** A subscription for as long as the scope is open. It begins with what has happened so far. */
  readonly subscribe: Effect.Effect<Subscription["take"], never, Scope.Scope> = Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const subscription = new Subscription(this)
        if (this.opening === undefined) this.catchUp(subscription)
        else {
          subscription.follow(this.opening)
          this.add(subscription)
        }
        return subscription
      }),
      (subscription) => Effect.sync(() => this.remove(subscription))
    ),
    (subscription) => subscription.take
  )

  private add(subscription: Subscription): void {
    this.subscriptions = [...this.subscriptions, subscription]
    this.lookForRoom()
  }

  private remove(subscription: Subscription): void {
    this.subscriptions = this.subscriptions.filter((other) => other !== subscription)
    this.lookForRoom()
    if (this.subscriptions.length > 0) return
    // A log that nobody reads is not kept: who listens later finds in the tally what has ended.
    this.isListening = false
    this.log = new EndLog()
    this.run.observe(undefined)
  }

  private catchUp(subscription: Subscription): void {
    const run = this.run
    subscription.pushFirst({ _tag: "BatchStarted", pipeline: run.options.graph.name, total: run.expected })
    if (!this.isListening) {
      this.isListening = true
      for (const index of run.tally.indexes()) this.log.push(index)
      run.observe(this)
    }
    for (const item of run.begun()) subscription.push(new ItemStarted(item))
    if (run.finished !== undefined) subscription.push({ _tag: "BatchEnded", report: run.finished })
    this.add(subscription)
  }

  get isOver(): boolean {
    return this.run.finished !== undefined
  }

  endAt(position: number): AnyEvent {
    // What is in the log is kept.
    return { _tag: "ItemEnded", outcome: this.run.tally.kept(this.log.at(position))! }
  }

  readonly lookForRoom = (): void => {
    this.run.details = this.subscriptions.some((subscription) => subscription.hasRoom) ? this : undefined
  }

  itemStarted(item: Item): void {
    this.tell(new ItemStarted(item))
  }

  stepEnded(item: Item, handler: string, action: string): void {
    this.tell(new StepEnded(item, handler, action))
  }

  retryScheduled(item: Item, error: unknown, delayMillis: number): void {
    this.tell(new RetryScheduled(item, error, delayMillis))
  }

  itemEnded(outcome: AnyOutcome): void {
    for (const subscription of this.subscriptions) subscription.push({ _tag: "ItemEnded", outcome })
  }

  batchEnded(report: Report.Any): void {
    for (const subscription of this.subscriptions) subscription.push({ _tag: "BatchEnded", report })
  }

  private tell(event: AnyEvent): void {
    for (const subscription of this.subscriptions) if (subscription.hasRoom) subscription.push(event)
    this.lookForRoom()
  }
}

/**
 * The beginning of a batch: who starts one in order to look on, and then a fiber that does, hears it from there. The
 * batch begins after one turn, and that fiber with the next.
 */
export const opening = (events: Events): Effect.Effect<void> =>
  Effect.suspend(() => {
    events.open()
    return Effect.andThen(
      twoTurns,
      Effect.sync(() => events.close())
    )
  })

const twoTurns = Effect.andThen(Effect.yieldNow, Effect.yieldNow)

/** Keeps the hidden classes; see `shapes.ts`. Without them a batch that is listened to costs twice as much. */
const run = { finished: undefined } as Run
const item = { index: 0, handler: "", attempt: 0 } as Item
const events = new Events(run)
export const kept: ReadonlyArray<unknown> = [
  events,
  new Subscription(events),
  new ItemStarted(item),
  new StepEnded(item, "", ""),
  new RetryScheduled(item, undefined, 0)
]
