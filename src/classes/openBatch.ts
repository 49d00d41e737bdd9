/**
 * A batch whose items come one by one from the caller's own code, for an
 * overridden `handleRequest`.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { drive } from "../internal/execute.ts"
import { Fifo } from "../internal/fifo.ts"
import type { AnyOutcome } from "../internal/outcome.ts"
import { Run } from "../internal/run.ts"
import type { RunOptions } from "../internal/runOptions.ts"
import { end, pending, type Source } from "../internal/source.ts"
import type { HandlerParams, ItemContext } from "./context.ts"
import type { Teller } from "./outcomes.ts"
import { thrownBy } from "./translate.ts"

interface Waiting {
  readonly resolve: (action: string) => void
  readonly reject: (thrown: unknown) => void
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
    const source: Source = {
      size: 0,
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
    this.run = new Run(optionsOf({ source, ...more }), services as Context.Context<unknown>)
    teller?.begin(this.run)
    this.#fiber = Effect.runForkWith(services)(drive(this.run) as Effect.Effect<unknown, unknown>)
    this.#fiber.addObserver(() => this.#leaveRest())
  }

  push(params: HandlerParams): Promise<string> {
    const promise = new Promise<string>((resolve, reject) => {
      this.#waiting.set(this.#pushed++, { resolve, reject })
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
    const place = outcome.index - (this.run.options.firstIndex ?? 0)
    const waiting = this.#waiting.get(place)
    if (waiting === undefined) return
    this.#waiting.delete(place)
    if (outcome._tag === "Succeeded") waiting.resolve(outcome.action)
    else if (outcome._tag === "Skipped") waiting.resolve("skip")
    else if (outcome._tag === "Failed") waiting.reject(thrownBy(outcome.cause))
    else {
      const what = outcome._tag === "NotStarted" ? "not started" : "interrupted"
      const why = outcome.reason ?? "its batch had ended"
      waiting.reject(new Error(`The item was ${what}: ${why}`))
    }
  }
}

/** The batches of a handler to which its overridden `handleRequest` adds, by the context in which that runs. */
export class OpenBatches {
  readonly #open = new WeakMap<ItemContext, OpenBatch | "settled">()

  /** The one of this context, made where it has none yet; `undefined` where it has settled. */
  of(context: ItemContext, make: () => OpenBatch): OpenBatch | undefined {
    let open = context.signal.aborted ? "settled" : this.#open.get(context)
    if (open === "settled") return undefined
    if (open === undefined) {
      // A run that was aborted while this waits for its items would wait for ever.
      context.signal.addEventListener("abort", () => this.#close(context)?.catch(() => {}), { once: true })
      open = make()
      this.#open.set(context, open)
    }
    return open
  }

  /** Interrupts what still runs of the batch that the call has opened, once the call has settled. */
  closing<A>(context: ItemContext, call: () => A | Promise<A>): Promise<A> {
    return new Promise<A>((resolve) => resolve(call())).finally(() => this.#close(context))
  }

  #close(context: ItemContext): Promise<void> | undefined {
    const open = this.#open.get(context)
    this.#open.set(context, "settled")
    return open instanceof OpenBatch ? open.close() : undefined
  }
}
