/**
 * What both batch classes are: a handler whose request runs a pipeline once for
 * each parameter set.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { format } from "effect/Formatter"
import { BatchFailed } from "../BatchError.ts"
import { execute } from "../internal/execute.ts"
import { gateOf, type Policy } from "../internal/gate/policy.ts"
import type { Step } from "../internal/graph.ts"
import type { Mergers } from "../internal/merge.ts"
import * as Check from "../internal/options.ts"
import { checkedKey } from "../internal/outcome.ts"
import type { Run, RunOptions as EngineOptions } from "../internal/run.ts"
import { SnapshotsInto } from "../internal/shared.ts"
import * as Source from "../internal/source.ts"
import type { Names } from "../internal/spelling.ts"
import { type ActionResult, BaseHandler, type HandlerParams, type RunOptions, type SharedData } from "./BaseHandler.ts"
import type { BatchOptions, Report } from "./BatchOptions.ts"
import { current, ItemContext, none, servicesWithin } from "./context.ts"
import { endsOf } from "./ends.ts"
import { isOfItem } from "./itemErrors.ts"
import { ItemsRefused } from "./ItemsRefused.ts"
import { readIn } from "./lazyInput.ts"
import { checkMethods } from "./methods.ts"
import { OpenBatch } from "./openBatch.ts"
import { Pipeline } from "./Pipeline.ts"
import { combine } from "./reports.ts"
import { signalOf } from "./runOptions.ts"
import * as Translate from "./translate.ts"

interface Scheduling {
  readonly concurrency: number
  readonly failFast: boolean
  readonly tolerance?: (() => EngineOptions["tolerance"]) | undefined
}

/**
 * The base of `BatchPipeline` and `ParallelBatchPipeline`: a handler whose
 * request runs a pipeline for each parameter set.
 *
 * **Details**
 *
 * Its lifecycle is `prepareBatchParams`, the batch, `processBatchResults`, whose
 * action is that of the batch; a batch can stand in a pipeline like any handler.
 *
 * **Example** (Looking at what has become of the items)
 *
 * ```ts
 * import { BatchPipeline, Handler, Pipeline } from "parallel-batch-pipeline"
 *
 * class Half extends Handler<{ n: number }, number> {
 *   protected handleRequest(inputs: { n: number }): number {
 *     if (inputs.n % 2 !== 0) throw new Error("odd")
 *     return inputs.n / 2
 *   }
 * }
 *
 * const halves = new BatchPipeline(new Pipeline(new Half()), { params: () => [{ n: 2 }, { n: 3 }, { n: 4 }] })
 * const report = await halves.runReport({})
 *
 * report.outcomes.map((outcome) => outcome._tag) // => ["Succeeded", "Failed", "NotStarted"]
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export abstract class BatchHandler<TSharedData extends SharedData = SharedData> extends BaseHandler<
  Array<HandlerParams>,
  void,
  TSharedData
> {
  readonly #pipeline: Pipeline<any>
  readonly #options: BatchOptions<TSharedData>
  readonly #scheduling: Scheduling
  readonly #gate: Policy | undefined
  /** The batches to which an overridden `handleRequest` adds, by the context of the lifecycle: a `handleError` adds to them too. */
  readonly #open = new WeakMap<ItemContext, Array<OpenBatch> | "settled">()

  /** Where a request has failed before it had begun all of its items. */
  readonly #cut = new WeakSet<ItemContext>()

  constructor(pipeline: Pipeline<any>, options: BatchOptions<TSharedData>, scheduling: Scheduling) {
    super()
    if (!(pipeline instanceof Pipeline)) {
      throw new TypeError(`${new.target.name} needs a Pipeline, got ${format(pipeline)}`)
    }
    Check.object("options", options, "an object", new.target.name)
    Check.spelling(new.target.name, options, names, aliases)
    Check.optionalFunction("params", options.params)
    Check.optionalFunction("key", options.key)
    Check.positiveInteger("maxSteps", options.maxSteps ?? 1_000_000)
    Check.oneOf("isolation", options.isolation ?? "none", ["none", "snapshot"])
    Check.positiveInteger("parked", options.parked ?? 1)
    Check.oneOf("outcomes", options.outcomes ?? "all", ["all", "failures", "none"])
    Check.flag("timings", options.timings, false)
    // Checked here, and made for each run: what counts towards them belongs to one run.
    endsOf(options)
    this.#pipeline = pipeline
    this.#options = options
    this.#scheduling = scheduling
    this.#gate = gateOf(new.target.name, options)
  }

  /** The pipeline that is run for each parameter set. */
  getTemplatePipeline(): Pipeline<any> {
    return this.#pipeline
  }

  /**
   * Runs the batch and answers its report in every case: also where an item failed, or the signal was aborted. Rejects
   * only where there was nothing to report on, because the params could not be prepared or its first handler is misbuilt.
   */
  async runReport(sharedData: TSharedData, options?: RunOptions): Promise<Report<TSharedData>> {
    const signal = signalOf(this, options)
    let context: ItemContext | undefined
    const run = Effect.suspend(() =>
      Translate.runOnce(Translate.stepsOf(this), String(this), sharedData, (begun) => (context = begun))
    )
    try {
      await Translate.toPromise(Effect.flatMap(run, Translate.actionOf), signal, current()?.services)
    } catch (thrown) {
      if (signal?.aborted === true && context === undefined) return combine(String(this), sharedData, [])
      if (context === undefined || !context.hasPrepared(this)) throw thrown
      const runs = context.runsOf(this)
      const report = combine(String(this), sharedData, runs)
      // The report has no more than the text of what was thrown where no item threw it, if that.
      if (signal?.aborted !== true && !isOfItem(thrown, runs, report)) {
        Effect.runFork(Effect.logWarning(`${this} could not go on`, thrown))
      }
      return this.#cut.has(context) ? Object.assign(report, { exhausted: false }) : report
    }
    const runs = context?.runsOf(this) ?? []
    const report = combine(String(this), sharedData, runs)
    return runs.length > 0 ? report : { ...report, endedBy: { _tag: "Completed" } }
  }

  /** The parameter sets of the batch. Needed unless the option `params` is given. */
  protected prepareBatchParams(sharedData: Readonly<TSharedData>): Array<HandlerParams> {
    if (this.#options.params === undefined) {
      throw new Error(`${this} needs the method prepareBatchParams, or the option params`)
    }
    // An iterable that is no array is read lazily; whoever counts the inputs gives an array.
    return this.#options.params(sharedData) as Array<HandlerParams>
  }

  protected processBatchResults(_sharedData: TSharedData, _inputs: Array<HandlerParams>, _outputs: void): ActionResult {
    return "default"
  }

  protected override prepareInputs(sharedData: Readonly<TSharedData>): Array<HandlerParams> {
    const context = current()?.lifecycle
    if (context !== undefined) this.#open.set(context, [])
    context?.begin(this)
    const params: unknown = this.prepareBatchParams(sharedData)
    if (Source.isIterable(params)) {
      // No report has a place for a misbuilt handler, so it is found before there is one.
      Translate.stepsOf(this.#pipeline)
      context?.note(this, undefined)
      return params as Array<HandlerParams>
    }
    throw new TypeError(`prepareBatchParams of ${this} answered ${format(params)}, expected parameter sets (an array)`)
  }

  protected override processResults(
    sharedData: TSharedData,
    inputs: Array<HandlerParams>,
    outputs: void
  ): ActionResult {
    return this.processBatchResults(sharedData, inputs, outputs)
  }

  /**
   * Runs the pipeline for each parameter set. An override replaces the scheduling: see `executePipelineWithParams`. Where it
   * runs items otherwise while this still reads a lazy input, these may have the same indexes.
   */
  protected handleRequest(paramSets: Array<HandlerParams>): void | Promise<void> {
    const context = this.#contextFor("handleRequest")
    let run: Run | undefined
    const batch = execute(
      () => ({
        ...this.#runOptions(context, readIn(paramSets), this.#scheduling),
        ...endsOf(this.#options)
      }),
      undefined,
      (begun) => context.note(this, (run = begun))
    )
    // A failure of the batch is that of its first item; of the handlers no services are asked.
    const items = Effect.catch(batch, (failed) =>
      Effect.fail(failed instanceof BatchFailed ? Translate.thrownBy(failed.cause) : failed)
    ) as Effect.Effect<unknown, unknown>
    const done = Effect.suspend(() => {
      const { refusal: reason, refused } = run!.tally
      // Nobody looks at the report of a batch that stops at the first failure, unless it rejects.
      if (reason === undefined || !this.#scheduling.failFast) return Effect.void
      return Effect.fail(new ItemsRefused({ refused, reason, report: this.getReport() }))
    })
    return Translate.within(Effect.andThen(items, done), context)
  }

  /**
   * Runs the pipeline for one parameter set, at once, and answers its action: for an overridden `handleRequest`. The
   * item is in the report; what still runs when `handleRequest` has settled is interrupted. Once an item has answered
   * `stopBatch`, the others reject, and no more start.
   */
  protected executePipelineWithParams(params: HandlerParams): Promise<ActionResult> {
    const caller = this.#contextFor("executePipelineWithParams")
    const context = this.#lifecycleOf(caller)
    const opened = context.signal.aborted ? "settled" : (this.#open.get(context) ?? [])
    if (opened === "settled") {
      return Promise.reject(new Error(`executePipelineWithParams of ${this} was called after its run had settled`))
    }
    let open = opened.at(-1)
    // The indexes of a batch have no gaps, so that what has begun since then takes those behind it.
    if (open === undefined || !context.isLast(this, open.run)) {
      if (open === undefined) {
        this.#open.set(context, opened)
        // A run that was aborted while this waits for its items would wait for ever.
        context.signal.addEventListener("abort", () => this.#close(context), { once: true })
        // Where no call of this handler is around that closes it, or that has failed before: nothing outlives its item.
        context.endAfter(() => this.#close(context))
      }
      open = new OpenBatch(servicesWithin(context.services), (source, publish) => ({
        ...this.#runOptions(caller, [], { concurrency: Number.POSITIVE_INFINITY, failFast: false }),
        source,
        publish,
        ended: ({ endedBy }) => opened.forEach((other) => other.run.endBy(endedBy))
      }))
      const stopped = opened.find(({ run }) => run.stopped)
      if (stopped !== undefined) open.run.endBy(stopped.run.endedBy)
      opened.push(open)
      context.note(this, open.run)
    }
    return open.push(params)
  }

  /** The shared data of the run that calls. */
  protected getCurrentSharedData(): TSharedData {
    return this.#contextFor("getCurrentSharedData").shared as TSharedData
  }

  /** What has become of the batch so far, in the run that calls. */
  protected getReport(): Report<TSharedData> {
    const context = this.#contextFor("getReport")
    return combine(String(this), context.shared as TSharedData, context.runsOf(this))
  }

  /** @internal */
  override toStep(graph: Translate.Graph): Step {
    checkMethods(this, BatchHandler.prototype)
    return super.toStep(graph)
  }

  /** @internal */
  protected override callRequest(inputs: Array<HandlerParams>): void | Promise<void> {
    const context = this.#contextFor("handleRequest").lifecycle
    return this.#closing(() => this.handleRequest(inputs)).catch((thrown: unknown) => {
      if (context.takenBy(this) < inputs.length) {
        for (let at: ItemContext | undefined = context; at !== undefined; at = at.isPart ? at.parent : undefined) {
          this.#cut.add(at)
        }
      }
      throw thrown
    })
  }

  /** @internal */
  protected override callFallback(inputs: Array<HandlerParams>, error: Error): void | Promise<void> {
    return this.#closing(() => this.handleError(inputs, error))
  }

  /** @internal */
  protected override callLifecycle(sharedData: TSharedData): Promise<ActionResult> {
    return this.#closing(() => this.executeLifecycle(sharedData))
  }

  /** Interrupts what still runs of the batch that the call has opened, once the call has settled. */
  #closing<A>(call: () => A | Promise<A>): Promise<A> {
    const context = this.#contextFor("handleRequest").lifecycle
    if (!Array.isArray(this.#open.get(context))) this.#open.set(context, [])
    return new Promise<A>((resolve) => resolve(call())).finally(() => this.#close(context))
  }

  async #close(context: ItemContext): Promise<void> {
    const opened = this.#open.get(context) ?? "settled"
    this.#open.set(context, "settled")
    if (opened !== "settled") await Promise.all(opened.map((open) => open.close()))
  }

  /** The lifecycle of this handler, where the context is of an attempt of that. */
  #lifecycleOf(context: ItemContext): ItemContext {
    const { lifecycle } = context
    return this.#open.has(lifecycle) ? lifecycle : context
  }

  #contextFor(method: string): ItemContext {
    const context = current()
    if (context !== undefined) return context
    throw new Error(`${method} of ${this} was called outside of a run`)
  }

  #runOptions(context: ItemContext, paramSets: Iterable<unknown>, scheduling: Scheduling): EngineOptions {
    const { isolation, key, maxSteps, merge, outcomes, parked, timings } = this.#options
    const outer = context.paramsWithin
    const around = outer === none && this.ownParams === none ? none : { ...outer, ...this.ownParams }
    const start = Translate.stepsOf(this.#pipeline)
    const shared = context.shared
    const base = Translate.runOptions(start, String(this), shared, paramSets, (item) => {
      const params = item.params as HandlerParams
      return new ItemContext(
        context,
        around === none ? params : { ...around, ...params },
        item,
        context.services,
        false
      )
    })
    return {
      ...base,
      concurrency: scheduling.concurrency,
      parked,
      gate: this.#gate,
      failFast: scheduling.failFast,
      tolerance: scheduling.tolerance?.(),
      shared:
        isolation === "snapshot" ? new SnapshotsInto(shared as SharedData, merge as Mergers | undefined) : base.shared,
      maxSteps: maxSteps ?? base.maxSteps,
      keep: outcomes ?? "all",
      timings: timings === true,
      firstIndex: context.itemsOf(this),
      keyOf: key === undefined ? base.keyOf : checkedKey((params) => key(params as HandlerParams))
    }
  }
}

const names: Names<BatchOptions> = {
  params: true,
  maxSteps: true,
  isolation: true,
  merge: true,
  gate: true,
  rate: true,
  parked: true,
  key: true,
  outcomes: true,
  timings: true,
  timeoutMs: true,
  budget: true,
  cost: true,
  drainMs: true,
  duplicates: true,
  canary: true,
  onProgress: true
}

const ofHandlers = "it is an option of each handler"

/** As the modules call them, and what stands elsewhere. */
const aliases = {
  drain: "drainMs",
  keys: "key",
  retry: ofHandlers,
  retries: ofHandlers,
  maxRetries: ofHandlers,
  retryDelayMs: ofHandlers,
  retryIf: ofHandlers,
  signal: "give it to run or runReport, as { signal }",
  onInterrupt: "runReport answers the report in every case"
}
