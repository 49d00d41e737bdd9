/**
 * Where the parameter sets of a batch come from, read one at a time on demand.
 *
 * A worker asks `next()`. It gets a parameter set, or `end`, or `pending`, which
 * means: run `pull`, then ask again. Nothing is read that no worker asked for,
 * except the rest of a chunk that a stream emits at once.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { format } from "effect/Formatter"
import * as Semaphore from "effect/Semaphore"
import { InvalidOptions } from "../BatchError.ts"
import { disown } from "./tags.ts"

export const end: unique symbol = Symbol.for("parallel-batch-pipeline/Source/end")
export const pending: unique symbol = Symbol.for("parallel-batch-pipeline/Source/pending")

export interface Source {
  /** How many parameter sets there are; 0 where that is not known. */
  readonly size: number
  /** All of them, where they are at hand; an array that nobody changes. */
  readonly items?: ReadonlyArray<unknown>
  /** Whether no more will come, as far as is known without reading on. */
  readonly exhausted: boolean
  /** As `exhausted`, where there may be more of the input than the source itself has. */
  readonly complete?: boolean
  /** How many of those to come are only taken over from an earlier batch. Defaults to 0. */
  readonly ahead?: number
  /** Answers the next parameter set, `end` or `pending`; throws what the input throws. */
  readonly next: () => unknown
  /** Reads on, after `pending`; fails with the error of the input. */
  readonly pull: Effect.Effect<void, unknown, unknown>
  /** Takes what was given, or read, and has not been handed out. */
  readonly rest: () => Iterable<unknown>
  /** Tells the input that nothing more is wanted, and waits for its finalizers. */
  readonly close: Effect.Effect<void>
}

export const isIterable = (u: unknown): u is Iterable<unknown> | AsyncIterable<unknown> =>
  typeof u === "object" && u !== null && (Symbol.iterator in u || Symbol.asyncIterator in u)

export const make = (input: Iterable<unknown> | AsyncIterable<unknown>): Source => {
  // A snapshot of what is already there: a handler that changes the collection does not change the batch.
  if (Array.isArray(input)) return new FromArray(input.slice())
  if (input instanceof Set || input instanceof Map) return new FromArray(Array.from(input))
  return Symbol.asyncIterator in input ? fromAsyncIterable(input) : fromIterable(input)
}

/** A class: each literal with a getter is a hash table of its own, which took the compiled hot loop with it when it died. */
class FromArray implements Source {
  readonly size: number
  readonly pull = Effect.void
  /** Lets go of what a handle or a report would keep alive. */
  readonly close = Effect.sync(() => {
    this.items = []
  })
  items: ReadonlyArray<unknown>
  private index = 0

  constructor(items: ReadonlyArray<unknown>) {
    this.items = items
    this.size = items.length
  }

  get exhausted(): boolean {
    return this.index >= this.items.length
  }

  next(): unknown {
    return this.index < this.items.length ? this.items[this.index++] : end
  }

  rest(): ReadonlyArray<unknown> {
    const rest = this.items.slice(this.index)
    this.index = this.items.length
    return rest
  }
}

/** Iterators that have nothing more to give: a batch that is run again with one would succeed with no items. */
const spent = new WeakSet<object>()

const unspent = <I extends object>(iterator: I): I => {
  if (!spent.has(iterator)) return iterator
  throw new InvalidOptions({
    option: "params",
    value: iterator,
    expected: "an input that no earlier run has used up: an iterator can be read once"
  })
}

const fromIterable = (iterable: Iterable<unknown>): Source => {
  const iterator = unspent(iterable[Symbol.iterator]())
  let open = true
  let exhausted = false
  return {
    size: 0,
    get exhausted() {
      return exhausted
    },
    next: () => {
      if (!open) return end
      // An iterator that throws is done and must not be told to return.
      open = false
      const result = iterator.next()
      if (typeof result !== "object" || result === null) {
        throw new TypeError(`next() of the params answered ${format(result)}, expected { done, value }`)
      }
      if (result.done === true) {
        exhausted = true
        spent.add(iterator)
        return end
      }
      open = true
      return result.value
    },
    pull: Effect.void,
    rest: () => [],
    close: Effect.sync(() => {
      if (!open) return
      open = false
      if (iterator.return === undefined) return
      spent.add(iterator)
      disown(iterator.return())
    })
  }
}

/** A source that waits for its input: workers that find the buffer empty read on, one at a time. */
export const buffered = (options: {
  /** Answers the next chunk; an empty one at the end. */
  readonly read: Effect.Effect<ReadonlyArray<unknown>, unknown, unknown>
  readonly close: Effect.Effect<void>
}): Source => {
  const reading = Semaphore.makeUnsafe(1)
  let chunk: ReadonlyArray<unknown> = []
  let index = 0
  let exhausted = false
  let broken = false
  const read = Effect.onExit(options.read, (exit) =>
    Effect.sync(() => {
      broken = Exit.isFailure(exit)
    })
  )
  return {
    size: 0,
    get exhausted() {
      return exhausted && index >= chunk.length
    },
    next: () => (index < chunk.length ? chunk[index++] : exhausted ? end : pending),
    pull: Semaphore.withPermits(
      reading,
      1
    )(
      Effect.suspend(() =>
        exhausted || index < chunk.length
          ? Effect.void
          : broken
            ? // Its failure is about to end the batch; nobody reads on meanwhile.
              Effect.never
            : Effect.map(read, (items) => {
                exhausted = items.length === 0
                chunk = items
                index = 0
              })
      )
    ),
    rest: () => {
      const rest = chunk.slice(index)
      index = chunk.length
      return rest
    },
    close: options.close
  }
}

const fromAsyncIterable = (iterable: AsyncIterable<unknown>): Source => {
  const iterator = unspent(iterable[Symbol.asyncIterator]())
  let open = true
  let waiting = false
  return buffered({
    read: Effect.callback<ReadonlyArray<unknown>>((resume) => {
      waiting = true
      const settle = (effect: Effect.Effect<ReadonlyArray<unknown>>) => {
        waiting = false
        resume(effect)
      }
      const fail = (error: unknown) => {
        open = false
        settle(Effect.die(error))
      }
      try {
        iterator.next().then((result) => {
          if (result.done === true) {
            open = false
            spent.add(iterator)
          }
          settle(Effect.succeed(result.done === true ? [] : [result.value]))
        }, fail)
      } catch (error) {
        fail(error)
      }
    }),
    close: Effect.suspend(() => {
      if (!open || iterator.return === undefined) return Effect.void
      open = false
      spent.add(iterator)
      const returned = Effect.promise(async () => iterator.return!())
      // A generator answers `return` only after the `next` it is in. That may be never, and a batch must not hang
      // on an input that went silent: one turn for those that answer at once, then it closes in its own time.
      return waiting ? Effect.race(returned, Effect.yieldNow) : returned
    })
  })
}
