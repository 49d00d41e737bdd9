/**
 * Finds the outcome of an item in another report: by its key, and where that
 * stands for several items, by its params as well.
 */
import type * as Outcome from "../../Outcome.ts"
import { Fifo } from "../fifo.ts"
import { stableKey } from "../key.ts"
import * as Text from "./text.ts"

/** Text for text the same where params are; `undefined` where that cannot be known, and then they match nothing. */
type ContentOf = (key: string, params: unknown) => string | undefined

export const contentOf = (params: unknown): string | undefined =>
  Text.safely<string | undefined>(() => stableKey(params), undefined)

export class Matches<O extends Outcome.Any> {
  readonly #singles = new Map<string, O>()
  /** By params and key. */
  readonly #others = new Map<string, Fifo<O>>()
  readonly #repeated: ReadonlySet<string>
  readonly #contentOf: ContentOf

  /** `wanted`: the keys of all items that outcomes are looked for; those of one key are taken in the order given. */
  constructor(
    outcomes: ReadonlyArray<O>,
    keyOf: (outcome: O) => string,
    wanted: Iterable<string | undefined>,
    contentOf: ContentOf
  ) {
    const repeated = new Set<string>()
    this.#repeated = repeated
    this.#contentOf = contentOf
    for (const outcome of outcomes) {
      const key = keyOf(outcome)
      if (this.#singles.has(key)) repeated.add(key)
      else this.#singles.set(key, outcome)
    }
    const seen = new Set<string>()
    for (const key of wanted) {
      if (key === undefined) continue
      if (seen.has(key)) repeated.add(key)
      else seen.add(key)
    }
    if (repeated.size === 0) return
    for (const outcome of outcomes) {
      const key = keyOf(outcome)
      const id = repeated.has(key) ? this.#idOf(key, outcome.params) : undefined
      if (id === undefined) continue
      const others = this.#others.get(id) ?? new Fifo<O>()
      others.push(outcome)
      this.#others.set(id, others)
    }
  }

  has(key: string): boolean {
    return this.#singles.has(key)
  }

  /** Each outcome is taken once. */
  take(key: string, params: unknown): O | undefined {
    if (!this.#repeated.has(key)) return this.#singles.get(key)
    const id = this.#idOf(key, params)
    return id === undefined ? undefined : this.#others.get(id)?.shift()
  }

  #idOf(key: string, params: unknown): string | undefined {
    const content = this.#contentOf(key, params)
    return content === undefined ? undefined : `${content} ${key}`
  }
}

/** The keys that stand for items with different params, and for how many such. */
export const ambiguous = (
  items: ReadonlyArray<{ readonly key: string; readonly params: unknown }>
): ReadonlyMap<string, number> => {
  const firsts = new Map<string, unknown>()
  const repeated = new Map<string, Set<string | undefined>>()
  for (const { key, params } of items) {
    if (!firsts.has(key)) {
      firsts.set(key, params)
      continue
    }
    const contents = repeated.get(key) ?? new Set([contentOf(firsts.get(key))])
    repeated.set(key, contents.add(contentOf(params)))
  }
  const counts = new Map<string, number>()
  for (const [key, { size }] of repeated) if (size > 1) counts.set(key, size)
  return counts
}

/** Of outcomes with one key the one that people look for: the first that failed, else that did not succeed. */
export const preferred = <O extends Outcome.Any>(a: O | undefined, b: O): O =>
  a === undefined || rank(b) < rank(a) ? b : a

const rank = ({ _tag }: Outcome.Any): number => (_tag === "Failed" ? 0 : _tag === "Succeeded" ? 2 : 1)
