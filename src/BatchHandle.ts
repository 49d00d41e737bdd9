/**
 * A batch that runs in the background, and what can be seen of it and said to it
 * meanwhile. Read these as `Batch.fork`, `Batch.Handle` and so on.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Tracer from "effect/Tracer"
import type {
  DecodeOption,
  DuplicateError,
  Duplicates,
  DuplicatesOption,
  Failure,
  FromOptions,
  Given,
  Mode,
  Options,
  OutcomeOf,
  Tolerance,
  TolerateOption
} from "./BatchOptions.ts"
import { type AnyOptions, isDataFirst, toRunOptions } from "./internal/batchOptions.ts"
import * as Control from "./internal/control.ts"
import { Events, opening } from "./internal/events.ts"
import { drive } from "./internal/execute.ts"
import { Meter, Watch } from "./internal/progress.ts"
import { Run } from "./internal/run.ts"
import { snapshotOf } from "./internal/snapshot.ts"
import type { Any as AnyOutcome } from "./Outcome.ts"
import type * as Pipeline from "./Pipeline.ts"
import type { EndedBy, Report } from "./Report.ts"

/**
 * How far a batch is.
 *
 * **Details**
 *
 * An item counts once, whatever its retries: the five counts and `running` make
 * up the items that were read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  /** How many items there are; `undefined` of a lazy input that may hold more. */
  readonly total: number | undefined
  readonly succeeded: number
  readonly failed: number
  readonly skipped: number
  readonly interrupted: number
  readonly notStarted: number
  /** Items that have begun and not ended, those that wait included. */
  readonly running: number
  /** How many of them wait: at a gate, between two attempts, or for an outcome that they share. They take no place. */
  readonly waiting: number
  /** Calls of a `handleRequest` so far. */
  readonly attempts: number
  /** What the outcomes have cost, as the option `cost` says. */
  readonly cost: number
  /** Items that ended per second, over the last ten seconds. */
  readonly rate: number
  /** How long the rest takes at this rate; `undefined` where that cannot be told, as while all that runs waits. */
  readonly eta: Duration.Duration | undefined
  /** Since the batch began. */
  readonly elapsed: Duration.Duration
  /** How many items may run at the same time. */
  readonly concurrency: number | "unbounded"
  /** `"draining"`: nothing starts any more, and what runs comes to its end. `"ended"`: there is no more to come. */
  readonly state: "running" | "paused" | "draining" | "ended"
  /** Why the batch ends. */
  readonly endedBy: EndedBy
}

/**
 * What happens in a batch.
 *
 * **Details**
 *
 * - `BatchStarted`: always the first. `total` as in `Progress`.
 * - `ItemStarted`: an item began.
 * - `StepEnded`: a handler of an item answered an action.
 * - `RetryScheduled`: an attempt failed with `error`, and another follows after `delay`. `attempt` is the one that failed.
 * - `ItemEnded`: exactly once for each item, whatever its retries.
 * - `BatchEnded`: always the last.
 *
 * @category models
 * @since 0.1.0
 */
export type BatchEvent<O extends AnyOutcome, Rep> =
  | { readonly _tag: "BatchStarted"; readonly pipeline: string; readonly total: number | undefined }
  | { readonly _tag: "ItemStarted"; readonly index: number; readonly key: string; readonly params: O["params"] }
  | {
      readonly _tag: "StepEnded"
      readonly index: number
      readonly key: string
      readonly handler: string
      readonly action: string
    }
  | {
      readonly _tag: "RetryScheduled"
      readonly index: number
      readonly key: string
      readonly handler: string
      readonly attempt: number
      readonly error: unknown
      readonly delay: Duration.Duration
    }
  | { readonly _tag: "ItemEnded"; readonly outcome: O }
  | { readonly _tag: "BatchEnded"; readonly report: Rep }

/**
 * A batch that runs in the background.
 *
 * **Details**
 *
 * Nobody who looks on can slow the batch, or fail it, or make it lose an outcome.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handle<out S, out O extends AnyOutcome, out E> {
  /** Waits for the end, and answers as `Batch.run` does. Who stops to wait does not stop the batch. */
  readonly await: Effect.Effect<Report<S, O>, E>
  /**
   * How far the batch is: read when it is asked for; its changes come ten times a second, and at the end. They go on until
   * the scope ends, so take them until `state` is `"ended"`.
   */
  readonly progress: SubscriptionRef.SubscriptionRef<Progress>
  /**
   * What happens. Who listens late hears of everything that had ended before, unless the option `outcomes` says that it is
   * not kept. Who is slow hears of every outcome, and of other events as many as there is room for.
   */
  readonly events: Stream.Stream<BatchEvent<O, Report<S, O>>>
  /** Changes how many items run at the same time: more at once, fewer as items end. Nonsense dies with `InvalidOptions`. */
  readonly setConcurrency: (concurrency: number | "unbounded") => Effect.Effect<void>
  /**
   * Starts no more items until `resume`; those that wait at the gate of the batch keep their turn, and nobody waits for
   * them meanwhile. What runs goes on, its retries included; a `timeout` goes on as well.
   */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /** Starts no more items, and ends the batch without a failure when those that run have ended. Ends at once. */
  readonly drain: Effect.Effect<void>
  /**
   * Ends the items with a key, which is a hash of the params unless the option `key` says otherwise: those that run are
   * interrupted, and their finalizers have run when this ends; those still to come will not start. Answers whether any
   * had started.
   */
  readonly cancel: (key: string) => Effect.Effect<boolean>
  /**
   * What has become of the items so far: `total` counts those that have ended, `endedBy` is `Running`. What runs, and
   * what is still to come, is in `progress`. Once the batch has ended, its report.
   */
  readonly report: Effect.Effect<Report<S, O>>
}

