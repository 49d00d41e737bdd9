/**
 * Going on from a report: which items run again, running those, and running one
 * alone. Read these as `Batch.plan`, `Batch.redrive` and `Batch.replay`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import { InvalidOptions } from "./BatchError.ts"
import type {
  DuplicateError,
  Duplicates,
  DuplicatesOption,
  Failure,
  FromOptions,
  Input,
  Mode,
  Tolerance,
  TolerateOption
} from "./BatchOptions.ts"
import { type AnyOptions, toRunOptions } from "./internal/batchOptions.ts"
import { execute } from "./internal/execute.ts"
import { stableKey } from "./internal/key.ts"
import * as Check from "./internal/options.ts"
import { checkShared, entriesOf, hasText } from "./internal/report/entries.ts"
import { keyOf } from "./internal/report/keyOf.ts"
import { preferred } from "./internal/report/match.ts"
import { count, make as makePlan, reasonsOf } from "./internal/report/plan.ts"
import * as internal from "./internal/report/redrive.ts"
import * as Source from "./internal/source.ts"
import { differences, stampOf } from "./internal/stamp.ts"
import type { Outcome } from "./Outcome.ts"
import * as Pipeline from "./Pipeline.ts"
import { isPlan, type Any as AnyPlan, type Plan } from "./Plan.ts"
import type { PlanOptions, RedriveOptions, ReplayOptions } from "./RedriveOptions.ts"
import type { Any as AnyReport, Report } from "./Report.ts"
import { IncompleteReport, PipelineChanged, UnknownKey } from "./ReportError.ts"

/**
 * Plans which items of a report run again, and says why; nothing runs yet.
 *
 * **Details**
 *
 * Only what succeeded is reused; everything else runs again, skipped items included, and of the successes those that
 * `rerun` names, such as items that a `handleError` has answered. With `params`, the items of the
 * report and the parameter sets are matched by key, never by position: what the report does not have is new, what the
 * params do not have any more is dropped.
 *
 * A report of another pipeline, or of another version of it, is refused with `PipelineChanged`, which says what has
 * changed; with `allowChanges: true` the plan says it. A report that does not keep all outcomes, or whose keys the
 * option `key` does not give, or that was taken while the batch was still running, is refused with `IncompleteReport`.
 * Where params under the same key are other ones than they were, the reason says so; the success is reused all the same.
 * Where a key names several items, here or there, they are matched by their params as well, and one whose params the
 * report does not have is new: see the option `key` of `Batch.run`.
 *
 * **Example** (Running just the failed ones again)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const down = new Set(["b"])
 * const fetch = Handler.make("fetch", {
 *   handleRequest: ({ id }: { readonly id: string }) => down.has(id) ? Effect.fail("down") : Effect.succeed(id)
 * })
 * const fetching = Pipeline.make("fetching", { handlers: { fetch }, start: "fetch" })
 *
 * const report = await Effect.runPromise(
 *   Batch.run(fetching, { params: [{ id: "a" }, { id: "b" }, { id: "c" }], mode: "collect-all" })
 * )
 * const plan = await Effect.runPromise(Batch.plan(fetching, report))
 * plan.entries.map(({ _tag }) => _tag) // => ["Reuse", "Run", "Reuse"]
 *
 * down.clear()
 * const merged = await Effect.runPromise(Batch.redrive(plan))
 *
 * merged.succeeded // => 3
 * merged.reused // => 2
 * ```
 *
 * @see {@link redrive} for running it
 * @category running
 * @since 0.1.0
 */
export const plan: {
  <P2, S, O, A extends string, E2 = never, R2 = never>(
    report: Report<S, Outcome<P2, A, O, unknown>>,
    options?: PlanOptions<NoInfer<P2>, E2, R2>
  ): <P, PT, E, R>(
    self: Pipeline.Pipeline<P, PT, S, O, A, E, R>
  ) => Effect.Effect<Plan<P2, S, O, A, E, R>, FromOptions<E2> | PipelineChanged | IncompleteReport, FromOptions<R2>>
  <P, PT, S, O, A extends string, E, R, P2 extends P | PT, E2 = never, R2 = never>(
    self: Pipeline.Pipeline<P, PT, S, O, A, E, R>,
    report: Report<S, Outcome<P2, A, O, unknown>>,
    options?: PlanOptions<NoInfer<P2>, E2, R2>
  ): Effect.Effect<Plan<P2, S, O, A, E, R>, FromOptions<E2> | PipelineChanged | IncompleteReport, FromOptions<R2>>
} = dual(
  (args) => Pipeline.isPipeline(args[0]),
  (
    self: Pipeline.Any,
    report: Report<any, Outcome<any, string, unknown, unknown>>,
    options: PlanOptions<any, unknown, unknown> = {}
  ): Effect.Effect<Plan<any, any, unknown, string, any, any>, unknown, unknown> =>
    Effect.flatMap(
      Effect.suspend(() => {
        Check.spelling("a plan", options, planNames, { keys: "key" })
        Check.optionalFunction("rerun", options.rerun, "a plan")
        return afterKeys(report, options.params)
      }),
      (params): Effect.Effect<Plan<any, any, unknown, string, any, any>, unknown> => {
        const changes = differences(report.pipeline, stampOf(self.definition))
        if (changes.length > 0 && options.allowChanges !== true) {
          return Effect.fail(new PipelineChanged({ pipeline: self.name, changes }))
        }
        const keyOf = options.key ?? stableKey
        return Effect.map(
          complete(() =>
            entriesOf(report, params === undefined ? undefined : { params, keyOf }, {
              reasonOf: reasonsOf(report.outcomes),
              rerun: options.rerun
            })
          ),
          (entries) =>
            makePlan({
              name: self.name,
              entries,
              ...count(entries),
              shared: report.shared,
              changes,
              exhausted: params !== undefined || report.exhausted,
              pipeline: self,
              decodeParams: options.decodeParams ?? true
            })
        )
      }
    )
)

