/**
 * A batch while it runs.
 *
 * The run owns what its workers share: the source, the shared data, the
 * outcomes, and the one way to end early (`stop`). A fixed number of workers
 * (`worker.ts`), each a single fiber, take items from the source until it is
 * exhausted; the ramp starts them as they are needed.
 *
 * How later parts fit, so that the loop can stay as it is:
 * - a limit that makes an item wait puts the `Item` aside and lets the worker
 *   take another one; what is ready again is taken before the source is asked;
 * - a journal is a `publish` that answers an effect: the worker waits for it
 *   before it takes its next item;
 * - a handle that changes the concurrency sets `limit`: workers above it end
 *   after their item, and the ramp starts more when it grows.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Scheduler from "effect/Scheduler"
import * as Tracer from "effect/Tracer"
import type * as Report from "../Report.ts"
import type { Within } from "./attempts.ts"
import type { Graph } from "./graph.ts"
import { Item } from "./item.ts"
import { Ledger } from "./ledger.ts"
import { type AnyOutcome, Failed, Interrupted, type KeyOf, NotStarted, Skipped, Succeeded } from "./outcome.ts"
import { Pace } from "./pace.ts"
import type { SharedData } from "./shared.ts"
import type { Source } from "./source.ts"
import type { Tolerance } from "./tolerance.ts"
import { Trail } from "./trail.ts"
import { Worker } from "./worker.ts"

export interface RunOptions {
  readonly graph: Graph
  readonly source: Source
  readonly shared: SharedData
  /** How many items run at the same time; `Infinity`: all. */
  readonly concurrency: number
  readonly failFast: boolean
  /** How many failures the batch bears, where it does not end at the first. */
  readonly tolerance?: Tolerance | undefined
  readonly decodeParams: boolean
  readonly maxSteps: number
  /** The limit of the whole batch. */
  readonly timeout?: Duration.Duration | undefined
  /** How long what runs may go on once the batch ends without a failure. */
  readonly drain?: Duration.Duration | undefined
  readonly keep: "all" | "failures" | "none"
  readonly keyOf: KeyOf
  /** The index of the first item, where a batch goes on from another. Defaults to 0. */
  readonly firstIndex?: number | undefined
  /** Calls a function in the asynchronous context of an item, for handlers that find their item there. */
  readonly within?: Within | undefined
  /** Hands out an outcome; where it answers an effect, the worker waits for it before it goes on. */
  readonly publish: ((outcome: AnyOutcome) => Effect.Effect<unknown> | undefined) | undefined
}

/** The hot loop reads the options, and whoever makes them makes an object of another hidden class. */
const inOneShape = (options: RunOptions): RunOptions => ({
  graph: options.graph,
  source: options.source,
  shared: options.shared,
  concurrency: options.concurrency,
  failFast: options.failFast,
  tolerance: options.tolerance,
  decodeParams: options.decodeParams,
  maxSteps: options.maxSteps,
  timeout: options.timeout,
  drain: options.drain,
  keep: options.keep,
  keyOf: options.keyOf,
  firstIndex: options.firstIndex,
  within: options.within,
  publish: options.publish
})

/** Places for workers; so many at most start without another look at whether they should. */
const wave = new Array<undefined>(256).fill(undefined)

export class Run {
  readonly options: RunOptions
  readonly context: Context.Context<unknown>
  /** `undefined`: that of the system. */
  private readonly clock: Clock.Clock | undefined
  readonly pace: Pace
  /** Whether someone looks at spans; making them for nobody would cost more than the engine. */
  readonly traced: boolean
  /** Set once nothing may start any more; what runs is interrupted. */
  stopped = false
  /** Set once nothing may start any more; what runs may still end. */
  draining = false
  /** Workers that wait for the source. */
  hungry = 0
  /** The failure that ended the batch. */
  failure: Cause.Cause<unknown> | undefined = undefined
  /** Why the batch ended, as far as the run itself knows. */
  endedBy: Report.EndedBy = { _tag: "Running" }
  /** Why the input, or the engine, broke down. */
  fault: Cause.Cause<unknown> | undefined = undefined
  /** Outcomes that ended with the batch, so that no worker could publish them. */
  readonly unpublished: Array<AnyOutcome> = []
  private readonly startedAt: number
  /** Where the trail of every item begins. */
  private readonly origin = new Trail("", undefined)
  private workers = 0
  private readonly first: number
  private read: number
  private succeeded = 0
  private failed = 0
  private skipped = 0
  private interrupted = 0
  private notStarted = 0
  private readonly ledger: Ledger
  private onStop: (() => void) | undefined = undefined
  private onDrain: (() => void) | undefined = undefined
  private onDemand: (() => void) | undefined = undefined