/**
 * Starts the batch in the background, and answers a handle.
 *
 * **Details**
 *
 * The options are those of `run`. The batch belongs to the scope: when that is
 * closed before the batch has ended, it is interrupted, and `onInterrupt` gets the
 * report. A failure is answered by `await`, and by nothing else.
 *
 * **Example** (Watching a batch, and letting it end early)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const wait = Handler.make("wait", { handleRequest: ({ millis }: { readonly millis: number }) => Effect.sleep(millis) })
 * const waiting = Pipeline.make("waiting", { handlers: { wait }, start: "wait" })
 *
 * const program = Effect.gen(function* () {
 *   const batch = yield* Batch.fork(waiting, { params: [{ millis: 1 }, { millis: 30 }, { millis: 1 }], concurrency: 2 })
 *   yield* batch.events.pipe(
 *     Stream.filter((event) => event._tag === "ItemEnded"),
 *     Stream.runForEachWhile(() => Effect.succeed(false))
 *   )
 *   yield* batch.drain
 *   return yield* batch.await
 * })
 *
 * const report = await Effect.runPromise(Effect.scoped(program))
 *
 * report.interrupted // => 0
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const fork: {
  <
    P,
    PT,
    S,
    O,
    A extends string,
    E,
    R,
    E2 = never,
    R2 = never,
    R3 = never,
    R4 = never,
    const M extends Mode = "fail-fast",
    const D extends boolean = true,
    const T extends Tolerance | undefined = undefined,
    const U extends Duplicates | undefined = "run"
  >(
    // The pipeline alone says what the types are, not the values given here.
    options: Options<
      Given<NoInfer<P>, NoInfer<PT>, D>,
      NoInfer<S>,
      NoInfer<OutcomeOf<P, PT, D, A, O, E, U>>,
      M,
      E2,
      R2,
      R3,
      R4
    > &
      DecodeOption<D> &
      TolerateOption<T> &
      DuplicatesOption<U>
  ): (
    self: Pipeline.Pipeline<P, PT, S, O, A, E, R>
  ) => Effect.Effect<
    Handle<
      S,
      OutcomeOf<P, PT, D, A, O, E, U>,
      FromOptions<E2> | Failure<M, T, E | DuplicateError<U>, Report<S, OutcomeOf<P, PT, D, A, O, E, U>>>
    >,
    never,
    R | FromOptions<R2 | R3 | R4> | Scope.Scope
  >
  <
    P,
    PT,
    S,
    O,
    A extends string,
    E,
    R,
    E2 = never,
    R2 = never,
    R3 = never,
    R4 = never,
    const M extends Mode = "fail-fast",
    const D extends boolean = true,
    const T extends Tolerance | undefined = undefined,
    const U extends Duplicates | undefined = "run"
  >(
    self: Pipeline.Pipeline<P, PT, S, O, A, E, R>,
    options: Options<Given<P, PT, D>, S, OutcomeOf<P, PT, D, A, O, E, U>, M, E2, R2, R3, R4> &
      DecodeOption<D> &
      TolerateOption<T> &
      DuplicatesOption<U>
  ): Effect.Effect<
    Handle<
      S,
      OutcomeOf<P, PT, D, A, O, E, U>,
      FromOptions<E2> | Failure<M, T, E | DuplicateError<U>, Report<S, OutcomeOf<P, PT, D, A, O, E, U>>>
    >,
    never,
    R | FromOptions<R2 | R3 | R4> | Scope.Scope
  >
} = dual(
  isDataFirst,
  Effect.fnUntraced(function* (self: Pipeline.Any, options: AnyOptions): Effect.fn.Return<AnyHandle, never, unknown> {
    const beside = (): Effect.Effect<never> => Effect.suspend(() => Effect.andThen(opening(events), watch.beside))
    const runOptions = toRunOptions(self, options, { publish: undefined, beside })
    const span = yield* Effect.makeSpan("Batch.run", { attributes: { "pipeline.name": self.name } })
    const run = new Run(runOptions, Context.add(yield* Effect.context<unknown>(), Tracer.ParentSpan, span))
    const events = new Events(run)
    const meter = new Meter(run)
    const watch = new Watch(meter, yield* PubSub.sliding<Progress>({ capacity: 1, replay: 1 }))
    const progress = watch.behind(yield* SubscriptionRef.make(meter.read()))

    const batch = Effect.onExit(Effect.ensuring(drive(run, options.onInterrupt), watch.publish), (exit) =>
      Effect.clockWith((clock) => Effect.sync(() => span.end(clock.currentTimeNanosUnsafe(), exit)))
    )
    const fiber = yield* Effect.forkScoped(Effect.withParentSpan(batch, span), { startImmediately: true })
    const say = (f: () => void): Effect.Effect<void> => Effect.andThen(Effect.sync(f), Effect.asVoid(watch.publish))
    return {
      await: Fiber.join(fiber),
      progress,
      events: Stream.scoped(Stream.fromPull(events.subscribe)),
      setConcurrency: (concurrency) => say(() => Control.setConcurrency(run, concurrency)),
      pause: say(() => Control.setPaused(run, true)),
      resume: say(() => Control.setPaused(run, false)),
      drain: say(() => run.drain({ _tag: "Drain" })),
      cancel: (key) => Control.cancel(run, key),
      report: Effect.sync(() => snapshotOf(run))
    }
  })
)

type AnyHandle = Handle<unknown, AnyOutcome, unknown>
