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
import type { Ending } from "./trail.ts"

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

export class Ledger {
  readonly #keep: "all" | "failures" | "none"
  readonly #keyOf: KeyOf
  readonly #first: number
  /** How many places there were from the start. */
  readonly #rows: number
  /** The params of all items, where they were at hand from the start; else they are noted one by one. */
  readonly #given: ReadonlyArray<unknown> | undefined
  readonly #params: Array<unknown>
  /** Of a success its output, of every other item its outcome. */
  readonly #results: Array<unknown>
  /** Of a success how it ended, `undefined` for every other item. */
  readonly #endings: Array<Ending | undefined>
  readonly #startedAfter: Array<number>
  readonly #millis: Array<number>
  /** When the steps of an item began; only where the batch records it. */
  readonly #stepStarts: Array<ReadonlyArray<number>> | undefined
  readonly #failures = new Map<number, AnyOutcome>()

  constructor({ first, items, keep, keyOf, size, timed }: LedgerOptions) {
    const rows = keep === "all" ? size : 0
    this.#keep = keep
    this.#first = first
    this.#rows = rows
    this.#keyOf = keyOf
    this.#given = keep === "all" ? items : undefined
    this.#params = new Array(this.#given === undefined ? rows : 0)
    this.#results = new Array(rows)
    this.#endings = new Array(rows)
    this.#startedAfter = new Array(rows)
    this.#millis = new Array(rows)
    this.#stepStarts = timed ? new Array(rows) : undefined
  }

  /** Makes a place for the next item, in order: an array that grows with gaps turns into a hash table. */
  open(index: number, params: unknown): void {
    if (this.#given !== undefined || this.#keep !== "all") return
    const row = index - this.#first
    this.#params[row] = params
    if (row < this.#rows) return
    this.#results[row] = undefined
    this.#endings[row] = undefined
    this.#startedAfter[row] = 0
    this.#millis[row] = 0
  }

  succeed(item: Item, ending: Ending, millis: number): void {
    if (this.#keep !== "all") return
    const row = item.index - this.#first
    this.#results[row] = item.output
    this.#startedAfter[row] = item.startedAt
    if (this.#stepStarts !== undefined) this.#stepStarts[row] = item.stepStarts!
    this.#endings[row] = ending
    this.#millis[row] = millis
  }

  put(outcome: AnyOutcome): void {
    if (this.#keep === "all") this.#results[outcome.index - this.#first] = outcome
    else if (this.#keep === "failures" && outcome._tag === "Failed") this.#failures.set(outcome.index, outcome)
  }

  /** The outcomes that were kept, in input order, of the items that have ended. */
  outcomes(): ReadonlyArray<AnyOutcome> {
    if (this.#keep !== "all") return Array.from(this.#failures.values()).sort((a, b) => a.index - b.index)
    const outcomes: Array<AnyOutcome> = []
    this.#results.forEach((result, row) => {
      const outcome = this.#outcomeAt(row, result)
      if (outcome !== undefined) outcomes.push(outcome)
    })
    return outcomes
  }

  /** The indexes of the outcomes that were kept, in input order, of the items that have ended. */
  indexes(): ReadonlyArray<number> {
    if (this.#keep !== "all") return Array.from(this.#failures.keys()).sort((a, b) => a - b)
    const indexes: Array<number> = []
    for (let row = 0; row < this.#results.length; row++) {
      const hasEnded = this.#endings[row] !== undefined || this.#results[row] !== undefined
      if (hasEnded) indexes.push(row + this.#first)
    }
    return indexes
  }

  /** The outcome that was kept of an item, if it has ended. */
  outcomeOf(index: number): AnyOutcome | undefined {
    if (this.#keep !== "all") return this.#failures.get(index)
    const row = index - this.#first
    return this.#outcomeAt(row, this.#results[row])
  }

  #outcomeAt(row: number, result: unknown): AnyOutcome | undefined {
    const ending = this.#endings[row]
    // Without an ending, the result is the outcome itself, or the item has not ended.
    if (ending === undefined) return result as AnyOutcome | undefined
    const { action, attempts, trail } = ending
    return new Succeeded(
      {
        index: row + this.#first,
        params: (this.#given ?? this.#params)[row],
        attempts,
        trail,
        startedAt: this.#startedAfter[row]!,
        stepStarts: this.#stepStarts?.[row]
      },
      this.#keyOf,
      this.#millis[row]!,
      action,
      result
    )
  }
}
