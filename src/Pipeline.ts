/**
 * A graph of handlers, routed by the action that each one answers.
 *
 * A pipeline is an immutable value. Its types are computed from its handlers:
 * what it takes, what it can fail with, the actions it can end with, the services
 * it needs. A graph may loop, and a pipeline may be a step of another.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import { hasProperty } from "effect/Predicate"
import { InvalidPipeline, type ItemError, type ItemSkipped } from "./BatchError.ts"
import type * as Handler from "./Handler.ts"
import type { PipelineDefinition } from "./internal/definition.ts"
import { define, problemsOf } from "./internal/graph.ts"
import type {
  Accepts,
  All,
  CheckedRoutes,
  FinalAction,
  FinalOutput,
  SameShared,
  SharedOfAll,
  Known,
  UnknownHandler
} from "./internal/graphTypes.ts"
import * as internalHandler from "./internal/handler.ts"
import * as Mermaid from "./internal/mermaid.ts"
import { runOne } from "./internal/runOne.ts"
import type { RunOptions, RunResult } from "./PipelineOptions.ts"

export type { RunOptions, RunResult, SharedOption } from "./PipelineOptions.ts"

const TypeId = "~parallel-batch-pipeline/Pipeline"

/**
 * A graph of handlers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pipeline<in Params, in Decoded, in out Shared, out Output, out Action extends string, out E, out R>
  extends Pipeable.Pipeable {
  readonly [TypeId]: {
    readonly _Params: (_: Params) => void
    readonly _Decoded: (_: Decoded) => void
    readonly _Shared: (_: Shared) => Shared
    readonly _Output: () => Output
    readonly _Action: () => Action
    readonly _E: () => E
    readonly _R: () => R
  }
  readonly name: string
  /** @internal */
  readonly definition: PipelineDefinition
}

/**
 * Any pipeline.
 *
 * @category models
 * @since 0.1.0
 */
// The type parameters have both variances, so only `any` stands for all of them.
export type Any = Pipeline<any, any, any, any, any, any, any>

/**
 * The params that a pipeline takes: the intersection of what its handlers take.
 *
 * @category models
 * @since 0.1.0
 */
export type Params<P> = P extends Pipeline<infer X, any, any, any, any, any, any> ? X : never

/**
 * The params of a pipeline as the schemas of its handlers decode them.
 *
 * @category models
 * @since 0.1.0
 */
export type Decoded<P> = P extends Pipeline<any, infer X, any, any, any, any, any> ? X : never

/**
 * The type of the shared data; `unknown` where no handler uses it.
 *
 * @category models
 * @since 0.1.0
 */
export type Shared<P> = P extends Pipeline<any, any, infer X, any, any, any, any> ? X : never

/**
 * The outputs of the handlers that can end a run.
 *
 * @category models
 * @since 0.1.0
 */
export type Output<P> = P extends Pipeline<any, any, any, infer X, any, any, any> ? X : never

/**
 * The actions that end a run: those without a route.
 *
 * @category models
 * @since 0.1.0
 */
export type Action<P> = P extends Pipeline<any, any, any, any, infer X extends string, any, any> ? X : never

/**
 * The errors that no `handleError` takes away.
 *
 * @category models
 * @since 0.1.0
 */
export type Error<P> = P extends Pipeline<any, any, any, any, any, infer X, any> ? X : never

/**
 * The services that the handlers need.
 *
 * @category models
 * @since 0.1.0
 */
export type Services<P> = P extends Pipeline<any, any, any, any, any, any, infer X> ? X : never

