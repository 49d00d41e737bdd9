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
import type { Item } from "../internal/item.ts"
import type { Mergers } from "../internal/merge.ts"
import * as Check from "../internal/options.ts"
import { checkedKey } from "../internal/outcome.ts"
import type { Run } from "../internal/run.ts"
import type { RunOptions as EngineOptions } from "../internal/runOptions.ts"
import { SnapshotsInto } from "../internal/shared.ts"
import * as Source from "../internal/source.ts"
import { disown } from "../internal/tags.ts"
import { type ActionResult, BaseHandler, type HandlerParams, type ParamSet, type SharedData } from "./BaseHandler.ts"
import { aliases, names } from "./batchNames.ts"
import type { BatchOptions, Report } from "./BatchOptions.ts"
import type { BatchRunOptions } from "./BatchRunOptions.ts"
import { current, ItemContext, none, servicesWithin } from "./context.ts"
import { endsOf } from "./ends.ts"
import { isOfItem } from "./itemErrors.ts"
import { ItemsRefused } from "./ItemsRefused.ts"
import { type Params, readIn } from "./lazyInput.ts"
import { checkMethods } from "./methods.ts"
import { OpenBatch, OpenBatches } from "./openBatch.ts"
import { Teller } from "./outcomes.ts"
import { Pipeline } from "./Pipeline.ts"
import { note, type Redrive, redriveIn, redriveOf } from "./redrive.ts"
import { combine } from "./reports.ts"
import { ofBatches, signalOf, withSignal } from "./runOptions.ts"
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
  readonly #open = new OpenBatches()
  readonly #name: string | undefined
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
    Check.optionalFunction("onOutcome", options.onOutcome)
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
    const hasOwnClass = Object.getPrototypeOf(new.target) !== BatchHandler
    this.#name = Check.optionalName(options.name, new.target.name) ?? (hasOwnClass ? undefined : pipeline.givenName)
  }

  override toString(): string {
    return this.#name ?? super.toString()
  }

  /** The pipeline that is run for each parameter set. */
  getTemplatePipeline(): Pipeline<any> {
    return this.#pipeline
  }

  /** As for every handler; with `redrive` the batch goes on from a report: see `BatchRunOptions`. */
  override run(sharedData: TSharedData, options?: BatchRunOptions): Promise<ActionResult> {
    const start = (signal: AbortSignal | undefined) =>
      Translate.toPromise(this.#start(sharedData, this.#redriveOf(options)), signal, current()?.services)
    return withSignal(this, options, start, ofBatches)
  }

  /**
   * Runs the batch and answers its report in every case: also where an item failed, or the signal was aborted. Rejects
   * only where there was nothing to report on, because the params could not be prepared or its first handler is misbuilt,
   * and where it cannot go on from the report that it was given: see `BatchRunOptions`.
   *
   * Where the signal was aborted before the call, the params are prepared all the same, and those that are at hand are
   * `NotStarted`. Lazy ones are not read, and where they cannot be prepared, or `executeLifecycle` is overridden, nobody
   * knows how many there are: `total` is 0, and `exhausted` is `false`.
   */
  async runReport(sharedData: TSharedData, options?: BatchRunOptions): Promise<Report<TSharedData>> {
    const signal = signalOf(this, options, ofBatches)
    const redrive = this.#redriveOf(options)
    const isLate = signal?.aborted === true
    let context: ItemContext | undefined
    const run = this.#start(sharedData, redrive, (begun, item) => {
      context = begun
      if (isLate) item.abort(undefined)
    })
    try {
      await Translate.toPromise(run, isLate ? undefined : signal, current()?.services)
    } catch (thrown) {
      const runs = context?.hasPrepared(this) === true ? context.runsOf(this) : undefined
      if (runs === undefined && isLate && redrive === undefined) {
        return { ...combine(String(this), sharedData, []), exhausted: false }
      }
      // Whoever saves the answer must not save nothing over the report that he has.
      if (runs === undefined || (redrive !== undefined && runs.length === 0)) {
        throw isLate && thrown === context?.signal.reason ? signal.reason : thrown
      }
      const report = combine(String(this), sharedData, runs)
      // The report has no more than the text of what was thrown where no item threw it, if that.
      if (signal?.aborted !== true && !isOfItem(thrown, runs, report)) {
        Effect.runFork(Effect.logWarning(`${this} could not go on`, thrown))
      }
      return context !== undefined && this.#cut.has(context) ? Object.assign(report, { exhausted: false }) : report
    }
    const runs = context?.runsOf(this) ?? []
    const report = combine(String(this), sharedData, runs)
    return runs.length > 0 ? report : { ...report, endedBy: { _tag: "Completed" } }
  }

  /** The parameter sets of the batch. Needed unless the option `params` is given. */
  protected prepareBatchParams(sharedData: Readonly<TSharedData>): ReadonlyArray<ParamSet> {
    if (this.#options.params === undefined) {
      const ofClass = this.#name === undefined ? "" : ` (${this.constructor.name})`
      throw new Error(`${this}${ofClass} needs the method prepareBatchParams, or the option params`)
    }
    // An iterable that is no array is read lazily; whoever counts the inputs gives an array.
    return this.#options.params(sharedData) as ReadonlyArray<ParamSet>
  }

  protected processBatchResults(_sharedData: TSharedData, _inputs: Array<HandlerParams>, _outputs: void): ActionResult {
    return "default"
  }

  protected override prepareInputs(sharedData: Readonly<TSharedData>): Array<HandlerParams> {
    const context = current()?.lifecycle
    if (context !== undefined) this.#open.begin(context)
    context?.begin(this)
    const params: unknown = this.prepareBatchParams(sharedData)
    if (Source.isIterable(params)) {
      // No report has a place for a misbuilt handler, so it is found before there is one.
      Translate.stepsOf(this.#pipeline)
      context?.note(this, undefined)
      return params as Array<HandlerParams>
    }
    disown(params)
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
    const { signal } = context
    const isLate = signal.aborted
    const teller = this.#tellerIn(context)
    let run: Run | undefined
    const begin = (begun: Run): void => {
      context.note(this, (run = begun))
      teller?.begin(begun)
      if (isLate) begun.endBy({ _tag: "Interruption" })
    }
    const options = (params: Params) => ({
      ...this.#runOptions(context, params, this.#scheduling),
      ...endsOf(this.#options),
      ...teller?.options()
    })
    const params = readIn(paramSets)
    const batch =
      redriveIn(context, this)?.run(params, { signal, options: options([]), begin }) ??
      execute(() => options(params), undefined, begin)
    // A failure of the batch is that of its first item; of the handlers no services are asked.
    const items = Effect.catch(batch, (failed) =>
      Effect.fail(failed instanceof BatchFailed ? Translate.thrownBy(failed.cause) : failed)
    ) as Effect.Effect<unknown, unknown>
    const done = Effect.suspend(() => {
      if (isLate) return Effect.fail(signal.reason)
      const { refusal: reason, refused } = run!.tally
      // Nobody looks at the report of a batch that stops at the first failure, unless it rejects.
      if (reason === undefined || !this.#scheduling.failFast) return Effect.void
      return Effect.fail(new ItemsRefused({ refused, reason, report: this.getReport() }))
    })
    const effect = Effect.andThen(items, done)
    const ended = isLate ? Translate.toPromise(effect, undefined, context.services) : Translate.within(effect, context)
    if (teller !== undefined) context.outlast(ended.catch(() => {}))
    return ended
  }

  /**
   * Runs the pipeline for one parameter set, at once, and answers its action: for an overridden `handleRequest`. The
   * item is in the report; what still runs when `handleRequest` has settled is interrupted. Once an item has answered
   * `stopBatch`, the others reject, and no more start.
   */
  protected executePipelineWithParams(params: ParamSet): Promise<ActionResult> {
    const caller = this.#contextFor("executePipelineWithParams")
    const open = this.#open.of(this, caller, (context, ended) => {
      const opened = new OpenBatch(servicesWithin(context.services), this.#tellerIn(context), (more) => ({
        ...this.#runOptions(caller, [], { concurrency: Number.POSITIVE_INFINITY, failFast: false }),
        ...more,
        ended
      }))
      if (this.#options.onOutcome !== undefined) context.outlast(opened.closed)
      return opened
    })
    if (open === undefined) {
      return Promise.reject(new Error(`executePipelineWithParams of ${this} was called after its run had settled`))
    }
    return open.push(params)
  }

  /** The shared data of the run that calls. */
  protected getCurrentSharedData(): TSharedData {
    return this.#contextFor("getCurrentSharedData").shared as TSharedData
  }

  /**
   * What has become of the batch so far, in the run that calls. While that goes on, the report is of the items that have
   * ended: `total` counts just those, `endedBy` is `Running`, and `exhausted` is `false`.
   */
  protected getReport(): Report<TSharedData> {
    const context = this.#contextFor("getReport")
    return combine(String(this), context.shared as TSharedData, context.runsOf(this), { _tag: "Running" })
  }

  /** @internal */
  override toStep(graph: Translate.Graph): Step {
    checkMethods(this, BatchHandler.prototype)
    return super.toStep(graph)
  }

  /** @internal */
  protected override callRequest(inputs: Array<HandlerParams>): void | Promise<void> {
    const context = this.#contextFor("handleRequest")
    // Nothing is to start any more: that of the base has an outcome for each, and an override may do anything.
    if (context.signal.aborted) return BatchHandler.prototype.handleRequest.call(this, inputs)
    return this.#open
      .closing(context, () => this.handleRequest(inputs))
      .catch((thrown: unknown) => {
        if (context.lifecycle.takenBy(this) < inputs.length) this.#cutShort(context.lifecycle)
        throw thrown
      })
  }

  /** @internal */
  protected override callFallback(inputs: Array<HandlerParams>, error: Error): void | Promise<void> {
    return this.#open.closing(this.#contextFor("handleError"), () => this.handleError(inputs, error))
  }

  /** @internal */
  protected override callLifecycle(sharedData: TSharedData): Promise<ActionResult> {
    const context = this.#contextFor("executeLifecycle")
    if (context.signal.aborted) return Promise.reject(context.signal.reason)
    return this.#open.closing(context, () => this.executeLifecycle(sharedData))
  }

  #redriveOf(options: BatchRunOptions | undefined): Redrive | undefined {
    return redriveOf(this, options, this.handleRequest !== BatchHandler.prototype.handleRequest)
  }

  #start(
    sharedData: TSharedData,
    redrive: Redrive | undefined,
    begun?: (context: ItemContext, item: Item) => void
  ): Effect.Effect<ActionResult, unknown> {
    const steps = () => Translate.stepsOf(this)
    const run = Translate.runOnce(steps, String(this), sharedData, (context, item) => {
      note(context, this, redrive)
      begun?.(context, item)
    })
    return Effect.flatMap(run, Translate.actionOf)
  }

  #tellerIn(context: ItemContext): Teller | undefined {
    const { onOutcome } = this.#options
    return onOutcome === undefined ? undefined : new Teller(onOutcome, context)
  }

  #cutShort(context: ItemContext): void {
    this.#cut.add(context)
    if (context.isPart && context.parent !== undefined) this.#cutShort(context.parent)
  }

  #contextFor(method: string): ItemContext {
    const context = current()
    if (context !== undefined) return context
    throw new Error(`${method} of ${this} was called outside of a run`)
  }

  #runOptions(context: ItemContext, paramSets: Params, scheduling: Scheduling): EngineOptions {
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
