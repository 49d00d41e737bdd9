/**
 * Limits that any number of handlers and batches share: how many requests run at
 * the same time, and how many start within a window of time, for each key.
 *
 * A gate is a value. What it counts, it counts on each clock for itself: a gate
 * that stands in a module is one for the whole process, and begins afresh in
 * every test that has a `TestClock` of its own.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Pipeable from "effect/Pipeable"
import { hasProperty } from "effect/Predicate"
import type { Options } from "./GateOptions.ts"
import type { Holding } from "./internal/gate/holding.ts"
import type { Keeper } from "./internal/gate/keeper.ts"
import { heldIn, pass } from "./internal/gate/pass.ts"
import { Policy, settle as settleAt } from "./internal/gate/policy.ts"
import * as Check from "./internal/options.ts"

export type { Adaptive, Options, Rate, Told } from "./GateOptions.ts"
export { type KeyState, type State, state, stateOf } from "./GateState.ts"

const TypeId = "~parallel-batch-pipeline/Gate"

/**
 * Limits that are shared by whatever goes through it. `Params` is what `key` and
 * `cost` are asked about.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gate<in Params = unknown> extends Pipeable.Pipeable {
  readonly [TypeId]: { readonly _Params: (_: Params) => void }
  /** @internal */
  readonly policy: Policy
}