  constructor(options: RunOptions, context: Context.Context<unknown>) {
    this.options = inOneShape(options)
    this.context = context
    this.read = this.first = options.firstIndex ?? 0
    this.ledger = new Ledger(options.keep, options.keyOf, options.source.size, this.first)
    const clock = Context.get(context, Clock.Clock)
    this.clock = clock === Context.get(Context.empty(), Clock.Clock) ? undefined : clock
    this.pace = new Pace(Context.get(context, Scheduler.Scheduler).makeDispatcher(), this.clock !== undefined)
    this.traced = Context.getOrUndefined(context, Tracer.Tracer) !== undefined
    this.startedAt = this.time()
  }

  /** Milliseconds since the start: a small integer, where the time of day would need a box in every item. */
  now(): number {
    return Math.trunc(this.time() - this.startedAt)
  }

  /** That of the system never goes back, and reading it takes half as long as reading the time of day. */
  private time(): number {
    return this.clock === undefined ? performance.now() : this.clock.currentTimeMillisUnsafe()
  }

  /** How many parameter sets were taken. */
  get total(): number {
    return this.read - this.first
  }

  /** Takes the next parameter set as an item. */
  admit(params: unknown, now: number): Item {
    this.ledger.open(this.read, params)
    return new Item(this.read++, params, this.options.keyOf, this.options.shared.open(), now, this.origin)
  }

  /** Ends the batch: nothing starts any more, and what runs is interrupted. */
  stop(): void {
    if (this.stopped) return
    this.stopped = true
    this.onStop?.()
    this.demand()
  }

  /** Ends the batch before its input does, and not because something failed. */
  endBy(reason: Report.EndedBy): void {
    if (this.stopped) return
    this.endedBy = reason
    this.stop()
  }

  /** As `endBy`, but what runs may end first, where the batch drains. */
  private drainBy(reason: Report.EndedBy): void {
    if (this.options.drain === undefined) return this.endBy(reason)
    if (this.stopped || this.draining) return
    this.endedBy = reason
    this.draining = true
    this.onDrain?.()
    this.stopWhenDrained()
    this.demand()
  }

  /** Workers that wait for the source have nothing to end. */
  private stopWhenDrained(): void {
    if (this.draining && this.workers === this.hungry) this.stop()
  }

  /** Ends the batch because an item that succeeded says so. */
  stopAfter(outcome: AnyOutcome | undefined, reason: string): AnyOutcome | undefined {
    // Everything may have ended when this returns, so the outcome is handed over before.
    const last = !this.stopped && this.options.drain === undefined
    if (last && outcome !== undefined) this.unpublished.push(outcome)
    this.drainBy({ _tag: "Stop", reason })
    return last ? undefined : outcome
  }

  /** Ends the batch because there is no going on. */
  breakDown(cause: Cause.Cause<unknown>): void {
    this.fault ??= cause
    this.stop()
  }

  /** Each of these accounts for an item, and answers its outcome where someone wants it at once. */
  succeed(item: Item, now: number): AnyOutcome | undefined {
    this.succeeded++
    const millis = now - item.startedAt
    this.ledger.succeed(item.index, item.trail.end(item.action, item.attempts), item.output, millis)
    const { keyOf, publish, tolerance } = this.options
    const outcome = publish === undefined ? undefined : new Succeeded(item, keyOf, millis, item.action, item.output)
    return tolerance === undefined ? outcome : this.tolerate(tolerance, outcome)
  }

  skip(item: Item, now: number, reason: string): AnyOutcome | undefined {
    this.skipped++
    const outcome = this.put(new Skipped(item, this.options.keyOf, now - item.startedAt, item.handler, reason))
    const tolerance = this.options.tolerance
    return tolerance === undefined ? outcome : this.tolerate(tolerance, outcome)
  }

  interrupt(item: Item, now: number): AnyOutcome {
    this.interrupted++
    return this.put(new Interrupted(item, this.options.keyOf, now - item.startedAt, item.step?.name))
  }

  fail(item: Item, now: number, cause: Cause.Cause<unknown>): AnyOutcome | undefined {
    this.failed++
    const outcome = this.put(new Failed(item, this.options.keyOf, now - item.startedAt, item.step?.name, cause))
    const { failFast, publish, tolerance } = this.options
    tolerance?.note(cause)
    if (tolerance !== undefined) return this.tolerate(tolerance, outcome)
    if (!failFast || this.stopped) return outcome
    // Everything may have ended when `stop` returns, so the outcome is handed over before.
    if (publish !== undefined) this.unpublished.push(outcome)
    this.failWith(cause)
    return undefined
  }

  /** Ends the batch where its items have failed too often: also a success can show that it is too large a share. */
  private tolerate(tolerance: Tolerance, outcome: AnyOutcome | undefined): AnyOutcome | undefined {
    if (this.stopped) return outcome
    const exceeded = tolerance.exceeded(this.failed, this.succeeded + this.failed + this.skipped)
    if (exceeded === undefined) return outcome
    if (outcome !== undefined && this.options.publish !== undefined) this.unpublished.push(outcome)
    this.failure = tolerance.cause
    this.endBy(exceeded)
    return undefined
  }

