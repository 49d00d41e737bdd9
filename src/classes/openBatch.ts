/**
 * A batch whose items come one by one from the caller's own code, for an
 * overridden `handleRequest`.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Within } from "../internal/attempts.ts"
import { drive } from "../internal/execute.ts"
import { Fifo } from "../internal/fifo.ts"
import type { AnyOutcome } from "../internal/outcome.ts"
import { Run } from "../internal/run.ts"
import type { RunOptions } from "../internal/runOptions.ts"
import { end, pending, type Source } from "../internal/source.ts"
import { entrance, type HandlerParams, type ItemContext } from "./context.ts"
import type { Teller } from "./outcomes.ts"
import { thrownBy } from "./translate.ts"

interface Waiting {
  readonly resolve: (action: string) => void
  readonly reject: (thrown: unknown) => void
  /** Calls a function in the asynchronous context in which the item was begun. */
  readonly enter: ReturnType<typeof entrance>
}

/** Why an item has no action: it was interrupted, or not started. */
export class ItemLeft extends Error {
  override readonly name = "Error"
}

export class OpenBatch {
  readonly run: Run
  readonly #queue = new Fifo<HandlerParams>()
  #pushed = 0
  readonly #waiting = new Map<number, Waiting>()
  readonly #fiber: Fiber.Fiber<unknown, unknown>
  /** Workers that wait for an item. */
  readonly #idle = new Fifo<() => void>()
  #closed = false
  readonly #teller: Teller | undefined
  readonly #done = Promise.withResolvers<void>()

  constructor(
    services: Context.Context<never>,
    teller: Teller | undefined,
    optionsOf: (more: Pick<RunOptions, "source" | "publish" | "delivered">) => RunOptions
  ) {
    this.#teller = teller
    const isClosed = () => this.#closed
    const pushed = () => this.#pushed
    const source: Source = {
      get size() {
        return pushed()
      },
      get exhausted() {
        return isClosed()
      },
      next: () => (this.#queue.length > 0 ? this.#queue.shift() : isClosed() ? end : pending),
      pull: Effect.callback<void>((resume) => {
        if (this.#queue.length > 0 || this.#closed) resume(Effect.void)
        else this.#idle.push(() => resume(Effect.void))
      }),
      rest: () => this.#queue.drain(),
      close: Effect.void
    }
    const publish = (outcome: AnyOutcome): undefined => {
      this.#answer(outcome)
    }
    const more = teller?.options((outcome) => this.#answer(outcome)) ?? { publish }
    // The handlers of the classes ask for no services.
    const options = optionsOf({ source, ...more })
    const within: Within = (item, f) => {
      const waiting = this.#waitingFor(item)
      if (waiting === undefined) return options.within!(item, f)
      // The first time, it makes the context of the item.
      if (item.local === undefined) options.within!(item, () => {})
      return waiting.enter(item.local as ItemContext, f)
    }
    this.run = new Run({ ...options, within }, services as Context.Context<unknown>)
    teller?.begin(this.run)
    this.#fiber = Effect.runForkWith(services)(drive(this.run) as Effect.Effect<unknown, unknown>)
    this.#fiber.addObserver(() => this.#leaveRest())
  }

  push(params: HandlerParams): Promise<string> {
    const promise = new Promise<string>((resolve, reject) => {
      this.#waiting.set(this.#pushed++, { resolve, reject, enter: entrance() })
    })
    // Whoever does not wait for an item learns of it from the report.
    promise.catch(() => {})
    this.#queue.push(params)
    if (this.#fiber.pollUnsafe() === undefined) this.#idle.shift()?.()
    else this.#leaveRest()
    return promise
  }

  /** Resolves once `close` was called and everything has ended. */
  get closed(): Promise<void> {
    return this.#done.promise
  }

  /** Interrupts what still runs, and waits for its finalizers; rejects where an outcome could not be told. */
  async close(): Promise<void> {
    this.#closed = true
    this.run.stop()
    await new Promise<void>((resolve) => {
      this.#fiber.addObserver(() => resolve())
    })
    await this.#teller?.settled()
    this.#done.resolve()
    if (this.#teller?.failed !== undefined) throw this.#teller.failed.thrown
  }

  /** Accounts for what comes after an item has ended the batch. */
  #leaveRest(): void {
    this.run.leaveRest()
    for (const outcome of this.run.unpublished.splice(0)) void this.run.options.publish?.(outcome)
  }

  #answer(outcome: AnyOutcome): void {
    const waiting = this.#waitingFor(outcome)
    if (waiting === undefined) return
    this.#waiting.delete(this.#placeOf(outcome))
    if (outcome._tag === "Succeeded") waiting.resolve(outcome.action)
    else if (outcome._tag === "Skipped") waiting.resolve("skip")
    else if (outcome._tag === "Failed") waiting.reject(thrownBy(outcome.cause))
    else {
      const what = outcome._tag === "NotStarted" ? "not started" : "interrupted"
      const why = outcome.reason ?? "its batch had ended"
      waiting.reject(new ItemLeft(`The item was ${what}: ${why}`))
    }
  }

  #placeOf({ index }: { readonly index: number }): number {
    return index - (this.run.options.firstIndex ?? 0)
  }

  #waitingFor(item: { readonly index: number }): Waiting | undefined {
    return this.#waiting.get(this.#placeOf(item))
  }
}

/**
 * The batches of a handler to which its overridden `handleRequest` adds, by the context of the lifecycle: a `handleError` adds
 * to them too.
 */
export class OpenBatches {
  readonly #open = new WeakMap<ItemContext, Array<OpenBatch> | "settled">()