/**
 * Any gate.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = Gate<never>

/**
 * Returns `true` if the value is a `Gate`.
 *
 * **Example** (Telling gates from other values)
 *
 * ```ts
 * import { Gate } from "parallel-batch-pipeline/effect"
 *
 * Gate.isGate(Gate.make({ concurrency: 2 })) // => true
 * Gate.isGate({ concurrency: 2 }) // => false
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isGate = (u: unknown): u is Any => hasProperty(u, TypeId)

/**
 * Makes a gate.
 *
 * **Details**
 *
 * The window is strict: it rolls, and no interval of its length ever holds more
 * starts than the limit. A start counts from when it is made; keep some distance
 * to the limit of a service where the network may bring two requests closer
 * together than they were sent.
 *
 * A key that waits, for its rate or because it is closed, holds no place that
 * another key could use. Within a key the order is that of arrival, so a start
 * that costs much is not overtaken by cheap ones for ever. Keys that are not in
 * use are forgotten.
 *
 * Options that make no sense throw `InvalidOptions`. Params whose cost is more
 * than the limit, which could never start, die with `InvalidCost`.
 *
 * **Example** (Two starts for each host in any 50 ms)
 *
 * ```ts
 * import { Clock, Effect } from "effect"
 * import { Gate } from "parallel-batch-pipeline/effect"
 *
 * const perHost = Gate.make({
 *   concurrency: 4,
 *   rate: { limit: 2, window: "50 millis" },
 *   key: ({ host }: { readonly host: string }) => host
 * })
 *
 * const program = Effect.gen(function*() {
 *   const begin = yield* Clock.currentTimeMillis
 *   const wait = Clock.currentTimeMillis.pipe(Effect.map((now) => now - begin >= 45 ? "later" : "at once"))
 *   const hosts = ["a", "a", "a", "b"]
 *   return yield* Effect.forEach(hosts, (host) => Gate.withPermit(wait, perHost, { host }), { concurrency: "unbounded" })
 * })
 *
 * await Effect.runPromise(program) // => ["at once", "at once", "later", "at once"]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Params = unknown>(options: Options<Params>): Gate<Params> =>
  Object.assign(Object.create(Proto), { policy: new Policy(options) })

/**
 * Runs an effect behind the gate: it waits until it may start, and gives its place
 * back when it ends, whatever way that is.
 *
 * **Details**
 *
 * An error that says when to come back (see `closeOn`) closes the gate for the
 * key of these params, and fails the effect as it would without a gate. An
 * interruption while it waits leaves the line at once.
 *
 * Gates may stand within gates, in any order, without a deadlock: an effect
 * inside of its own gate takes over the place of the effect around it, and
 * counts as a start of its own. Where one waits for a gate that was made before
 * those whose place it holds, these places are free for others meanwhile.
 *
 * **Gotchas**
 *
 * The place is part of the context of the effect. An `Effect.runPromise` within it
 * begins without that, and may wait for ever for the very place that the effect
 * around it holds: take the context along with `Effect.runPromiseWith`.
 *
 * **Example** (One at a time)
 *
 * ```ts
 * import { Effect, Ref } from "effect"
 * import { Gate } from "parallel-batch-pipeline/effect"
 *
 * const single = Gate.make({ concurrency: 1 })
 *
 * const program = Effect.gen(function*() {
 *   const log = yield* Ref.make<ReadonlyArray<string>>([])
 *   const say = (text: string) => Ref.update(log, (lines) => [...lines, text])
 *   const job = (name: string) =>
 *     say(`${name} starts`).pipe(Effect.andThen(Effect.sleep(1)), Effect.andThen(say(`${name} ends`)))
 *   yield* Effect.all([job("a").pipe(Gate.withPermit(single)), job("b").pipe(Gate.withPermit(single))], {
 *     concurrency: "unbounded"
 *   })
 *   return yield* Ref.get(log)
 * })
 *
 * await Effect.runPromise(program) // => ["a starts", "a ends", "b starts", "b ends"]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const withPermit: {
  <P>(gate: Gate<P>, ...params: ParamsOf<P>): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R, P>(self: Effect.Effect<A, E, R>, gate: Gate<P>, ...params: ParamsOf<P>): Effect.Effect<A, E, R>
} = dual(
  (args) => !isGate(args[0]),
  <A, E, R>(self: Effect.Effect<A, E, R>, gate: Any, params: unknown): Effect.Effect<A, E, R> =>
    pass(gate.policy, params, self)
)

/**
 * Says what the start that the present effect runs under has really cost, for
 * costs that are known only afterwards, such as the tokens of a model.
 *
 * **Details**
 *
 * What is more than was expected counts as if it had started then, too: the debt
 * delays the next starts until it has left the window. What is less makes room
 * at once. A start that is longer ago than the window counts no more, whatever it
 * is settled to: where requests take longer than the window, only what they were
 * expected to cost holds others back. Outside of the gate there is no start to
 * settle, and it dies.
 *
 * Who says it again for the same start corrects what he has said before. At the
 * gate of a batch the start is one for all requests of an item: what each of them
 * has said last adds up.
 *
 * **Example** (Paying for what was used)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Gate } from "parallel-batch-pipeline/effect"
 *
 * const tokens = Gate.make({
 *   rate: { limit: 1000, window: "1 minute" },
 *   cost: ({ prompt }: { readonly prompt: string }) => prompt.length * 100
 * })
 *
 * const ask = (prompt: string) =>
 *   Effect.succeed({ answer: "42", used: 10 }).pipe(
 *     Effect.tap(({ used }) => Gate.settle(tokens, used)),
 *     Gate.withPermit(tokens, { prompt })
 *   )
 *
 * // Each was expected to cost 900, so without settling the second would wait a minute.
 * const answers = Effect.forEach(["question?", "and more?"], ask)
 *
 * (await Effect.runPromise(answers)).length // => 2
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const settle: {
  (actual: number): (self: Any) => Effect.Effect<void>
  (self: Any, actual: number): Effect.Effect<void>
} = dual(2, ({ policy }: Any, actual: number): Effect.Effect<void> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.sync(() => {
      const holding = holdingOf(heldIn(context), policy.keeperIn(context))
      if (holding === undefined) throw new Error("Gate.settle was called outside of the gate")
      const { payer, permit } = holding
      if (payer === undefined) settleAt(permit, actual)
      else payer.settle(actual, permit)
    })
  )
)

/**
 * Closes the gate for one key: nothing with that key starts before the time has
 * passed, and what runs goes on. A gate without `key` closes as a whole, whatever
 * key is given.
 *
 * **Details**
 *
 * Closing a key that is closed already never opens it earlier. It opens a little
 * later than told, see `jitter`. A duration that is not longer than zero dies with
 * `InvalidOptions`.
 *
 * **Example** (Closing for a host)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { Gate } from "parallel-batch-pipeline/effect"
 *
 * const perHost = Gate.make({ concurrency: 4, key: ({ host }: { readonly host: string }) => host })
 *
 * const program = Effect.gen(function*() {
 *   yield* Gate.close(perHost, "a", "1 minute")
 *   const get = (host: string) =>
 *     Effect.succeed(host).pipe(Gate.withPermit(perHost, { host }), Effect.timeoutOption("5 millis"))
 *   return yield* Effect.all([get("a"), get("b")])
 * })
 *
 * await Effect.runPromise(program) // => [Option.none(), Option.some("b")]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const close: {
  (key: string, duration: Duration.Input): (self: Any) => Effect.Effect<void>
  (self: Any, key: string, duration: Duration.Input): Effect.Effect<void>
} = dual(3, ({ policy }: Any, key: string, duration: Duration.Input): Effect.Effect<void> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.sync(() => {
      // The duration first: nobody would forget the lane of a key that is not closed.
      const millis = Duration.toMillis(Check.duration("duration", duration))
      policy.close(policy.laneNamed(policy.keeperIn(context), key), millis, context)
    })
  )
)

/**
 * Makes a gate a service, for gates whose limits are configured, or which are not
 * shared by the whole process: each build of the layer has a gate of its own.
 *
 * **Example** (Limits from outside)
 *
 * ```ts
 * import { Context, Effect } from "effect"
 * import { Gate } from "parallel-batch-pipeline/effect"
 *
 * class ApiGate extends Context.Service<ApiGate, Gate.Gate<{ readonly tenant: string }>>()("ApiGate") {}
 *
 * const program = Effect.flatMap(ApiGate, (gate) =>
 *   Effect.succeed("called").pipe(Gate.withPermit(gate, { tenant: "a" })))
 *
 * const layer = Gate.layer(ApiGate, { concurrency: 4, key: ({ tenant }: { readonly tenant: string }) => tenant })
 *
 * await Effect.runPromise(Effect.provide(program, layer)) // => "called"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <I, P>(service: Context.Key<I, Gate<P>>, options: Options<P>): Layer.Layer<I> =>
  Layer.sync(service, () => make(options))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The params may be left out where the gate does not ask about them. */
type ParamsOf<P> = unknown extends P ? [params?: unknown] : [params: P]

const Proto = {
  ...Pipeable.Prototype,
  [TypeId]: {},
  toJSON() {
    return { _id: "Gate" }
  }
}

const holdingOf = (held: Holding | undefined, keeper: Keeper): Holding | undefined => {
  let holding = held
  while (holding !== undefined && holding.keeper !== keeper) holding = holding.outer
  return holding
}