  /** The first failure ends a fail-fast batch, also while the finalizers of its item still run. */
  failWith(cause: Cause.Cause<unknown>): void {
    if (!this.options.failFast || this.stopped) return
    this.failure = cause
    this.endBy({ _tag: "Failure" })
  }

  private put<O extends AnyOutcome>(outcome: O): O {
    this.ledger.put(outcome)
    return outcome
  }

  /** Wakes the ramp: a worker that waited for the source has an item, or there will be no more. */
  demand(): void {
    const onDemand = this.onDemand
    this.onDemand = undefined
    onDemand?.()
  }

  private wantsWorker(): boolean {
    return (
      !this.stopped &&
      !this.draining &&
      !this.options.source.exhausted &&
      this.workers < this.options.concurrency &&
      this.hungry === 0
    )
  }

  private readonly startWorker = (): Effect.Effect<void, never, unknown> => {
    if (!this.wantsWorker() || this.pace.isDue()) return Exit.void
    const worker = new Worker(this)
    this.workers++
    return Effect.map(Effect.forkChild(worker.effect, { startImmediately: true }), (fiber) => {
      fiber.addObserver((exit) => worker.ended(exit))
    })
  }

  /** A worker has ended; where there is still work, another one takes its place. */
  retire(): void {
    this.workers--
    this.stopWhenDrained()
    this.demand()
  }

  /**
   * Starts workers while there are items for them. They are children of the
   * fiber that runs this; it ends when all of them have ended.
   */
  private readonly ramp: Effect.Effect<void, never, unknown> = Effect.awaitAllChildren(
    Effect.whileLoop({
      while: () => !this.stopped && !this.draining && !this.options.source.exhausted,
      body: (): Effect.Effect<unknown, never, unknown> => {
        if (!this.wantsWorker()) return this.demanded
        if (this.pace.isDue()) return this.pace.turn
        return Effect.forEach(wave, this.startWorker, { discard: true })
      },
      step: () => {}
    })
  )

  private readonly demanded = Effect.callback<void>((resume) => {
    this.onDemand = () => resume(Effect.void)
  })

  /** Comes first in the race, so that an interruption says it before it reaches the first worker. */
  private readonly stopping = Effect.callback<void>((resume) => {
    this.onStop = () => resume(Effect.void)
    return Effect.sync(() => {
      this.stopped = true
    })
  })

  private readonly timer = Effect.suspend(() => {
    const duration = this.options.timeout
    return duration === undefined
      ? Effect.never
      : Effect.delay(
          Effect.sync(() => this.drainBy({ _tag: "Timeout", duration })),
          duration
        )
  })

  private readonly drained = Effect.suspend(() => {
    const drain = this.options.drain
    return drain === undefined
      ? Effect.never
      : Effect.callback<void>((resume) => {
          this.onDrain = () => resume(Effect.delay(Effect.void, drain))
        })
  })

  /** Runs every item; ends early after `stop`, when everything that ran has been interrupted and finalized. */
  readonly drive: Effect.Effect<void, never, unknown> = Effect.suspend(() =>
    this.options.timeout === undefined && this.options.drain === undefined
      ? Effect.raceFirst(this.stopping, this.ramp)
      : Effect.raceAllFirst([
          this.stopping,
          // The end of the timer is where the batch begins to drain, and not its end.
          Effect.andThen(this.timer, Effect.never),
          this.drained,
          this.ramp
        ])
  )

  /** Takes what the source still holds, once nothing runs any more: those items never start. */
  leaveRest(): void {
    for (const params of this.options.source.rest()) {
      this.ledger.open(this.read, params)
      const outcome = this.put(new NotStarted(this.read++, params, this.options.keyOf))
      this.notStarted++
      if (this.options.publish !== undefined) this.unpublished.push(outcome)
    }
  }

  report(): Report.Any {
    const ledger = this.ledger
    let outcomes: ReadonlyArray<AnyOutcome> | undefined
    const report = {
      shared: this.options.shared.ref.current,
      total: this.total,
      succeeded: this.succeeded,
      failed: this.failed,
      skipped: this.skipped,
      interrupted: this.interrupted,
      notStarted: this.notStarted,
      exhausted: this.options.source.exhausted,
      get outcomes() {
        return (outcomes ??= ledger.outcomes())
      },
      duration: Duration.millis(this.now()),
      endedBy: this.endedBy
    }
    // A printed report shows its outcomes, not that they are computed.
    return Object.defineProperty(report, NodeInspectSymbol, { value: () => ({ ...report }) })
  }
}
