/**
 * The outcomes of a batch, kept compactly.
 *
 * Nearly all items succeed, and few of their outcomes are ever looked at. So a
 * success is kept as a row of columns, and becomes an `Outcome` when the outcomes
 * are first read. An object for each of them at once costs a batch of cheap items
 * a third of its time, all of it in the garbage collector.
 */
import type { Item } from "./item.ts"
import { type AnyOutcome, type KeyOf, Succeeded } from "./outcome.ts"
import type { Finish } from "./trail.ts"

export interface LedgerOptions {
  readonly keep: "all" | "failures" | "none"
  readonly keyOf: KeyOf
  /** How many items there will be, where that is known. */
  readonly size: number
  /** The index of the first. */
  readonly first: number
  /** Whether it is kept when the steps of an item began. */
  readonly timed: boolean
  /** The params of all items, where they are at hand. */
  readonly items: ReadonlyArray<unknown> | undefined
}

/** Rows in one block: small enough for the heap to use its place again, where large arrays are fresh memory each time. */
const blockSize = 1024

/** The columns of so many items in a row. What is no object stands outside of the heap: nothing is moved or looked through. */
class Block {
  /** Of a success its output, of every other item its outcome. */
  readonly results: Array<unknown>
  /** Of a success how it ended, as its place among the finishes, from 1. */
  finishes: Uint32Array
  /** When each began, and how long it took. */
  times: Float64Array
  /** Empty where the params of all items are at hand. */
  readonly params: Array<unknown> = []
  /** When the steps of an item began; only where the batch records it. */
  readonly stepStarts: Array<ReadonlyArray<number>> = []

  constructor(rows: number) {
    this.results = new Array(rows)
    this.finishes = new Uint32Array(rows)
    this.times = new Float64Array(2 * rows)
  }

  /** Makes a place for one more, where it is not known how many there will be. */
  open(at: number): void {
    if (at === this.finishes.length) {
      const rows = Math.min(Math.max(2 * at, 16), blockSize)
      const { finishes, times } = this
      this.finishes = new Uint32Array(rows)
      this.finishes.set(finishes)
      this.times = new Float64Array(2 * rows)
      this.times.set(times)
    }
    // In order: an array that grows with gaps turns into a hash table.
    this.results[at] = undefined
  }
}

export class Ledger {
  readonly #keep: "all" | "failures" | "none"
  readonly #keyOf: KeyOf
  readonly #first: number
  /** How many rows there will be, as far as was known from the start. */
  readonly #size: number
  /** The params of all items, where they were at hand from the start; else they are noted one by one. */
  readonly #given: ReadonlyArray<unknown> | undefined
  readonly #timed: boolean
  readonly #blocks: Array<Block> = []
  /** Each as often as another one came in between: items on the same route share one. */
  readonly #finishes: Array<Finish> = []
  readonly #failures = new Map<number, AnyOutcome>()

  constructor({ first, items, keep, keyOf, size, timed }: LedgerOptions) {
    this.#keep = keep
    this.#first = first
    this.#size = size
    this.#keyOf = keyOf
    this.#given = items
    this.#timed = timed
  }

  /** Makes a place for the next item, in order. */
  open(index: number, params: unknown): void {
    if (this.#keep !== "all") return
    const row = index - this.#first
    const at = row % blockSize
    if (at === 0) this.#blocks.push(new Block(Math.max(0, Math.min(this.#size - row, blockSize))))
    if (this.#given !== undefined) return
    const block = this.#blockOf(row)
    block.params[at] = params
    if (row >= this.#size) block.open(at)
  }

  succeed(item: Item, finish: Finish, millis: number): void {
    if (this.#keep !== "all") return
    const row = item.index - this.#first
    const at = row % blockSize
    const block = this.#blockOf(row)
    block.results[at] = item.output
    block.times[2 * at] = item.startedAt
    block.times[2 * at + 1] = millis
    if (this.#timed) block.stepStarts[at] = item.stepStarts!
    const finishes = this.#finishes
    if (finishes[finishes.length - 1] !== finish) finishes.push(finish)
    block.finishes[at] = finishes.length
  }

  put(outcome: AnyOutcome): void {
    const row = outcome.index - this.#first
    if (this.#keep === "all") this.#blockOf(row).results[row % blockSize] = outcome
    else if (this.#keep === "failures" && outcome._tag === "Failed") this.#failures.set(outcome.index, outcome)
  }

  /** The outcomes that were kept, in input order, of the items that have ended. */
  outcomes(): ReadonlyArray<AnyOutcome> {
    if (this.#keep !== "all") return Array.from(this.#failures.values()).sort((a, b) => a.index - b.index)
    const outcomes: Array<AnyOutcome> = []
    this.#blocks.forEach((block, position) => {
      for (let at = 0; at < block.results.length; at++) {
        const outcome = this.#outcomeAt(block, position * blockSize + at)
        if (outcome !== undefined) outcomes.push(outcome)
      }
    })
    return outcomes
  }

  /** The indexes of the outcomes that were kept, in input order, of the items that have ended. */
  indexes(): ReadonlyArray<number> {
    if (this.#keep !== "all") return Array.from(this.#failures.keys()).sort((a, b) => a - b)
    const indexes: Array<number> = []
    this.#blocks.forEach((block, position) => {
      for (let at = 0; at < block.results.length; at++) {
        const hasEnded = block.finishes[at] !== 0 || block.results[at] !== undefined
        if (hasEnded) indexes.push(position * blockSize + at + this.#first)
      }
    })
    return indexes
  }

  /** The outcome that was kept of an item, if it has ended. */
  outcomeOf(index: number): AnyOutcome | undefined {
    if (this.#keep !== "all") return this.#failures.get(index)
    const row = index - this.#first
    const block = this.#blocks[Math.floor(row / blockSize)]
    return block === undefined ? undefined : this.#outcomeAt(block, row)
  }

  /** The block of a row that was opened. */
  #blockOf(row: number): Block {
    return this.#blocks[(row / blockSize) >>> 0]!
  }

  #outcomeAt(block: Block, row: number): AnyOutcome | undefined {
    const at = row % blockSize
    const result = block.results[at]
    const finish = this.#finishes[block.finishes[at]! - 1]
    // Without a finish, the result is the outcome itself, or the item has not ended.
    if (finish === undefined) return result as AnyOutcome | undefined
    const { action, attempts, trail } = finish
    return new Succeeded(
      {
        index: row + this.#first,
        params: this.#given === undefined ? block.params[at] : this.#given[row],
        attempts,
        trail,
        startedAt: block.times[2 * at]!,
        stepStarts: block.stepStarts[at]
      },
      this.#keyOf,
      block.times[2 * at + 1]!,
      action,
      result
    )
  }
}