/**
 * Runs what a plan says and answers one report of all items: what was reused is
 * in it as it was, and counted as succeeded and as reused.
 *
 * **Details**
 *
 * Runs as `Batch.run` does, with the same options; `concurrency`, `mode` and so on apply to the items that run. The
 * shared data go on from those of the report, so that what earlier successes have left there stays; what a failed item
 * had written before it failed stays as well, unless the batch ran with `isolation: "snapshot"`. `duration` is that
 * of this run, and `startedAfter` of a reused outcome is that of its own.
 *
 * Redriving a report without failures runs nothing.
 *
 * **Example** (Going on until everything has succeeded)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * let calls = 0
 * const flaky = Handler.make("flaky", {
 *   handleRequest: ({ id }: { readonly id: string }) => ++calls % 2 === 0 ? Effect.fail("busy") : Effect.succeed(id)
 * })
 * const fetching = Pipeline.make("fetching", { handlers: { flaky }, start: "flaky" })
 *
 * let report = await Effect.runPromise(
 *   Batch.run(fetching, { params: [{ id: "a" }, { id: "b" }, { id: "c" }], mode: "collect-all" })
 * )
 * while (report.failed > 0) {
 *   const plan = await Effect.runPromise(Batch.plan(fetching, report))
 *   report = await Effect.runPromise(Batch.redrive(plan, { mode: "collect-all" }))
 * }
 *
 * report.outcomes.map((outcome) => outcome._tag === "Succeeded" && outcome.output) // => ["a", "b", "c"]
 * ```
 *
 * @see {@link plan} for what is run again
 * @category running
 * @since 0.1.0
 */
export const redrive: {
  <
    P,
    S,
    O,
    A extends string,
    E,
    R,
    R3 = never,
    R4 = never,
    const M extends Mode = "fail-fast",
    const T extends Tolerance | undefined = undefined,
    const U extends Duplicates | undefined = "run"
  >(
    // The plan alone says what the types are, not the values given here.
    options?: RedriveOptions<NoInfer<S>, NoInfer<Outcome<P, A, O, E | DuplicateError<U>>>, M, R3, R4> &
      TolerateOption<T> &
      DuplicatesOption<U>
  ): (
    self: Plan<P, S, O, A, E, R>
  ) => Effect.Effect<
    Report<S, Outcome<P, A, O, E | DuplicateError<U>>>,
    Failure<M, T, E | DuplicateError<U>, Report<S, Outcome<P, A, O, E | DuplicateError<U>>>> | IncompleteReport,
    R | FromOptions<R3 | R4>
  >
  <
    P,
    S,
    O,
    A extends string,
    E,
    R,
    R3 = never,
    R4 = never,
    const M extends Mode = "fail-fast",
    const T extends Tolerance | undefined = undefined,
    const U extends Duplicates | undefined = "run"
  >(
    self: Plan<P, S, O, A, E, R>,
    options?: RedriveOptions<S, Outcome<P, A, O, E | DuplicateError<U>>, M, R3, R4> &
      TolerateOption<T> &
      DuplicatesOption<U>
  ): Effect.Effect<
    Report<S, Outcome<P, A, O, E | DuplicateError<U>>>,
    Failure<M, T, E | DuplicateError<U>, Report<S, Outcome<P, A, O, E | DuplicateError<U>>>> | IncompleteReport,
    R | FromOptions<R3 | R4>
  >
} = dual(
  (args) => isPlan(args[0]),
  (self: AnyPlan, options: Partial<AnyOptions> = {}): Effect.Effect<AnyReport, unknown, unknown> => {
    const shared = options.shared === undefined ? self.shared : options.shared
    const { decodeParams, pipeline } = self
    const batch = internal.redrive(
      self,
      () => toRunOptions(pipeline, { ...options, shared, decodeParams, params: [] }, { publish: undefined }),
      options.onInterrupt
    )
    const checked = complete(() => checkShared(shared))
    return Effect.withSpan(Effect.andThen(checked, batch), "Batch.redrive", {
      attributes: { "pipeline.name": self.name },
      captureStackTrace: false
    })
  }
)

