/**
 * Many parameter sets through one pipeline, at the same time.
 *
 * Every parameter set ends as exactly one `Outcome`, whatever fails; the `Report`
 * has all of them in input order. The state of a batch lives in its run, time
 * comes from `Clock`, errors and services flow through the types.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { type BatchFailed, InvalidOptions } from "./BatchError.ts"
import { execute, graphOf, refOf } from "./internal/execute.ts"
import { stableKey } from "./internal/key.ts"
import type { Mergers } from "./internal/merge.ts"
import * as Check from "./internal/options.ts"
import type { RunOptions } from "./internal/run.ts"
import { atomic, snapshot } from "./internal/shared.ts"
import * as Source from "./internal/source.ts"
import { fromStream } from "./internal/streamSource.ts"
import { type Bounds, toTolerance } from "./internal/tolerance.ts"
import type { Outcome } from "./Outcome.ts"
import type * as Pipeline from "./Pipeline.ts"
import type { Any as AnyReport, Report } from "./Report.ts"

/**
 * What a failure means: `"fail-fast"` stops the batch at the first one,
 * `"collect-all"` runs every item.
 *
 * @category options
 * @since 0.1.0
 */
export type Mode = "fail-fast" | "collect-all"

/**
 * Where the params come from. Arrays, Set and Map are taken as they are at the
 * start; everything else is read lazily, never more than `concurrency` ahead
 * (of a stream, to the end of the chunk).
 *
 * @category options
 * @since 0.1.0
 */
export type Input<P, E, R> = Iterable<P> | AsyncIterable<P> | Stream.Stream<P, E, R>

/**
 * The options of `stream`.
 *
 * @category options
 * @since 0.1.0
 */
export type StreamOptions<P, S, Rep, M extends Mode, E2, R2, R3> = {
  /** The parameter sets. */
  readonly params: Input<P, E2, R2>
  /** How many items run at the same time. Defaults to 16. */
  readonly concurrency?: number | "unbounded" | undefined
  /** Defaults to `"fail-fast"`. */
  readonly mode?: M | undefined
  /** How many handlers an item may pass through; it then fails with `TooManySteps`. Defaults to 1,000,000. */
  readonly maxSteps?: number | undefined
  /**
   * How long the batch may take. Then it ends without a failure, as `endedBy` of the report says: what runs is
   * interrupted, what has not started does not. Defaults to no limit.
   */
  readonly timeout?: Duration.Input | undefined
  /**
   * Once `timeout` has passed, or a handler has answered `Handler.stop`: how long what runs may go on before it is
   * interrupted. Nothing starts meanwhile. Defaults to no time.
   */
  readonly drain?: Duration.Input | undefined
  /**
   * Whether every item works on its own copy of the shared data, merged key by key when it has succeeded, at the
   * cost of its size for each item. Defaults to `"none"`: all items change the same value, atomically.
   */
  readonly isolation?: "none" | "snapshot" | undefined
  /** With `isolation: "snapshot"`: brings together what two items have made of a key. Defaults to a conflict. */
  readonly merge?:
    | { readonly [K in keyof S]?: ((base: S[K], mine: S[K], theirs: S[K]) => S[K]) | undefined }
    | undefined
  /** Names an item. Defaults to a stable hash of its params. */
  readonly key?: ((params: P) => string) | undefined
  /** Gets the report where the batch does not answer it: it was interrupted, or its input failed. */
  readonly onInterrupt?: ((report: Rep) => Effect.Effect<unknown, never, R3>) | undefined
} & Pipeline.SharedOption<S>

/**
 * The options of `run`.
 *
 * @category options
 * @since 0.1.0
 */
export type Options<P, S, Rep, M extends Mode, E2, R2, R3> = StreamOptions<P, S, Rep, M, E2, R2, R3> & {
  /** Which outcomes the report keeps. Defaults to `"all"`. */
  readonly outcomes?: "all" | "failures" | "none" | undefined
}

/**
 * Whether the params are decoded, and so on which side of the schemas they are.
 *
 * @category options
 * @since 0.1.0
 */
export interface DecodeOption<D extends boolean> {
  /** `false` for params known to be good: they are given as the schemas decode them. Defaults to `true`. */
  readonly decodeParams?: D | undefined
}

type Given<P, PT, D> = [D] extends [false] ? PT : P

type Failure<M, T, E, Rep extends AnyReport> = [M] extends ["collect-all"]
  ? [T] extends [undefined]
    ? never
    : BatchFailed<E, Rep>
  : BatchFailed<E, Rep>