/**
 * Returns `true` if the value is a `Pipeline`.
 *
 * **Example** (Telling pipelines from other values)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const one = Handler.make("one", { handleRequest: () => Effect.succeed(1) })
 *
 * Pipeline.isPipeline(Pipeline.make("ones", { handlers: { one }, start: "one" })) // => true
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isPipeline = (u: unknown): u is Any => hasProperty(u, TypeId)

/**
 * Makes a pipeline from handlers, a start, and routes.
 *
 * **Details**
 *
 * The key of a handler is the step's name in reports, spans and journals.
 * `routes` leads from a handler and one of its actions to the next handler; an
 * action without a route ends the run and is its answer.
 *
 * A route to an unknown handler, an unknown action, a handler whose `previous`
 * cannot take the whole output of the one before, a start that needs a
 * `previous`, and handlers whose shared types differ do not compile.
 *
 * **Example** (Handing a text from step to step)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const trim = Handler.make("trim", {
 *   handleRequest: ({ text }: { readonly text: string }) => Effect.succeed(text.trim()),
 *   processResults: ({ outputs }) => outputs === "" ? Handler.next("empty") : Handler.next("trimmed")
 * })
 * const shout = Handler.make("shout", {
 *   prepareInputs: ({ previous }: { readonly previous: string }) => previous,
 *   handleRequest: (text) => Effect.succeed(text.toUpperCase())
 * })
 * const shouting = Pipeline.make("shouting", {
 *   handlers: { trim, shout },
 *   start: "trim",
 *   routes: { trim: { trimmed: "shout" } }
 * })
 *
 * const result = await Effect.runPromise(Pipeline.run(shouting, { params: { text: " hi " } }))
 *
 * result.output // => "HI"
 * result.action // => "default"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const HS extends Handlers, const Rt extends Routes = {}>(
  name: string,
  options: {
    readonly handlers: HS & SameShared<HS>
    readonly start: Accepts<HS, undefined>
    /** Part of the stamp of every report: change it when earlier results are worth nothing any more. */
    readonly version?: string | undefined
    readonly routes?: (Rt & CheckedRoutes<HS, Rt>) | undefined
  }
): Pipeline<
  All<HS, "Params">,
  All<HS, "Decoded">,
  [SharedOfAll<HS>] extends [never] ? unknown : SharedOfAll<HS>,
  FinalOutput<HS, Rt>,
  FinalAction<HS, Rt>,
  Handler.Error<Known<HS[keyof HS]>>,
  Handler.Services<Known<HS[keyof HS]>>
> => Object.assign(Object.create(Proto), { name, definition: define(name, options) })

