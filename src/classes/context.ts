/**
 * The asynchronous context of an item.
 *
 * The instances of the classes are shared by all items, so what belongs to one
 * run cannot stand in their fields. It stands here, in one `AsyncLocalStorage`
 * that is entered once for each item; what the item's methods await inherits it.
 * Views or clones of the instances would break `#private` fields and counters.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Next, Skip } from "../internal/definition.ts"
import { Held, type Holding } from "../internal/gate/holding.ts"
import type { Item } from "../internal/item.ts"
import { LazySignal } from "../internal/lazySignal.ts"
import type { Run } from "../internal/run.ts"
import type { Word } from "./word.ts"

/** What every handler finds in the params: own ones, those of the running batch, those of the item. */
export interface HandlerParams {
  readonly [key: string]: unknown
}

/** Any object as params: `any` lets an `interface` pass, which has no index signature. */
export type ParamSet = Readonly<Record<string, any>>

/** No params. One object, so that a look tells that there is nothing to overlay. */
export const none: HandlerParams = {}

/** Whether any handler has ever said how its item is to end: until then no step looks whether its own has. */
export let hasSpoken = false

/** What an item waits for before it ends. */
const lasting = new WeakMap<Item, Set<Promise<unknown>>>()

interface Storage<A> {
  readonly run: <B>(store: A, f: () => B) => B
  readonly enterWith: (store: A) => void
  readonly getStore: () => A | undefined
}

interface Resource {
  readonly runInAsyncScope: <Args extends Array<unknown>, B>(
    f: (...args: Args) => B,
    self: undefined,
    ...args: Args
  ) => B
}

// Taken from the process, not imported: the core must load where there is no Node.
const { AsyncLocalStorage, AsyncResource } = (
  globalThis as unknown as {
    readonly process: {
      readonly getBuiltinModule: (name: "node:async_hooks") => {
        readonly AsyncLocalStorage: new <A>() => Storage<A>
        readonly AsyncResource: new (type: string) => Resource
      }
    }
  }
).process.getBuiltinModule("node:async_hooks")

const storage = new AsyncLocalStorage<ItemContext>()

export class ItemContext {
  /** The asynchronous context in which this was entered. */
  around: Resource | undefined = undefined
  /** The context in which this one was begun: that of the batch for its items. */
  readonly parent: ItemContext | undefined
  /** Whether this is part of what the parent runs, an attempt or a called lifecycle, and not an item of its batch. */
  readonly isPart: boolean
  /** Of the running batch, overlaid by those of the item. */
  readonly params: HandlerParams
  /** The params of the nested pipelines around, in which this is the context. */
  pipelineParams: HandlerParams | undefined = undefined
  /** How the item is to end with the present step, where a handler has said so. */
  private word: Word | undefined = undefined
  /** The batches that were run in here, by the handler that ran them. */
  private batches: Array<{ readonly owner: object; readonly run: Run | undefined }> | undefined = undefined
  /** The Effect services of the run, and with them its clock, for what is run in here. */
  readonly services: Context.Context<never>
  readonly #item: Item
  /** Of an attempt, which has a signal of its own. */
  #attempt: LazySignal | undefined = undefined
  /** Whether that is aborted with the item. */
  #follows = false

  constructor(
    parent: ItemContext | undefined,
    params: HandlerParams,
    item: Item,
    services: Context.Context<never>,
    isPart: boolean
  ) {
    this.parent = parent
    this.isPart = isPart
    this.params = params
    this.#item = item
    this.services = services
  }

  /** What a run that begins in here finds as its params. */
  get paramsWithin(): HandlerParams {
    return this.pipelineParams === undefined ? this.params : { ...this.pipelineParams, ...this.params }
  }

  get shared(): unknown {
    return this.#item.cell.ref.current
  }

  /** Whether the present step has a gate, or else its batch. */
  get hasGate(): boolean {
    return this.#item.permit !== undefined || this.#item.entry !== undefined
  }

  /** Says what the start of the present request has really cost. */
  settle(actual: number): void {
    this.#item.settle(actual)
  }