/**
 * How many failures a collect-all batch bears. It stops as soon as one of the
 * bounds is exceeded, and fails with `BatchFailed`; `endedBy` of the report names
 * the bound. The rule is that of a Distributed Map of AWS Step Functions.
 *
 * @category options
 * @since 0.1.0
 */
export type Tolerance = Bounds

/**
 * The option `tolerate`.
 *
 * @category options
 * @since 0.1.0
 */
export interface TolerateOption<T extends Tolerance | undefined> {
  /** With `mode: "collect-all"`: how many failures the batch bears. Defaults to any number. */
  readonly tolerate?: T
}

/**
 * Runs the pipeline once for each parameter set and answers the report.
 *
 * **Details**
 *
 * With `mode: "fail-fast"` the first failure, or thrown bug, interrupts every
 * item in flight, waits for their finalizers, starts no more, and fails with
 * `BatchFailed`, which carries the report. With `mode: "collect-all"` every item
 * runs, a thrown bug is the failure of its item, and only a failing input, or more
 * failures than `tolerate` allows, fails the batch. `timeout` and `Handler.stop`
 * end it without a failure. Whenever the batch ends before its input does, the
 * input is closed.
 *
 * An interruption from outside interrupts every item in flight and waits for
 * their finalizers; `onInterrupt` gets the report. Options that make no sense
 * are a bug in the calling code: the batch dies with `InvalidOptions`.
 *
 * **Example** (Collecting every outcome)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail("odd")
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const report = await Effect.runPromise(
 *   Batch.run(halves, { params: [{ n: 2 }, { n: 3 }, { n: 4 }], mode: "collect-all", concurrency: 2 })
 * )
 *
 * report.outcomes.map((outcome) => outcome._tag) // => ["Succeeded", "Failed", "Succeeded"]
 * ```
 *
 * @see {@link stream} for outcomes as the items end
 * @category running
 * @since 0.1.0
 */
export const run: {
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
    const M extends Mode = "fail-fast",
    const D extends boolean = true,
    const T extends Tolerance | undefined = undefined
  >(
    // The pipeline alone says what the types are, not the values given here.
    options: Options<
      Given<NoInfer<P>, NoInfer<PT>, D>,
      NoInfer<S>,
      NoInfer<Report<S, Outcome<Given<P, PT, D>, A, O, E>>>,
      M,
      E2,
      R2,
      R3
    > &
      DecodeOption<D> &
      TolerateOption<T>
  ): (
    self: Pipeline.Pipeline<P, PT, S, O, A, E, R>
  ) => Effect.Effect<
    Report<S, Outcome<Given<P, PT, D>, A, O, E>>,
    E2 | Failure<M, T, E, Report<S, Outcome<Given<P, PT, D>, A, O, E>>>,
    R | R2 | R3
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
    const M extends Mode = "fail-fast",
    const D extends boolean = true,
    const T extends Tolerance | undefined = undefined
  >(
    self: Pipeline.Pipeline<P, PT, S, O, A, E, R>,
    options: Options<Given<P, PT, D>, S, Report<S, Outcome<Given<P, PT, D>, A, O, E>>, M, E2, R2, R3> &
      DecodeOption<D> &
      TolerateOption<T>
  ): Effect.Effect<
    Report<S, Outcome<Given<P, PT, D>, A, O, E>>,
    E2 | Failure<M, T, E, Report<S, Outcome<Given<P, PT, D>, A, O, E>>>,
    R | R2 | R3
  >
} = dual(2, (self: Pipeline.Any, options: AnyOptions): Effect.Effect<AnyReport, unknown, unknown> =>
  Effect.withSpan(
    execute(() => toRunOptions(self, options, undefined), options.onInterrupt),
    "Batch.run",
    { attributes: { "pipeline.name": self.name }, captureStackTrace: false }
  )
)

/**
 * Runs the pipeline once for each parameter set and emits the outcomes as the
 * items end.
 *
 * **Details**
 *
 * A slow consumer slows the batch: at most 16 outcomes wait for it. Every
 * outcome is emitted, also of what was interrupted or never started, before a
 * fail-fast batch fails with `BatchFailed`, whose report has the counts but no
 * outcomes. A consumer that stops early interrupts the batch.
 *
 * **Example** (Taking outcomes as they come)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const wait = Handler.make("wait", {
 *   handleRequest: ({ millis }: { readonly millis: number }) => Effect.as(Effect.sleep(millis), millis)
 * })
 * const waiting = Pipeline.make("waiting", { handlers: { wait }, start: "wait" })
 *
 * const indexes = Batch.stream(waiting, { params: [{ millis: 20 }, { millis: 1 }] }).pipe(
 *   Stream.map((outcome) => outcome.index),
 *   Stream.runCollect
 * )
 *
 * await Effect.runPromise(indexes) // => [1, 0]
 * ```
 *
 * @see {@link run} for the report of all
 * @category running
 * @since 0.1.0
 */