/**
 * Runs the pipeline for one parameter set.
 *
 * **Details**
 *
 * `shared` is a value, or a `Ref` that is changed while the pipeline runs; it may
 * be left out where no handler uses it. Fails as an item of a batch would, and
 * with `ItemSkipped` where a handler answers `Handler.skip`.
 *
 * **Example** (Running one item)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const length = Handler.make("length", {
 *   handleRequest: ({ text }: { readonly text: string }) => Effect.succeed(text.length)
 * })
 * const measuring = Pipeline.make("measuring", { handlers: { length }, start: "length" })
 *
 * const result = await Effect.runPromise(Pipeline.run(measuring, { params: { text: "abc" } }))
 *
 * result.output // => 3
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run: {
  <P, PT, S, O, A extends string, E, R>(
    // The pipeline alone says what the types are, not the values given here.
    options: RunOptions<NoInfer<P>, NoInfer<S>>
  ): (self: Pipeline<P, PT, S, O, A, E, R>) => Effect.Effect<RunResult<A, O, S>, ItemError<E> | ItemSkipped, R>
  <P, PT, S, O, A extends string, E, R>(
    self: Pipeline<P, PT, S, O, A, E, R>,
    options: RunOptions<P, S>
  ): Effect.Effect<RunResult<A, O, S>, ItemError<E> | ItemSkipped, R>
} = dual(
  // Also where the options are missing, which is an error of its own.
  (args) => args.length > 1 || isPipeline(args[0]),
  <P, PT, S, O, A extends string, E, R>(
    self: Pipeline<P, PT, S, O, A, E, R>,
    options: RunOptions<P, S>
  ): Effect.Effect<RunResult<A, O, S>, ItemError<E> | ItemSkipped, R> =>
    // The engine answers what the types of the handlers say.
    runOne(self.definition, options) as Effect.Effect<RunResult<A, O, S>, ItemError<E> | ItemSkipped, R>
)

/**
 * Makes a pipeline a step of another one.
 *
 * **Details**
 *
 * Its handlers become steps named `outer/inner`; an action that ends it is looked
 * up in the routes of the outer pipeline. Its start has no `previous`.
 *
 * **Example** (Nesting a pipeline)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const one = Handler.make("one", { handleRequest: () => Effect.succeed(1) })
 * const add = Handler.make("add", {
 *   prepareInputs: ({ previous }: { readonly previous: number }) => previous,
 *   handleRequest: (n) => Effect.succeed(n + 1)
 * })
 * const inner = Pipeline.make("inner", { handlers: { one }, start: "one" })
 * const outer = Pipeline.make("outer", {
 *   handlers: { inner: Pipeline.toHandler(inner), add },
 *   start: "inner",
 *   routes: { inner: { default: "add" } }
 * })
 *
 * const report = await Effect.runPromise(Batch.run(outer, { params: [{}] }))
 *
 * report.outcomes.map((outcome) => outcome._tag === "Succeeded" ? outcome.path : []) // => [["inner/one", "add"]]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const toHandler = <P, PT, S, O, A extends string, E, R>(
  self: Pipeline<P, PT, S, O, A, E, R>
): Handler.Handler<P, PT, S, unknown, O, A, E, R> => internalHandler.make(self.name, self.definition)

/**
 * Finds at run time, in graphs made from data, what the compiler finds in
 * literals: a start, a route or a target that names no handler.
 *
 * **Details**
 *
 * Which actions a handler answers, and what it expects of the one before, is
 * known to its types only. A batch over a pipeline that is not valid dies with
 * the same error before anything runs.
 *
 * **Example** (Checking a graph that comes from a file)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const one = Handler.make("one", { handleRequest: () => Effect.succeed(1) })
 * const graph = JSON.parse("{\"start\":\"two\"}")
 * const pipeline = Pipeline.make("from a file", { handlers: { one }, ...graph })
 *
 * const error = await Effect.runPromise(Effect.flip(Pipeline.validate(pipeline)))
 *
 * error.problems // => ["start names no handler: \"two\""]
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const validate = <P extends Any>(self: P): Effect.Effect<P, InvalidPipeline> =>
  Effect.suspend(() => {
    const problems = problemsOf(self.definition)
    return problems.length === 0
      ? Effect.succeed(self)
      : Effect.fail(new InvalidPipeline({ pipeline: self.name, problems }))
  })

/**
 * Draws the graph as a Mermaid flowchart. Actions without a route are not known
 * before a run and are not drawn.
 *
 * **Example** (Drawing two steps)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const one = Handler.make("one", { handleRequest: () => Effect.succeed(1) })
 * const two = Handler.make("two", { handleRequest: () => Effect.succeed(2) })
 * const pipeline = Pipeline.make("both", {
 *   handlers: { one, two },
 *   start: "one",
 *   routes: { one: { default: "two" } }
 * })
 *
 * Pipeline.toMermaid(pipeline).split("\n") // => ["flowchart TD", "  0([\"one\"])", "  1[\"two\"]", "  0 -->|\"default\"| 1"]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const toMermaid = (self: Any): string => Mermaid.draw(self.definition)

/**
 * Handlers by key.
 *
 * @category models
 * @since 0.1.0
 */
export type Handlers = { readonly [key: string]: UnknownHandler }

/**
 * Routes from a handler's key and one of its actions to the key of the next
 * handler.
 *
 * @category models
 * @since 0.1.0
 */
export type Routes = { readonly [key: string]: { readonly [action: string]: string } }

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Proto = {
  ...Pipeable.Prototype,
  [TypeId]: {},
  toJSON(this: Any) {
    return { _id: "Pipeline", name: this.name }
  }
}
