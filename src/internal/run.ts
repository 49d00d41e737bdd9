/**
 * A batch while it runs.
 *
 * The run owns what its workers share: the source, the shared data, the tally of
 * outcomes, and the one way to end early (`stop`). Its workers (`worker.ts`), each
 * a single fiber, take items from the source until it is exhausted;
 * `supervise.ts` starts them as they are needed.
 *
 * - `capacity` says how many workers may take items. Those above it end after
 *   their item; more are started when it grows. To pause is to have none.
 * - An item that has to wait for something else than its own request is put
 *   aside, and its worker takes another one. What is ready again is taken before
 *   the source is asked, and is accounted for if the batch ends first.
 * - A journal is a `publish` that answers an effect: the worker waits for it
 *   before it takes its next item.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Scheduler from "effect/Scheduler"
import * as Tracer from "effect/Tracer"
import type * as Report from "../Report.ts"
import { Present } from "./currentItem.ts"
import type { Ending } from "./ending.ts"
import type { EndLog } from "./endLog.ts"
import { Fifo } from "./fifo.ts"
import { turnAway } from "./gated.ts"
import { Gates } from "./gates.ts"
import { Item } from "./item.ts"
import type { Details, Observer } from "./observer.ts"
import type { AnyOutcome } from "./outcome.ts"
import { Pace } from "./pace.ts"
import { Places } from "./places.ts"
import { inOneShape, type RunOptions } from "./runOptions.ts"
import { interrupt, settle } from "./settle.ts"
import { Signal } from "./signal.ts"
import { Stopwatch } from "./stopwatch.ts"
import { Tally } from "./tally.ts"
import { Trail } from "./trail.ts"
import type { Worker } from "./worker.ts"

export class Run {
  readonly options: RunOptions
  readonly context: Context.Context<unknown>
  readonly places = new Places(this)
  readonly present = new Present(this)
  readonly gates: Gates
  readonly tally: Tally
  readonly pace: Pace
  /** Whether someone looks at spans; making them for nobody would cost more than the engine. */
  readonly traced: boolean
  /** Whether a request that answers a promise is called as it is: no span and no circuit is around it. */
  readonly direct: boolean
  observer: Observer | undefined = undefined
  /** Who wants to hear of more than the ends of items. */
  details: Details | undefined = undefined
  /** Where the items are noted that have ended, for who looks on. */
  private log: EndLog | undefined = undefined
  /** Set once nothing may start any more; what runs is interrupted. */
  stopped = false
  /** Set once nothing may start any more; what runs may still end. */
  draining = false
  /** How many items may run at the same time. */
  concurrency: number
  paused = false
  /** Whether the first items run alone. */
  probing: boolean
  /** How many workers may take items. */
  capacity: number
  /** Workers that take items. */
  workers = 0
  /** All workers whose fiber has not ended. */
  readonly active = new Set<Worker>()
  /** Workers that wait for the source. */
  hungry = 0
  /** Items that have begun, and that no worker has in hand. */
  readonly aside = new Set<Item>()
  /** Those of them that can go on. */
  private readonly ready = new Fifo<Item>()
  /** The keys of items that must not start. */
  private cancelled: Set<string> | undefined = undefined
  /** `isPlain`, as it was when something about it has changed. */
  private plain: boolean
  /** Calls of a `handleRequest` so far. */
  calls = 0
  /** The failure that ended the batch. */
  failure: Cause.Cause<unknown> | undefined = undefined
  endedBy: Report.EndedBy = { _tag: "Running" }
  /** The report, once there is no more to come. */
  finished: Report.Any | undefined = undefined
  /** Why the input, or the engine, broke down. */
  fault: Cause.Cause<unknown> | undefined = undefined
  /** Outcomes that ended with the batch, so that no worker could publish them. */
  readonly unpublished: Array<AnyOutcome> = []
  readonly stopping = new Signal()
  readonly drains = new Signal()
  /** A worker may be needed, or there will be no more. */
  readonly demanded = new Signal()
  /** Nothing runs any more, for now. */
  readonly idle = new Signal()
  private readonly stopwatch: Stopwatch
  /** Where the trail of every item begins. */
  private readonly origin = new Trail("", undefined)
  private readonly first: number
  private read: number
  /** How many items are read before the canary is asked; -1 where there is none. */
  private readonly probes: number

  constructor(given: RunOptions, context: Context.Context<unknown>) {
    const options = inOneShape(given)
    this.options = options
    this.context = (this.gates = new Gates(options, context)).context
    this.read = this.first = options.firstIndex ?? 0
    this.concurrency = this.capacity = options.concurrency
    this.probing = options.canary !== undefined
    this.probes = options.canary === undefined ? -1 : this.first + options.canary.items
    const { keep, keyOf, source, timings } = options
    const { items, size } = source
    this.tally = new Tally({ first: this.first, items, keep, keyOf, size, timed: timings === true })
    this.plain = this.isPlain
    this.stopwatch = new Stopwatch(context)
    this.pace = new Pace(Context.get(context, Scheduler.Scheduler).makeDispatcher(), this.stopwatch.isVirtual)
    this.traced = Context.getOrUndefined(context, Tracer.Tracer) !== undefined
    this.direct = !this.traced && !this.gates.breaks
  }

  /** Milliseconds since the start. */
  now(): number {
    return this.stopwatch.now()
  }

  /** How many parameter sets were taken. */
  get total(): number {
    return this.read - this.first
  }

  /** Has someone look on, or nobody. */
  observe(observer: Observer | undefined): void {
    this.observer = observer
    this.log = this.options.keep === "all" ? observer?.log : undefined
    this.plain = this.isPlain
  }

  /** Whether a success is counted, and looked at by nobody. */
  private get isPlain(): boolean {
    const { budget, duplicates, keep, publish, shared, tolerance } = this.options
    if (publish !== undefined || tolerance !== undefined || budget !== undefined || duplicates !== undefined)
      return false
    // What is cancelled is interrupted, whatever it comes to; what the tally does not keep is made for who looks on.
    return shared.isAtomic && this.cancelled === undefined && (this.observer === undefined || keep === "all")
  }

  /** How many items there will be, as far as is known. */
  get expected(): number | undefined {
    const { exhausted, size } = this.options.source
    // Where nothing more runs, there may still be what is only taken over.
    return size > 0 ? size : exhausted ? this.total : undefined
  }

  /** The items that have begun, and have not ended. */
  begun(): ReadonlyArray<Item> {
    const inHand = Array.from(this.active).flatMap((worker) => worker.item ?? worker.finalizing ?? [])
    return [...inHand, ...this.aside]
  }

  /** Takes a parameter set as an item; `undefined` where that does not run, or not yet. */
  admit(params: unknown, now: number): Item | undefined {
    const { duplicates, keyOf, shared, timings } = this.options
    const stepStarts = timings === true ? [] : undefined
    this.tally.open(this.read, params)
    const cell = shared.open()
    const item = new Item(this.read++, params, keyOf, cell, now, this.origin, stepStarts)
    if (cell.fault !== undefined) item.ending = cell.fault
    if (this.gates.held !== undefined) item.around = this.gates.held
    if (this.hasProbed) this.fit()
    if (duplicates === undefined && this.cancelled === undefined) {
      this.details?.itemStarted(item)
      return item
    }
    return this.select(item)
  }

  /** Takes over what an earlier batch made of the next parameter set. */
  reuse(outcome: AnyOutcome): void {
    this.read++
    this.tally.reuse(outcome)
    this.options.duplicates?.know(outcome)
  }

  private select(item: Item): Item | undefined {
    try {
      if (this.cancelled?.has(item.key) === true) {
        this.leave(item.index, item.params, "It was cancelled")
        return undefined
      }
      this.details?.itemStarted(item)
      if (this.options.duplicates?.admit(item) !== false) return item
    } catch (error) {
      // The caller's `key` threw: that is the failure of its item.
      item.ending = Cause.die(error)
      return item
    }
    this.aside.add(item)
    return undefined
  }

  /** An item that was put aside can go on. */
  goOn(item: Item): void {
    this.ready.push(item)
    this.demand()
  }

  /** Takes an item that can go on, unless there are more workers than may run. */
  takeReady(): Item | undefined {
    for (;;) {
      if (this.ready.length === 0 || this.workers - this.hungry > this.concurrency) return undefined
      const item = this.ready.shift()
      if (item === undefined || this.aside.delete(item)) return item
    }
  }

  /** Has items with a key not start. */
  refuse(key: string): void {
    this.cancelled = (this.cancelled ?? new Set()).add(key)
    this.plain = this.isPlain
  }

  /** Takes one call of a request; `false` where the budget has none left, which ends the batch, and with it the item. */
  mayCall(item: Item): boolean {
    const budget = this.options.budget
    if (budget !== undefined && this.calls >= budget.calls) {
      item.cancelled = true
      this.drainBy(budget.outOfCalls)
      return false
    }
    this.calls++
    if (item.entry !== undefined) this.gates.called(item, item.entry)
    return true
  }

  /** Accounts for an item that has ended, and answers its outcome where someone wants it at once. */
  settle(item: Item, ending: Ending, now: number): AnyOutcome | undefined {
    if (this.plain && ending === "succeeded") {
      this.tally.succeed(item, now)
      if (this.log !== undefined) this.log.push(item.index)
      return undefined
    }
    return settle(this, item, ending, now)
  }

  /** The first failure ends a fail-fast batch, also while the finalizers of its item still run. */
  failWith(cause: Cause.Cause<unknown>): void {
    if (!this.options.failFast || this.stopped) return
    this.failure = cause
    this.endBy({ _tag: "Failure" })
  }

  /** Accounts for an item that has not come to its end, and answers as `settle` does. */
  interrupt(item: Item, now: number): AnyOutcome | undefined {
    return interrupt(this, item, now)
  }

  /** Tells who looks on that an item has ended. */
  tell(outcome: AnyOutcome): void {
    if (this.log === undefined) this.observer?.itemEnded(outcome)
    else this.log.push(outcome.index)
  }

  /** Accounts for an item that never starts. */
  private leave(index: number, params: unknown, reason?: string): void {
    const outcome = this.tally.leave(index, params, reason)
    if (this.options.publish !== undefined) this.unpublished.push(outcome)
    this.tell(outcome)
  }

  /** Has as many workers take items as may. */
  fit(): void {
    this.capacity = this.paused || this.isProbed ? 0 : this.concurrency
    this.places.serve()
    this.demand()
  }

  /** Whether so many items have begun; what is reused does not. */
  private get hasProbed(): boolean {
    return this.read - this.tally.reused === this.probes
  }

  /** Whether the first items have begun, and the others have to wait for what becomes of them. */
  get isProbed(): boolean {
    return this.probing && this.hasProbed && !this.options.source.exhausted
  }

  /** Whether there is, or may come, something to do. */
  get hasWork(): boolean {
    if (this.stopped) return false
    return this.active.size > 0 || this.aside.size > 0 || (!this.draining && !this.options.source.exhausted)
  }

  get wantsWorker(): boolean {
    if (this.stopped) return false
    // What has begun goes on, also while nothing new may begin.
    if (this.ready.length > 0) return this.workers - this.hungry < this.concurrency
    if (this.workers >= this.capacity || this.places.isFull) return false
    return !this.draining && !this.options.source.exhausted && this.hungry === 0
  }

  begin(worker: Worker): void {
    this.workers++
    this.active.add(worker)
    this.places.shut()
  }

  /** A worker takes no more items: it ends, or there are too many. */
  part(): void {
    this.workers--
    this.places.serve()
  }

  /** The fiber of a worker has ended; where there is still work, another one takes its place. */
  retire(worker: Worker): void {
    this.active.delete(worker)
    this.lookIdle()
  }

  /** Whether no item is on its way: workers that wait for the source have nothing to end. */
  get isIdle(): boolean {
    return this.active.size === this.hungry && this.aside.size === 0
  }

  private lookIdle(): void {
    if (this.isIdle && this.draining) this.stop()
    else if (this.isIdle) this.idle.fire()
    this.demand()
  }

  demand(): void {
    this.places.shut()
    this.demanded.fire()
  }

  /** Ends the batch: nothing starts any more, and what runs is interrupted. */
  stop(): void {
    if (this.stopped) return
    this.stopped = true
    this.stopping.fire()
    this.demand()
  }

  /** Ends the batch before its input does. */
  endBy(reason: Report.EndedBy): void {
    if (this.stopped) return
    this.endedBy = reason
    this.stop()
  }

  /** As `endBy`, but what runs may end first, where the batch drains. */
  drainBy(reason: Report.EndedBy): void {
    if (this.options.drain !== undefined) {
      this.drain(reason)
      this.drains.fire()
    } else if (!this.draining) this.endBy(reason)
  }

  /** As `drainBy`; where it drains already, and without an end, that is over now. */
  timeUp(reason: Report.EndedBy): void {
    if (this.draining && this.options.drain === undefined) this.stop()
    else this.drainBy(reason)
  }

  /** Nothing starts any more; what runs may end. */
  drain(reason: Report.EndedBy): void {
    if (this.stopped || this.draining) return
    this.endedBy = reason
    this.draining = true
    turnAway(this)
    this.lookIdle()
  }

  /** Ends the batch because there is no going on. */
  breakDown(cause: Cause.Cause<unknown>): void {
    this.fault ??= cause
    this.stop()
  }

  /** Accounts for what nobody has in hand, once nothing runs any more. */
  leaveRest(): void {
    const now = this.now()
    // Interrupting one may tell others what they waited for.
    const next = (): Item | undefined => this.takeReady() ?? this.aside.values().next().value
    for (let item = next(); item !== undefined; item = next()) {
      this.aside.delete(item)
      const outcome = item.ending === undefined ? this.interrupt(item, now) : this.settle(item, item.ending, now)
      if (outcome !== undefined) this.unpublished.push(outcome)
    }
    for (const params of this.options.source.rest()) {
      this.tally.open(this.read, params)
      this.leave(this.read++, params)
    }
  }
}