export const stream: {
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
    const M extends Mode = "fail-fast",
    const D extends boolean = true,
    const T extends Tolerance | undefined = undefined
  >(
    // The pipeline alone says what the types are, not the values given here.
    options: StreamOptions<
      Given<NoInfer<P>, NoInfer<PT>, D>,
      NoInfer<S>,
      NoInfer<Report<S, Outcome<Given<P, PT, D>, A, O, E>>>,
      M,
      E2,
      R2,
      R3
    > &
      DecodeOption<D> &
      TolerateOption<T>
  ): (
    self: Pipeline.Pipeline<P, PT, S, O, A, E, R>
  ) => Stream.Stream<
    Outcome<Given<P, PT, D>, A, O, E>,
    E2 | Failure<M, T, E, Report<S, Outcome<Given<P, PT, D>, A, O, E>>>,
    R | R2 | R3
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
    const M extends Mode = "fail-fast",
    const D extends boolean = true,
    const T extends Tolerance | undefined = undefined
  >(
    self: Pipeline.Pipeline<P, PT, S, O, A, E, R>,
    options: StreamOptions<Given<P, PT, D>, S, Report<S, Outcome<Given<P, PT, D>, A, O, E>>, M, E2, R2, R3> &
      DecodeOption<D> &
      TolerateOption<T>
  ): Stream.Stream<
    Outcome<Given<P, PT, D>, A, O, E>,
    E2 | Failure<M, T, E, Report<S, Outcome<Given<P, PT, D>, A, O, E>>>,
    R | R2 | R3
  >
} = dual(2, (self: Pipeline.Any, options: AnyOptions): Stream.Stream<unknown, unknown, unknown> =>
  Stream.callback<unknown, unknown, unknown>(
    (queue) => {
      const publish: RunOptions["publish"] = (outcome) =>
        Queue.offerUnsafe(queue, outcome) ? undefined : Queue.offer(queue, outcome)
      return Effect.andThen(
        execute(() => toRunOptions(self, { ...options, outcomes: "none" }, publish), options.onInterrupt),
        Queue.end(queue)
      )
    },
    // The consumer takes all of the buffer at once, and then it fills again.
    { bufferSize: 8 }
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// What the overloads have checked. `any`: the options are those of some pipeline.
type AnyOptions = Options<any, any, any, Mode, unknown, unknown, unknown> &
  DecodeOption<boolean> &
  TolerateOption<Tolerance | undefined>

const toRunOptions = (self: Pipeline.Any, options: AnyOptions, publish: RunOptions["publish"]): RunOptions => {
  const isolation = Check.oneOf("isolation", options.isolation ?? "none", ["none", "snapshot"])
  const ref = refOf(options.shared)
  return {
    graph: graphOf(self.definition),
    concurrency: Check.concurrency(options.concurrency ?? 16),
    failFast: Check.oneOf("mode", options.mode ?? "fail-fast", ["fail-fast", "collect-all"]) === "fail-fast",
    tolerance: toTolerance(options.tolerate, options.mode ?? "fail-fast"),
    decodeParams: options.decodeParams ?? true,
    maxSteps: Check.positiveInteger("maxSteps", options.maxSteps ?? 1_000_000),
    timeout: options.timeout === undefined ? undefined : Check.duration("timeout", options.timeout),
    drain: options.drain === undefined ? undefined : Check.duration("drain", options.drain),
    keep: Check.oneOf("outcomes", options.outcomes ?? "all", ["all", "failures", "none"]),
    keyOf: options.key ?? stableKey,
    shared: isolation === "none" ? atomic(ref) : snapshot(ref, options.merge as Mergers | undefined),
    publish,
    // Last, so that a bad option is found before the input is opened.
    source: sourceOf(options.params)
  }
}

const sourceOf = (params: Input<unknown, unknown, unknown>): Source.Source => {
  if (Stream.isStream(params)) return fromStream(params)
  if (Source.isIterable(params)) return Source.make(params)
  throw new InvalidOptions({ option: "params", value: params, expected: "an Iterable, an AsyncIterable or a Stream" })
}
