/**
 * From instances of the classes to the engine: how a graph of connected handlers
 * becomes steps, and how a run of them is driven.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { thrownText } from "../errors/text.ts"
import type { AnyEffect, HandlerDefinition } from "../internal/definition.ts"
import { execute } from "../internal/execute.ts"
import { heldIn } from "../internal/gate/pass.ts"
import type { Step } from "../internal/graph.ts"
import type { Item } from "../internal/item.ts"
import { stableKey } from "../internal/key.ts"
import type { AnyOutcome } from "../internal/outcome.ts"
import type { RunOptions } from "../internal/runOptions.ts"
import { Atomic } from "../internal/shared.ts"
import * as Source from "../internal/source.ts"
import { isPromiseLike } from "../internal/tags.ts"
import type { Stamp } from "../Stamp.ts"
import { current, entrance, type HandlerParams, ItemContext, none, runIn, servicesWithin } from "./context.ts"

/** A handler as the translation sees it. */
export interface Node {
  readonly getNextHandler: (action: string) => Node | undefined
  /** @internal */
  readonly toStep: (graph: Graph) => Step
}

/** A pipeline as what is in it sees it. */
interface Around {
  readonly pipeline: object
  /** The graph in which the pipeline stands. */
  readonly graph: Graph
  /** Where an action of the pipeline leads, in that graph. */
  readonly next: Step["next"]
  /** Whether it has successors, or may have. */
  readonly goesOn: () => boolean
}

/** Connected handlers as steps; each is made when it is first reached. */
export class Graph {
  /** The params of the pipelines around. */
  readonly params: HandlerParams | undefined
  readonly #steps = new Map<Node, Step>()
  readonly #around: Around | undefined
  readonly #follow: boolean
  /** Of items, within the pipeline. */
  readonly #contexts = new WeakMap<ItemContext, ItemContext>()

  /** `follow`: whether successors count at all. */
  constructor(params: HandlerParams | undefined, follow: boolean, around?: Around | undefined) {
    this.params = params
    this.#follow = follow
    this.#around = around
  }

  stepOf(node: Node): Step {
    let step = this.#steps.get(node)
    if (step === undefined) {
      step = node.toStep(this)
      this.#steps.set(node, step)
    }
    return step
  }

  /**
   * The step behind each action of a handler. Where its routes change only with `routes`, the last one is remembered: two
   * look-ups in each step were a tenth of the time of a batch of synchronous items.
   */
  routesOf(node: Node, routes: { readonly changes: number } | undefined, leaves = true): Step["next"] {
    if (routes === undefined)
      return (action) => this.#successorOf(node, action) ?? (leaves ? this.#leave(action) : undefined)
    let changes = -1
    let last = ""
    let successor: Step | undefined
    return (action) => {
      if (last !== action || changes !== routes.changes) {
        successor = this.#successorOf(node, action)
        last = action
        changes = routes.changes
      }
      return successor ?? (leaves ? this.#leave(action) : undefined)
    }
  }

  /** Where an action without a successor leads. A loop: a pipeline that contains itself may be in itself many times. */
  #leave(action: string): Step | undefined {
    for (let around = this.#around; around !== undefined; around = around.graph.#around) {
      const step = around.next(action)
      if (step !== undefined) return step
    }
    return undefined
  }

  /** The graph of a pipeline without successors, where another one is in it, and leads nowhere else than that does. */
  static enclosing(inner: Graph, pipeline: object): Graph | undefined {
    let graph = inner
    for (let around = graph.#around; around !== undefined; around = graph.#around) {
      if (around.pipeline === pipeline && graph.params === inner.params) return graph
      if (around.goesOn()) return undefined
      graph = around.graph
    }
    return undefined
  }

  /** Calls a function in the item's context in here, where what it leaves behind finds the params of the pipeline too. */
  within<A>(f: () => A): A {
    const context = current()
    if (this.params === undefined || context === undefined || context.pipelineParams === this.params) return f()
    const { lifecycle } = context
    let inner = this.#contexts.get(lifecycle)
    if (inner === undefined) this.#contexts.set(lifecycle, (inner = lifecycle.attempt(this.params)))
    return runIn(inner, f)
  }

  /** The functions of a step, called so. Without params there is nothing to enter, and it costs nothing. */
  entered(handler: HandlerDefinition): HandlerDefinition {
    if (this.params === undefined) return handler
    const { handleError, handleRequest, prepareInputs, processResults, promised, retry } = handler
    const { delay, while: isWorth } = retry ?? {}
    return {
      ...handler,
      prepareInputs: prepareInputs && ((context) => this.within(() => prepareInputs(context))),
      handleRequest: (inputs) => this.within(() => handleRequest(inputs)),
      promised: promised && {
        ...promised,
        handleRequest: (inputs) => this.within(() => promised.handleRequest(inputs))
      },
      handleError: handleError && ((inputs, error) => this.within(() => handleError(inputs, error))),
      processResults: processResults && ((context) => this.within(() => processResults(context))),
      retry: retry && {
        ...retry,
        while: isWorth && ((error) => this.within(() => isWorth(error))),
        delay: delay && ((attempt, error) => this.within(() => delay(attempt, error)))
      }
    }
  }

  #successorOf(node: Node, action: string): Step | undefined {
    const target = this.#follow ? node.getNextHandler(action) : undefined
    return target === undefined ? undefined : this.stepOf(target)
  }
}

/** The steps of a run that begins with this handler: a handler runs alone, a pipeline with what is in it. */
export const stepsOf = (node: Node): Step => new Graph(undefined, false).stepOf(node)

const kept: Array<unknown> = [entrance()]

