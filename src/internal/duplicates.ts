/**
 * Items with the same key.
 *
 * The first one runs; those that come later share what it comes to, or fail. Who
 * shares waits without a worker, and is ready when the first one has ended.
 */
import * as Cause from "effect/Cause"
import { DuplicateKey } from "../BatchError.ts"
import { shown } from "../errors/text.ts"
import type { Ending } from "./ending.ts"
import type { Step } from "./graph.ts"
import type { Item } from "./item.ts"
import { isHash } from "./key.ts"
import * as Check from "./options.ts"
import type { Trail } from "./trail.ts"

/** What the option `duplicates` says: nothing where every item runs. */
export const toDuplicates = (policy: "run" | "share" | "error" | undefined): Duplicates | undefined => {
  const checked = Check.oneOf("duplicates", policy ?? "run", ["run", "share", "error"])
  return checked === "run" ? undefined : new Duplicates(checked)
}

/** What an item has come to, for those that share it. */
export interface Result {
  readonly ending: Ending | "interrupted"
  readonly trail: Trail
  readonly step: Step | undefined
  readonly action: string
  readonly output: unknown
  readonly attempts: number
  /** Why a gate sent the item away. */
  readonly refused: string | undefined
}

/** The first item with a key. */
export interface First {
  readonly index: number
  /** `undefined` while it runs. */
  result: Result | undefined
  waiting: Array<Item> | undefined
}

export class Duplicates {
  private readonly shares: boolean
  private readonly firsts = new Map<string, First>()

  constructor(policy: "share" | "error") {
    this.shares = policy === "share"
  }

  /** Lets go of what a handle would keep alive. */
  forget(): void {
    this.firsts.clear()
  }

  /** Whether the item may go on: to run, or to the end that it has been given. It waits for the first one otherwise. */
  admit(item: Item): boolean {
    const key = item.key
    const first = this.firsts.get(key)
    if (first === undefined) {
      this.firsts.set(key, (item.first = { index: item.index, result: undefined, waiting: undefined }))
      return true
    }
    if (!this.shares) {
      const { index, params } = item
      const said = isHash(key) ? { params: shown(params) } : undefined
      item.ending = Cause.fail(new DuplicateKey({ key, index, first: first.index, ...said }))
      return true
    }
    if (first.result !== undefined) {
      item.adopt(first.result)
      return true
    }
    ;(first.waiting ??= []).push(item)
    return false
  }

  /** An item was run by an earlier batch: one that comes later with its key fails, or runs, for there is nothing to share. */
  know(outcome: { readonly index: number; readonly key: string }): void {
    if (this.shares) return
    this.firsts.set(outcome.key, { index: outcome.index, result: undefined, waiting: undefined })
  }

  /** An item has come to its end; answers those that waited for it. */
  settle(item: Item, ending: Ending | "interrupted"): ReadonlyArray<Item> {
    const first = item.first
    if (first === undefined || !this.shares) return []
    const { action, attempts, output, refused, step, trail } = item
    // One stop is enough.
    const shared = ending !== "interrupted" && isStop(ending) ? "succeeded" : ending
    const result = (first.result = { ending: shared, trail, step, action, output, attempts, refused })
    const waiting = first.waiting ?? []
    first.waiting = undefined
    for (const other of waiting) other.adopt(result)
    return waiting
  }
}

const isStop = (ending: Ending): boolean => ending !== "succeeded" && !Cause.isCause(ending) && ending._tag === "Next"
