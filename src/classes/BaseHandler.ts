/**
 * What every class handler is and does.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { format } from "effect/Formatter"
import * as Schedule from "effect/Schedule"
import type { HandlerDefinition, Retry } from "../internal/definition.ts"
import { defaultNext, Next, type Skip } from "../internal/definition.ts"
import { type Step, stepOf } from "../internal/graph.ts"
import * as Check from "../internal/options.ts"
import { isPromiseLike } from "../internal/tags.ts"
import { current, hasSpoken, type HandlerParams, none, type ParamSet } from "./context.ts"
import { HandlerError } from "./HandlerError.ts"
import { checkMethods } from "./methods.ts"
import { withSignal } from "./runOptions.ts"
import * as Translate from "./translate.ts"
import { Word } from "./word.ts"

/**
 * The data that all handlers of a run share.
 *
 * @category models
 * @since 0.1.0
 */
export interface SharedData {
  [key: string]: unknown
}

// Declared where the context of an item is, which stands below the classes.
export type { HandlerParams, ParamSet } from "./context.ts"

/**
 * What a handler answers: it picks the next handler.
 *
 * @category models
 * @since 0.1.0
 */
export type ActionResult = string

/**
 * The options of a single run.
 *
 * @category options
 * @since 0.1.0
 */
export interface RunOptions {
  /** Interrupts the run; it rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/**
 * How often and how long the request of a handler is tried.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  readonly maxRetries: number
  readonly retryDelayMs: number | ((attempt: number, error: unknown) => number)
  readonly retryIf: ((error: unknown) => boolean) | undefined
  readonly timeout: HandlerDefinition["timeout"]
  readonly gate: HandlerDefinition["gate"]
}

/**
 * The base of every class handler: the lifecycle `prepareInputs` ->
 * `handleRequest` -> `processResults`, with `handleError` as fallback, and the
 * connections to other handlers.
 *
 * **Details**
 *
 * One instance serves all items of a batch at the same time and keeps its
 * identity: `#private` fields and counters work. `getParams` and `getSignal`
 * answer for the run in which they are called, in every phase and after any
 * `await`.
 *
 * `prepareInputs` and `processResults` are synchronous and atomic; between the
 * `processResults` of one handler and the `prepareInputs` of the next in the same
 * item no other item touches the shared data. Only what `handleRequest` throws
 * reaches `handleError`; a throw in the other two is a bug that nothing hides.
 *
 * **Example** (Connecting handlers)
 *
 * ```ts
 * import { BaseHandler } from "parallel-batch-pipeline"
 *
 * class Step extends BaseHandler<unknown, void> {
 *   protected handleRequest(): void {}
 * }
 *
 * const first = new Step()
 * first.connectTo(new Step(), "again").connectTo(new Step())
 *
 * first.getAvailableActions() // => ["again"]
 * await first.run({}) // => "default"
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export abstract class BaseHandler<TInput, TOutput, TSharedData extends SharedData = SharedData> {
  #params: HandlerParams = none
  /** The last answer: most handlers give the same again and again. */
  #answer: Next = defaultNext
  readonly #successors = new Map<string, BaseHandler<any, any, any>>()
  /** How often the successors were changed. */
  readonly #routes = { changes: 0 }

  /** Sets the handler's own params. Those of a batch and of an item overlay them. */
  setParams(params: ParamSet): void {
    this.#params = params
  }