/** Keeps the hidden classes of these for as long as the module is; see `internal/shapes.ts`. */
export const keep = (...parts: ReadonlyArray<unknown>): void => {
  kept.push(...parts)
}

/** What all runs of the classes have in common; a run of its own is a batch of one. */
export const runOptions = (
  start: Step,
  name: string,
  shared: unknown,
  params: Iterable<unknown> | AsyncIterable<unknown>,
  contextOf: (item: Item) => ItemContext
): RunOptions => {
  const enterItem = entrance()
  return {
    // The classes connect handlers at any time, so there is no more to say of a pipeline than its name.
    graph: { name, start, decoders: [], gated: true, stamp: () => nameOnly(name) },
    source: Source.make(params),
    // The caller's own object: handlers change it in place.
    shared: new Atomic({ current: shared }),
    concurrency: 1,
    parked: 1,
    failFast: false,
    decodeParams: false,
    maxSteps: 1_000_000,
    keep: "all",
    keyOf: stableKey,
    within: (item, f) => enterItem((item.local ??= contextOf(item)) as ItemContext, f),
    publish: undefined
  }
}

export const nameOnly = (name: string): Stamp => ({ name, version: undefined, start: "", steps: [], routes: {} })

/**
 * Runs the steps that `startOf` answers once, and answers the outcome. `begun` gets the context of the run, before it
 * begins.
 */
export const runOnce = (
  startOf: () => Step,
  name: string,
  shared: unknown,
  begun: (context: ItemContext, item: Item) => void = () => {}
): Effect.Effect<AnyOutcome> =>
  Effect.contextWith((services: Context.Context<never>) => {
    const parent = current()
    const params = parent?.paramsWithin ?? none
    const contextOf = (item: Item) => {
      const context = new ItemContext(parent, params, item, services, true)
      begun(context, item)
      return context
    }
    const batch = execute(() => runOptions(startOf(), name, shared, [params], contextOf))
    // Whoever runs an effect of his own inside of an item, as a promise, runs it under the permits of the item all the same.
    const around = heldIn(services) === undefined ? servicesWithin(services) : services
    // Collect-all over params that are at hand has no error; services are not asked for.
    const outcome = Effect.map(batch, (report) => report.outcomes[0] as AnyOutcome) as Effect.Effect<AnyOutcome>
    return around === services ? outcome : Effect.provideContext(outcome, around)
  })

/** Drives an effect as a promise that rejects with the very value that was thrown, or with the reason of the signal. */
export const toPromise = <A>(
  effect: Effect.Effect<A, unknown>,
  signal: AbortSignal | undefined,
  services: Context.Context<never> = Context.empty(),
  around?: ItemContext | undefined
): Promise<A> => {
  if (signal?.aborted === true) return Promise.reject(signal.reason)
  return new Promise<A>((resolve, reject) => {
    const fiber = Effect.runForkWith(servicesWithin(services))(effect, signal === undefined ? undefined : { signal })
    if (around !== undefined) around.outlive(fiber)
    fiber.addObserver((exit) => {
      if (Exit.isSuccess(exit)) resolve(exit.value)
      else if (signal?.aborted === true && Cause.hasInterruptsOnly(exit.cause)) reject(signal.reason)
      else reject(thrownBy(exit.cause))
    })
  })
}

/** As `toPromise`, for what an item runs: interrupted with it, which then ends only after it. */
export const within = <A>(effect: Effect.Effect<A, unknown>, context: ItemContext): Promise<A> =>
  toPromise(effect, context.signal, context.services, context)

/** The action of an outcome, or the very value that was thrown. */
export const actionOf = (outcome: AnyOutcome): Effect.Effect<string, unknown> => {
  switch (outcome._tag) {
    case "Succeeded":
      return Effect.succeed(outcome.action)
    case "Failed":
      return Effect.fail(thrownBy(outcome.cause))
    case "Skipped":
      // What a handler answers that skips its item.
      return Effect.succeed("skip")
    default:
      if (outcome.reason !== undefined) return Effect.fail(new Error(outcome.reason))
      // Who interrupts a run does not wait for its action.
      return Effect.interrupt
  }
}

export const thrownBy = (cause: Cause.Cause<unknown>): unknown => {
  const failed = cause.reasons.find(Cause.isFailReason)
  return failed === undefined ? Cause.squash(cause) : failed.error
}

/** What a handler throws, as the `Error` that `handleError` takes. */
export const toError = (thrown: unknown): Error =>
  thrown instanceof Error || Object.prototype.toString.call(thrown) === "[object Error]"
    ? (thrown as Error)
    : new Error(`A value that is no Error was thrown: ${thrownText(thrown)}`, { cause: thrown })

/** Calls a method in the context of an attempt; what it throws, or rejects with, is the error. */
export const attempt = (call: () => unknown): AnyEffect => {
  const context = current()!.attempt()
  let answer: unknown
  try {
    answer = runIn(context, call)
  } catch (thrown) {
    return Effect.fail(thrown)
  }
  if (!isPromiseLike(answer)) {
    context.succeeded()
    return Effect.succeed(answer)
  }
  const promise = Promise.resolve(answer)
  // The run may have ended during the call; then nobody waits for the promise, and it must not fail the process.
  promise.catch(() => {})
  return Effect.callback<unknown, unknown>((resume) => {
    let isLate = false
    promise.then(
      (value) => {
        if (!isLate) context.succeeded()
        resume(Effect.succeed(value))
      },
      (thrown: unknown) => resume(Effect.fail(thrown))
    )
    return Effect.sync(() => {
      isLate = true
      context.abort()
    })
  })
}