  /** Has the item, and those around it, end only once the promise has settled, which must not reject. */
  outlast(promise: Promise<unknown>): void {
    let awaited = lasting.get(this.#item)
    if (awaited === undefined) {
      const all = (awaited = new Set())
      lasting.set(this.#item, all)
      const settled = async (): Promise<void> => {
        while (all.size > 0) await Promise.all(all)
      }
      this.#item.endAfter(Effect.promise(settled))
    }
    const set = awaited.add(promise)
    void promise.then(() => set.delete(promise))
    this.parent?.outlast(promise)
  }

  /** The context of the lifecycle that this is an attempt of. */
  get lifecycle(): ItemContext {
    return this.#attempt === undefined || this.parent === undefined ? this : this.parent.lifecycle
  }

  /** Has the item end only after what is begun then has ended. */
  endAfter(end: () => Promise<unknown> | undefined): void {
    this.#item.endAfter(Effect.promise(async () => end()))
  }

  /** Has the item end only after the fiber where it is interrupted; otherwise whoever has begun it waits for it. */
  outlive(fiber: Fiber.Fiber<unknown, unknown>): void {
    const { signal } = this
    const wait = () => this.#item.endAfter(Fiber.await(fiber))
    signal.addEventListener("abort", wait, { once: true })
    fiber.addObserver(() => signal.removeEventListener("abort", wait))
  }

  get held(): Holding | undefined {
    return this.#item.held
  }

  /** Aborted when the item is interrupted, and of an attempt also when that has timed out. */
  get signal(): AbortSignal {
    if (this.#attempt === undefined) return this.#item.signal
    if (!this.#follows) {
      this.#follows = true
      const item = this.#item.signal
      if (item.aborted) this.#attempt.abort()
      else item.addEventListener("abort", () => this.abort(), { once: true })
    }
    return this.#attempt.signal
  }

  /** Says how the item is to end. What an attempt says is kept until it is known what becomes of that. */
  say(word: Word): void {
    hasSpoken = true
    this.word = word
    if (this.isPart && this.#attempt === undefined) this.parent?.say(word.within)
  }

  /** An attempt has succeeded: what it has said is said by its step. */
  succeeded(): void {
    if (this.word !== undefined) this.parent!.word = this.word
  }

  /** What was said of the end of the item, where its step answers that, or where it counts in any case. */
  heard(action: unknown): Next | Skip | undefined {
    const { word } = this
    this.word = undefined
    if (word === undefined || (!word.counts && word.action !== action)) return undefined
    return action === undefined || typeof action === "string" ? word.ending : undefined
  }

  abort(): void {
    runIn(this, () => this.#attempt?.abort())
  }

  /** The context of one attempt, with a signal of its own; also that of the item within pipelines that have params. */
  attempt(pipelineParams = this.pipelineParams): ItemContext {
    const attempt = new ItemContext(this, this.params, this.#item, this.services, true)
    attempt.pipelineParams = pipelineParams
    attempt.#attempt = new LazySignal()
    return attempt
  }

  /** Begins the lifecycle of a batch in here: what an earlier round of a loop has left is forgotten. */
  begin(owner: object): void {
    this.batches = this.batches?.filter((batch) => batch.owner !== owner)
  }

  /** Notes a batch here, and around where this is part of the same lifecycle; without a run: that it is prepared. */
  note(owner: object, run: Run | undefined): void {
    ;(this.batches ??= []).push({ owner, run })
    if (this.isPart) this.parent?.note(owner, run)
  }

  /** Whether the handler has prepared its params in here. */
  hasPrepared(owner: object): boolean {
    return this.batches?.some((batch) => batch.owner === owner && batch.run === undefined) === true
  }

  /** The batches of the handler in the nearest context that has any. */
  runsOf(owner: object): ReadonlyArray<Run> {
    const here = this.runsHere(owner)
    return here.length > 0 ? here : (this.parent?.runsOf(owner) ?? [])
  }

  /** How many items the handler has taken in all of its lifecycle, or is known to take. */
  itemsOf(owner: object): number {
    if (this.isPart && this.parent !== undefined) return this.parent.itemsOf(owner)
    return this.runsHere(owner).reduce((total, run) => total + Math.max(run.total, run.options.source.size), 0)
  }

  /** How many items the handler has taken in here. */
  takenBy(owner: object): number {
    return this.runsHere(owner).reduce((total, run) => total + run.total, 0)
  }

  /** Whether the handler has begun no other run in its lifecycle since this one. */
  isLast(owner: object, run: Run): boolean {
    if (this.isPart && this.parent !== undefined) return this.parent.isLast(owner, run)
    return this.batches?.findLast((batch) => batch.owner === owner && batch.run !== undefined)?.run === run
  }

  private runsHere(owner: object): ReadonlyArray<Run> {
    return this.batches?.flatMap((batch) => (batch.owner === owner && batch.run !== undefined ? [batch.run] : [])) ?? []
  }
}

/** Keeps the hidden class; see `internal/shapes.ts`. */
export const kept = new ItemContext(undefined, none, undefined as never, Context.empty(), false)

/** The context of the run that calls; `undefined` outside of a run. */
export const current = (): ItemContext | undefined => storage.getStore()

/** The services for what is run in the present context: it runs under the permits of the item. */
export const servicesWithin = (services: Context.Context<never>): Context.Context<never> => {
  const held = current()?.held
  return held === undefined ? services : Context.add(services, Held, held)
}

export const runIn: <A>(context: ItemContext, f: () => A) => A = storage.run.bind(storage)

const enter = <A>(context: ItemContext, f: () => A, around: Resource): A => {
  context.around = around
  storage.enterWith(context)
  return f()
}

interface Frame {
  readonly size: number
  readonly has: (storage: unknown) => boolean
}

const makeResource = (): Resource => new AsyncResource("parallel-batch-pipeline/Batch")

/**
 * Node 24 keeps the values of all `AsyncLocalStorage`s in one map. It has no public name; older versions, which keep the
 * values in the resources themselves, have no such map.
 */
const frameKey = Object.getOwnPropertySymbols(makeResource()).find((key) => key.description === "context_frame")

const frameOf = (resource: Resource): Frame | undefined =>
  frameKey === undefined ? undefined : (resource as unknown as Record<symbol, Frame | undefined>)[frameKey]

const hasFrames = runIn(kept, () => frameOf(makeResource()) !== undefined)

const holdsOnlyRuns = (resource: Resource): boolean => {
  const frame = frameOf(resource)
  return frame?.size === 1 && frame.has(storage)
}

/**
 * As `runIn`, for the items of a batch: each begins in the asynchronous context in which the batch was begun, whatever
 * the item before it has left behind. It also makes one map where `runIn` makes two (130 -> 70 ns an item).
 *
 * `enterWith` copies that map one entry at a time, an eighth of the time of a batch of cheap items. Where nobody but this
 * module has a value, the only entry would be overwritten anyway: then items begin where the outermost run did, in none.
 */
export const entrance = (): (<A>(context: ItemContext, f: () => A) => A) => {
  const here = makeResource()
  const outside = current()?.around
  const isEmpty = hasFrames && outside !== undefined && frameOf(outside) === undefined
  const around = isEmpty && holdsOnlyRuns(here) ? outside : here
  return hasFrames
    ? (context, f) => around.runInAsyncScope(enter<ReturnType<typeof f>>, undefined, context, f, around)
    : // What is entered in a resource stays there, so each item has its own.
      (context, f) =>
        around
          .runInAsyncScope(makeResource, undefined)
          .runInAsyncScope(enter<ReturnType<typeof f>>, undefined, context, f, around)
}

/** Calls functions in the present asynchronous context, with all that others have in it. */
export const present = (): (<A>(f: () => A) => A) => {
  const here = makeResource()
  return hasFrames
    ? (f) => here.runInAsyncScope(f, undefined)
    : (f) => here.runInAsyncScope(makeResource, undefined).runInAsyncScope(f, undefined)
}