/**
 * Runs one item of a report alone, with its recorded params, and answers its
 * outcome: for looking into what went wrong.
 *
 * **Details**
 *
 * The outcome has `timings`. The shared data are a copy of those of the report, unless others are given. The pipeline may
 * be another than that of the report: a replay is often run to see whether a repair is one. Where several items have the
 * key, it is the first that failed which runs, else the first that did not succeed.
 *
 * **Example** (Looking into a failure)
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
 *   Batch.run(halves, { params: [{ n: 2 }, { n: 3 }], mode: "collect-all", key: ({ n }) => `number ${n}` })
 * )
 * const outcome = await Effect.runPromise(Batch.replay(halves, report, "number 3"))
 *
 * outcome._tag // => "Failed"
 * outcome.index // => 1
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const replay: {
  <P2, S, O, A extends string>(
    report: Report<S, Outcome<P2, A, O, unknown>>,
    key: string,
    options?: ReplayOptions<NoInfer<S>>
  ): <P, PT, E, R>(
    self: Pipeline.Pipeline<P, PT, S, O, A, E, R>
  ) => Effect.Effect<Outcome<P2, A, O, E>, UnknownKey | IncompleteReport, R>
  <P, PT, S, O, A extends string, E, R, P2 extends P | PT>(
    self: Pipeline.Pipeline<P, PT, S, O, A, E, R>,
    report: Report<S, Outcome<P2, A, O, unknown>>,
    key: string,
    options?: ReplayOptions<NoInfer<S>>
  ): Effect.Effect<Outcome<P2, A, O, E>, UnknownKey | IncompleteReport, R>
} = dual(
  (args) => Pipeline.isPipeline(args[0]),
  (
    self: Pipeline.Any,
    report: Report<any, Outcome<any, string, unknown, unknown>>,
    key: string,
    options: ReplayOptions<any> = {}
  ): Effect.Effect<Outcome<any, string, unknown, any>, UnknownKey | IncompleteReport, any> =>
    Effect.suspend((): Effect.Effect<any, UnknownKey | IncompleteReport, any> => {
      Check.spelling("a replay", options, replayNames)
      let outcome: Outcome<any, string, unknown, unknown> | undefined
      for (const other of report.outcomes) if (keyOf(other) === key) outcome = preferred(outcome, other)
      if (outcome === undefined) {
        const known = report.outcomes.slice(0, 3).map(keyOf)
        return Effect.fail(new UnknownKey({ key, known, total: report.outcomes.length }))
      }
      const { index, params } = outcome
      if (hasText(params)) {
        const problem = `the params of item ${index} were kept as text`
        const remedy = "give the handlers a params schema before the report is saved"
        return Effect.fail(new IncompleteReport({ problem, remedy }))
      }
      const shared = options.shared === undefined ? report.shared : options.shared
      const { decodeParams, maxSteps } = options
      const batch = execute(() => ({
        ...toRunOptions(
          self,
          { params: [], shared, decodeParams, maxSteps, mode: "collect-all", concurrency: 1, timings: true },
          { publish: undefined }
        ),
        source: Source.make([params]),
        keyOf: () => key,
        firstIndex: index
      }))
      const replayed = Effect.andThen(
        complete(() => checkShared(shared)),
        Effect.map(batch, (one) => one.outcomes[0])
      )
      // A batch of one that collects all fails with nothing, and has the outcome of its item.
      return Effect.withSpan(replayed, "Batch.replay", {
        attributes: { "pipeline.name": self.name },
        captureStackTrace: false
      }) as Effect.Effect<any, IncompleteReport, any>
    })
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const planNames = { params: true, key: true, rerun: true, allowChanges: true, decodeParams: true } as const
const replayNames = { shared: true, decodeParams: true, maxSteps: true } as const

/** As `all`, once the report knows its keys: they are made of params that the caller may change meanwhile. */
const afterKeys = (report: AnyReport, input: Input<unknown, unknown, unknown> | undefined) =>
  Effect.suspend(() => {
    report.outcomes.forEach(keyOf)
    return all(input)
  })

/** All of an input, or `undefined` where there is none. */
const all = (
  input: Input<unknown, unknown, unknown> | undefined
): Effect.Effect<ReadonlyArray<unknown> | undefined, unknown, unknown> => {
  if (input === undefined) return Effect.undefined
  if (Stream.isStream(input)) return Stream.runCollect(input)
  if (!Source.isIterable(input)) {
    const expected = "an Iterable, an AsyncIterable or a Stream"
    return Effect.die(new InvalidOptions({ option: "params", value: input, expected }))
  }
  if (Symbol.asyncIterator in input)
    return Stream.runCollect(Stream.fromAsyncIterable(input, (cause) => cause)).pipe(
      // As in a batch: what an iterator throws is a bug of the input.
      Effect.orDie
    )
  return Effect.sync(() => Array.from(input))
}

const complete = <A>(f: () => A): Effect.Effect<A, IncompleteReport> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(f())
    } catch (thrown) {
      if (thrown instanceof IncompleteReport) return Effect.fail(thrown)
      throw thrown
    }
  })
