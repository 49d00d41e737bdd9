/**
 * A graph of connected handlers, as a class.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { format } from "effect/Formatter"
import type { Step } from "../internal/graph.ts"
import * as Check from "../internal/options.ts"
import type { Names } from "../internal/spelling.ts"
import { type ActionResult, BaseHandler, type HandlerParams, type SharedData } from "./BaseHandler.ts"
import { current, none } from "./context.ts"
import { checkMethods } from "./methods.ts"
import * as Translate from "./translate.ts"

/**
 * The options of a `Pipeline`.
 *
 * @category options
 * @since 0.1.0
 */
export interface PipelineOptions {
  /** The name in reports and errors. Defaults to the name of the class. */
  readonly name?: string | undefined
}

/**
 * Runs a handler and whatever its actions lead to.
 *
 * **Details**
 *
 * An action without a successor ends the run and is the answer. A graph may loop;
 * it needs no stack. A pipeline is a handler: it can stand in another pipeline,
 * whose successors are then found by the action that ended the inner one.
 *
 * **Example** (Connecting two handlers)
 *
 * ```ts
 * import { Handler, Pipeline } from "parallel-batch-pipeline"
 *
 * class Say extends Handler<unknown, string> {
 *   protected handleRequest(): string {
 *     return this.toString()
 *   }
 *
 *   protected processResults(sharedData: { [key: string]: unknown }, _inputs: unknown, outputs: string): string {
 *     sharedData.said = `${sharedData.said ?? ""}${outputs}`
 *     return "said"
 *   }
 * }
 *
 * const first = new Say({ name: "a" })
 * first.connectTo(new Say({ name: "b" }), "said")
 * const shared: { [key: string]: unknown } = {}
 *
 * await new Pipeline(first).run(shared) // => "said"
 * shared.said // => "ab"
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class Pipeline<TSharedData extends SharedData = SharedData> extends BaseHandler<
  HandlerParams,
  ActionResult,
  TSharedData
> {
  readonly #start: BaseHandler<any, any, any>
  readonly #name: string | undefined

  constructor(startHandler: BaseHandler<any, any, any>, options: PipelineOptions = {}) {
    super()
    if (!(startHandler instanceof BaseHandler)) {
      throw new TypeError(`A Pipeline needs a start handler, got ${format(startHandler)}`)
    }
    Check.object("options", options, 'an object such as { name: "crawl" }', new.target.name)
    Check.spelling(new.target.name, options, names)
    this.#start = startHandler
    this.#name = Check.optionalName(options.name, new.target.name)
  }

  override toString(): string {
    return this.#name ?? super.toString()
  }

  /** @internal The name that it was given. */
  get givenName(): string | undefined {
    return this.#name
  }

  getStartHandler(): BaseHandler<any, any, any> {
    return this.#start
  }

  protected handleRequest(_inputs: HandlerParams): Promise<ActionResult> {
    const context = current()
    if (context === undefined) throw new Error(`handleRequest of ${this} was called outside of a run`)
    const graph = new Translate.Graph(this.ownParams === none ? undefined : this.ownParams, true)
    const run = Effect.flatMap(
      Translate.runOnce(() => graph.stepOf(this.#start), String(this), context.shared),
      Translate.actionOf
    )
    return Translate.within(run, context)
  }

  protected override processResults(
    _sharedData: TSharedData,
    _inputs: HandlerParams,
    outputs: ActionResult
  ): ActionResult {
    return outputs
  }

  /** @internal A pipeline that overrides nothing is its steps: they stand in the graph around as if they had no pipeline. */
  override toStep(graph: Translate.Graph): Step {
    checkMethods(this, Pipeline.prototype)
    if (this.overridesLifecycle()) return super.toStep(graph)
    const params = this.ownParams === none ? graph.params : { ...graph.params, ...this.ownParams }
    const goesOn = () => this.getNextHandler !== BaseHandler.prototype.getNextHandler || super.hasSuccessors()
    // A round of a loop through this pipeline, which needs no place to come back to.
    const known = goesOn() ? undefined : Translate.Graph.enclosing(graph, this)
    const around = { pipeline: this, graph, next: this.routesIn(graph, false), goesOn }
    const inner = known ?? new Translate.Graph(params, true, around)
    return inner.stepOf(this.#start)
  }

  private overridesLifecycle(): boolean {
    const base = Pipeline.prototype
    return (
      this.prepareInputs !== base.prepareInputs ||
      this.handleRequest !== base.handleRequest ||
      this.processResults !== base.processResults ||
      this.handleError !== base.handleError ||
      this.executeLifecycle !== base.executeLifecycle
    )
  }
}

// internal

const names: Names<PipelineOptions> = { name: true }