  begin(lifecycle: ItemContext): void {
    this.#open.set(lifecycle, [])
  }

  /** The one that the caller adds to, made where there is none; `undefined` where the lifecycle has settled. */
  of(
    owner: object,
    caller: ItemContext,
    make: (context: ItemContext, ended: RunOptions["ended"]) => OpenBatch
  ): OpenBatch | undefined {
    const context = this.#lifecycleOf(caller)
    const opened = context.signal.aborted ? "settled" : (this.#open.get(context) ?? [])
    if (opened === "settled") return undefined
    const last = opened.at(-1)
    // The indexes of a batch have no gaps, so that what has begun since then takes those behind it.
    if (last !== undefined && context.isLast(owner, last.run)) return last
    if (last === undefined) {
      this.#open.set(context, opened)
      const close = () => this.#close(context).catch(() => {})
      // A run that was aborted while this waits for its items would wait for ever.
      context.signal.addEventListener("abort", close, { once: true })
      // Where no call of this handler is around that closes it, or that has failed before: nothing outlives its item.
      context.endAfter(close)
    }
    const open = make(context, ({ endedBy }) => opened.forEach((other) => other.run.endBy(endedBy)))
    const stopped = opened.find(({ run }) => run.stopped)
    if (stopped !== undefined) open.run.endBy(stopped.run.endedBy)
    opened.push(open)
    context.note(owner, open.run)
    return open
  }

  /** Interrupts what still runs of the batches that the call has opened, once the call has settled. */
  closing<A>({ lifecycle }: ItemContext, call: () => A | Promise<A>): Promise<A> {
    if (!Array.isArray(this.#open.get(lifecycle))) this.begin(lifecycle)
    return new Promise<A>((resolve) => resolve(call())).finally(() => this.#close(lifecycle))
  }

  async #close(context: ItemContext): Promise<void> {
    const opened = this.#open.get(context) ?? "settled"
    this.#open.set(context, "settled")
    if (opened !== "settled") await Promise.all(opened.map((open) => open.close()))
  }

  /** The lifecycle of the handler, where the context is of an attempt of that. */
  #lifecycleOf(context: ItemContext): ItemContext {
    const { lifecycle } = context
    return this.#open.has(lifecycle) ? lifecycle : context
  }
}
