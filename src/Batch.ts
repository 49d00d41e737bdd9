/**
 * Many parameter sets through one pipeline, at the same time.
 *
 * Every parameter set ends as exactly one `Outcome`, whatever fails; the `Report`
 * has all of them in input order. The state of a batch lives in its run, time
 * comes from `Clock`, errors and services flow through the types.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
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
  StreamOptions,
  Tolerance,
  TolerateOption
} from "./BatchOptions.ts"
import { type AnyOptions, isDataFirst, toRunOptions } from "./internal/batchOptions.ts"
import { execute } from "./internal/execute.ts"
import type { RunOptions } from "./internal/runOptions.ts"
import type * as Pipeline from "./Pipeline.ts"
import type { Any as AnyReport, Report } from "./Report.ts"

export { type BatchEvent, fork, type Handle, type Progress } from "./BatchHandle.ts"
export type {
  Budget,
  Canary,
  DecodeOption,
  Duplicates,
  DuplicatesOption,
  Input,
  Mode,
  Options,
  StreamOptions,
  Tolerance,
  TolerateOption
} from "./BatchOptions.ts"

export { plan, redrive, replay } from "./Redrive.ts"
export type { PlanOptions, RedriveOptions, ReplayOptions } from "./RedriveOptions.ts"

/**
 * Runs the pipeline once for each parameter set and answers the report.
 *
 * **Details**
 *
 * With `mode: "fail-fast"` the first failure, or thrown bug, interrupts every
 * item in flight, waits for their finalizers, starts no more, and fails with
 * `BatchFailed`, which carries the report. With `mode: "collect-all"` every item
 * runs, a thrown bug is the failure of its item, and only a failing input, or more
 * failures than `tolerate` allows, fails the batch. `timeout`, `budget`, `canary`
 * and `Handler.stop` end it without a failure. Whenever the batch ends before its input does, the
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
    Report<S, OutcomeOf<P, PT, D, A, O, E, U>>,
    FromOptions<E2> | Failure<M, T, E | DuplicateError<U>, Report<S, OutcomeOf<P, PT, D, A, O, E, U>>>,
    R | FromOptions<R2 | R3 | R4>
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
    Report<S, OutcomeOf<P, PT, D, A, O, E, U>>,
    FromOptions<E2> | Failure<M, T, E | DuplicateError<U>, Report<S, OutcomeOf<P, PT, D, A, O, E, U>>>,
    R | FromOptions<R2 | R3 | R4>
  >
} = dual(isDataFirst, (self: Pipeline.Any, options: AnyOptions): Effect.Effect<AnyReport, unknown, unknown> =>
  spanned(
    self,
    execute(() => toRunOptions(self, options, { publish: undefined }), options?.onInterrupt)
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
    R4 = never,
    const M extends Mode = "fail-fast",
    const D extends boolean = true,
    const T extends Tolerance | undefined = undefined,
    const U extends Duplicates | undefined = "run"
  >(
    // The pipeline alone says what the types are, not the values given here.
    options: StreamOptions<
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
  ) => Stream.Stream<
    OutcomeOf<P, PT, D, A, O, E, U>,
    FromOptions<E2> | Failure<M, T, E | DuplicateError<U>, Report<S, OutcomeOf<P, PT, D, A, O, E, U>>>,
    R | FromOptions<R2 | R3 | R4>
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
    options: StreamOptions<Given<P, PT, D>, S, OutcomeOf<P, PT, D, A, O, E, U>, M, E2, R2, R3, R4> &
      DecodeOption<D> &
      TolerateOption<T> &
      DuplicatesOption<U>
  ): Stream.Stream<
    OutcomeOf<P, PT, D, A, O, E, U>,
    FromOptions<E2> | Failure<M, T, E | DuplicateError<U>, Report<S, OutcomeOf<P, PT, D, A, O, E, U>>>,
    R | FromOptions<R2 | R3 | R4>
  >
} = dual(isDataFirst, (self: Pipeline.Any, options: AnyOptions): Stream.Stream<unknown, unknown, unknown> =>
  Stream.callback<unknown, unknown, unknown>(
    (queue) => {
      const publish: RunOptions["publish"] = (outcome) =>
        Queue.offerUnsafe(queue, outcome) ? undefined : Queue.offer(queue, outcome)
      const batch = execute(
        () => toRunOptions(self, { ...options, outcomes: "none" }, { publish }),
        options?.onInterrupt
      )
      return Effect.andThen(spanned(self, batch), Queue.end(queue))
    },
    // The consumer takes all of the buffer at once, and then it fills again.
    { bufferSize: 8 }
  )
)

const spanned = <A, E, R>(self: Pipeline.Any | undefined, batch: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withSpan(batch, "Batch.run", { attributes: { "pipeline.name": self?.name }, captureStackTrace: false })