  /** The params of the run that calls; outside of a run, the handler's own. */
  getParams(): Readonly<HandlerParams> {
    const context = current()
    if (context === undefined) return this.#params
    // Nearly always only the item has any, and then its own object is the answer.
    const around = context.pipelineParams
    return this.#params === none && around === undefined
      ? context.params
      : { ...this.#params, ...around, ...context.params }
  }

  /**
   * Runs `handler` after this one where this one answers `action`. Answers `handler`, for chaining. An action has one
   * handler: connecting it again replaces the one before, also while a batch runs. An action that is connected to nothing
   * ends the run, a misspelt one as well: `getAvailableActions` says what is connected, `action` of an outcome what its
   * item ended with.
   */
  connectTo<H extends BaseHandler<any, any, any>>(handler: H, action: ActionResult = "default"): H {
    if (!(handler instanceof BaseHandler)) {
      throw new TypeError(`connectTo of ${String(this)} needs a handler, got ${format(handler)}`)
    }
    this.#successors.set(action, handler)
    this.#routes.changes++
    return handler
  }

  getNextHandler(action: ActionResult): BaseHandler<any, any, any> | undefined {
    return this.#successors.get(action)
  }

  getSuccessors(): ReadonlyMap<ActionResult, BaseHandler<any, any, any>> {
    return new Map(this.#successors)
  }

  hasSuccessors(): boolean {
    return this.#successors.size > 0
  }

  getAvailableActions(): Array<ActionResult> {
    return Array.from(this.#successors.keys())
  }

  /** The name of the handler: that of its class, unless it was given another. */
  toString(): string {
    return this.constructor.name
  }

  /**
   * Runs this handler, without its successors, and answers its action. Rejects with the very value that was thrown,
   * or with the reason of the signal.
   */
  run(sharedData: TSharedData, options?: RunOptions): Promise<ActionResult> {
    const run = Effect.flatMap(
      Translate.runOnce(() => Translate.stepsOf(this), String(this), sharedData),
      Translate.actionOf
    )
    return withSignal(this, options, (signal) => Translate.toPromise(run, signal, current()?.services))
  }

  /** The run as an Effect: interruptible, on Effect's clock, with what was thrown as a typed error. */
  toEffect(sharedData: TSharedData): Effect.Effect<ActionResult, HandlerError> {
    return Effect.flatMap(
      Translate.runOnce(() => Translate.stepsOf(this), String(this), sharedData),
      (outcome) =>
        Effect.mapError(
          Translate.actionOf(outcome),
          (cause) =>
            new HandlerError({
              handler: outcome._tag === "Failed" && outcome.handler !== undefined ? outcome.handler : String(this),
              cause
            })
        )
    )
  }

  /** Aborted when the running item is interrupted, or its attempt times out. Outside of a run it never aborts. */
  protected getSignal(): AbortSignal {
    return current()?.signal ?? new AbortController().signal
  }

  /**
   * Ends the batch with this item, which succeeds, and without a failure: `return this.stopBatch("enough")` in
   * `processResults`. What else runs is interrupted, what has not started does not; `endedBy` of the report has the reason.
   * Called anywhere in a step, also where it is not answered, it ends its item with that step, unless the step, or the
   * attempt in which it was called, fails. The last word counts, and none once the item has ended.
   */
  protected stopBatch(reason: string): ActionResult {
    return this.say("stopBatch", Word.stop(reason))
  }

  /**
   * Ends this item as `Skipped`, with the reason: neither success nor failure. `return this.skip("unchanged")` in
   * `processResults`; where it is called counts as for `stopBatch`. A run of its own answers the action `"skip"`.
   */
  protected skip(reason: string): ActionResult {
    return this.say("skip", Word.skip(reason))
  }

  protected prepareInputs(_sharedData: Readonly<TSharedData>): TInput {
    // Without an override, the inputs of a handler are its params.
    return this.getParams() as TInput
  }

  protected abstract handleRequest(inputs: TInput): TOutput | Promise<TOutput>

  protected processResults(_sharedData: TSharedData, _inputs: TInput, _outputs: TOutput): ActionResult {
    return "default"
  }

  protected handleError(_inputs: TInput, error: Error): TOutput | Promise<TOutput> {
    throw error
  }

  /**
   * Runs the whole lifecycle of this handler. An override is honoured wherever the handler runs.
   *
   * It begins in the same step in which the handler before it has ended, so that a lifecycle that is called at once finds the
   * shared data as that has left them. What the override, or its promise, waits for behind `super.executeLifecycle` stands
   * between `processResults` of this handler and `prepareInputs` of the next: there, other items may touch the shared data.
   */
  protected executeLifecycle(sharedData: TSharedData): Promise<ActionResult> {
    const step = this.lifecycleStep(new Translate.Graph(undefined, false))
    const run = Effect.flatMap(
      Translate.runOnce(() => step, String(this), sharedData),
      Translate.actionOf
    )
    const context = current()
    return context === undefined ? Translate.toPromise(run, undefined) : Translate.within(run, context)
  }

  /** @internal */
  protected policy(): Policy | undefined {
    return undefined
  }

  /** @internal Calls the request; a batch has something to do around it. */
  protected callRequest(inputs: TInput): TOutput | Promise<TOutput> {
    return this.handleRequest(inputs)
  }

  /** @internal */
  protected callFallback(inputs: TInput, error: Error): TOutput | Promise<TOutput> {
    return this.handleError(inputs, error)
  }

  /** @internal */
  protected callLifecycle(sharedData: TSharedData): Promise<ActionResult> {
    return this.executeLifecycle(sharedData)
  }

  /** @internal */
  get ownParams(): HandlerParams {
    return this.#params
  }

  /** @internal */
  toStep(graph: Translate.Graph): Step {
    checkMethods(this, BaseHandler.prototype)
    return this.executeLifecycle === BaseHandler.prototype.executeLifecycle
      ? this.lifecycleStep(graph)
      : this.makeStep(graph, {
          ...opaque,
          // Where spans or circuits are around the request.
          handleRequest: () => Translate.attempt(() => this.callLifecycle(current()!.shared as TSharedData)),
          promised: {
            handleRequest: () => this.callLifecycle(current()!.shared as TSharedData),
            takesSignal: false,
            catch: identity
          },
          processResults: ({ outputs }) => this.answer("executeLifecycle", outputs)
        })
  }

  /** @internal */
  protected lifecycleStep(graph: Translate.Graph): Step {
    if (typeof this.handleRequest !== "function") throw new TypeError(`${String(this)} needs the method handleRequest`)
    for (const method of ["prepareInputs", "processResults"] as const) {
      if (!Check.isAsync(this[method])) continue
      throw new TypeError(`${method} of ${String(this)} is async, expected a synchronous method: wait in handleRequest`)
    }
    const policy = this.policy()
    const hasFallback = this.handleError !== BaseHandler.prototype.handleError
    return this.makeStep(graph, {
      decoder: undefined,
      prepareInputs: ({ shared }) => this.prepareInputs(shared as TSharedData),
      handleRequest: (inputs) => Translate.attempt(() => this.callRequest(inputs as TInput)),
      promised: {
        handleRequest: (inputs) => this.callRequest(inputs as TInput),
        takesSignal: false,
        catch: identity
      },
      handleError: hasFallback
        ? (inputs, error) => Translate.attempt(() => this.callFallback(inputs as TInput, Translate.toError(error)))
        : undefined,
      processResults: ({ inputs, outputs, shared }) =>
        this.answer("processResults", this.processResults(shared as TSharedData, inputs as TInput, outputs as TOutput)),
      retry:
        policy === undefined || policy.maxRetries === 1
          ? undefined
          : {
              times: policy.maxRetries - 1,
              while: policy.retryIf,
              ...delayOf(policy.retryDelayMs)
            },
      timeout: policy?.timeout,
      gate: policy?.gate
    })
  }

  private makeStep(graph: Translate.Graph, given: HandlerDefinition): Step {
    return stepOf(String(this), graph.entered(given), -1, this.routesIn(graph), given.prepareInputs === undefined)
  }

  /** @internal */
  protected routesIn(graph: Translate.Graph, leaves?: boolean): Step["next"] {
    const isKnown = this.getNextHandler === BaseHandler.prototype.getNextHandler
    return graph.routesOf(this, isKnown ? this.#routes : undefined, leaves)
  }

  private say(method: string, word: Word): ActionResult {
    const context = current()
    if (context === undefined) throw new Error(`${method} of ${this} was called outside of a run`)
    context.say(word)
    return word.action
  }

  private answer(method: string, action: unknown): Next | Skip {
    const ending = hasSpoken ? current()?.heard(action) : undefined
    if (ending !== undefined) return ending
    if (this.#answer.action === action) return this.#answer
    if (typeof action === "string") return (this.#answer = new Next(action, "none", undefined, undefined))
    // Whether it rejects or not, nobody waits for it.
    if (isPromiseLike(action)) Promise.resolve(action).catch(() => {})
    throw new TypeError(`${method} of ${String(this)} answered ${format(action)}, expected an action (a string)`)
  }
}

const identity = (cause: unknown): unknown => cause

const delayOf = (millis: Policy["retryDelayMs"]): Pick<Retry, "schedule" | "delay"> | undefined => {
  if (typeof millis === "function") return { delay: millis }
  return millis > 0 ? { schedule: Schedule.spaced(millis) } : undefined
}

const opaque = {
  decoder: undefined,
  prepareInputs: undefined,
  handleError: undefined,
  retry: undefined,
  timeout: undefined
}
