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
import { Run, type RunOptions } from "../internal/run.ts"
import { end, pending, type Source } from "../internal/source.ts"
import { entrance, type HandlerParams, type ItemContext } from "./context.ts"
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

  constructor(
    services: Context.Context<never>,
    optionsOf: (source: Source, publish: RunOptions["publish"]) => RunOptions
  ) {
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
    // The handlers of the classes ask for no services.
    const options = optionsOf(source, publish)
    const within: Within = (item, f) => {
      const waiting = this.#waitingFor(item)
      if (waiting === undefined) return options.within!(item, f)
      // The first time, it makes the context of the item.
      if (item.local === undefined) options.within!(item, () => {})
      return waiting.enter(item.local as ItemContext, f)
    }
    this.run = new Run({ ...options, within }, services as Context.Context<unknown>)
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

  /** Interrupts what still runs, and waits for its finalizers. */
  close(): Promise<void> {
    this.#closed = true
    this.run.stop()
    return new Promise((resolve) => {
      this.#fiber.addObserver(() => resolve())
    })
  }

  /** Accounts for what comes after an item has ended the batch. */
  #leaveRest(): void {
    this.run.leaveRest()
    for (const outcome of this.run.unpublished.splice(0)) this.#answer(outcome)
  }

  #answer(outcome: AnyOutcome): void {
    const waiting = this.#waitingFor(outcome)
    if (waiting === undefined) return
    this.#waiting.delete(this.#placeOf(outcome))
    if (outcome._tag === "Succeeded") waiting.resolve(outcome.action)
    else if (outcome._tag === "Failed") waiting.reject(thrownBy(outcome.cause))
    else {
      const what = outcome._tag === "NotStarted" ? "not started" : "interrupted"
      const why = (outcome._tag === "Skipped" ? undefined : outcome.reason) ?? "its batch had ended"
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
