/**
 * The shared data of a batch, and how an item changes it.
 *
 * A cell holds the present value. With `isolation: "none"` all items have the
 * same cell, which is the `Ref` of the batch; a change is one synchronous
 * assignment, so no update is lost. With `isolation: "snapshot"` every item has
 * a cell of its own, and its changes are merged when it has succeeded.
 */
import * as Cause from "effect/Cause"
import { SharedDataConflict } from "../BatchError.ts"
import { deepCopy } from "./deepCopy.ts"
import type { Next } from "./definition.ts"
import { type Mergers, merge3 } from "./merge.ts"

export class Cell {
  /** The `Ref` itself: what its owner sets is seen here at once, and the other way round. */
  readonly ref: { current: unknown }
  /** The value that only this cell knows, so that it may be changed in place. */
  #owned: unknown = undefined

  constructor(ref: { current: unknown }) {
    this.ref = ref
  }

  apply(next: Next): void {
    if (next.change === "replace") this.ref.current = next.shared
    else if (next.change === "update") {
      if (this.#owned !== this.ref.current) this.ref.current = this.#owned = deepCopy(this.ref.current)
      // The type of `update` was checked against the shared type of the handler.
      next.update!(this.#owned as never)
    }
  }
}

/** Where the items of a batch find the shared data. */
export interface SharedData {
  readonly ref: { current: unknown }
  /** Whether changes are made at once, so that there is nothing to commit. */
  readonly isAtomic: boolean
  /** The cell of a new item. */
  readonly open: () => Cell
  /** Brings the changes of an item that succeeded into the shared data. */
  readonly commit: (cell: Cell) => Cause.Cause<SharedDataConflict> | undefined
}

export const atomic = (ref: { current: unknown }): SharedData => {
  const cell = new Cell(ref)
  return { ref, isAtomic: true, open: () => cell, commit: () => undefined }
}

class Snapshot extends Cell {
  readonly base: unknown

  constructor(value: unknown) {
    super({ current: deepCopy(value) })
    this.base = value
  }
}

export const snapshot = (ref: { current: unknown }, mergers: Mergers | undefined): SharedData => {
  // Merging never changes a value in place, so a snapshot can keep the value itself as its base. What the caller
  // passed is his to change: only the copy made here is kept.
  ref.current = deepCopy(ref.current)
  return {
    ref,
    isAtomic: false,
    open: () => new Snapshot(ref.current),
    commit: (cell) => mergeInto(ref, cell as Snapshot, mergers)
  }
}

/** As `snapshot`, for shared data that its owner keeps: what an item has changed is written into the owner's object. */
export const snapshotInto = (target: Record<string, unknown>, mergers: Mergers | undefined): SharedData => ({
  ref: { current: target },
  isAtomic: false,
  // Its values are never changed in place, so a shallow copy tells for ever what they were.
  open: () => new Snapshot({ ...target }),
  commit: (cell) => {
    const theirs = { ...target }
    const merged = { current: theirs as unknown }
    const failed = mergeInto(merged, cell as Snapshot, mergers)
    if (failed !== undefined || merged.current === theirs) return failed
    const value = merged.current as Record<string, unknown>
    for (const key of Object.keys(theirs)) if (!Object.hasOwn(value, key)) delete target[key]
    Object.assign(target, value)
    return undefined
  }
})

const mergeInto = (
  ref: { current: unknown },
  cell: Snapshot,
  mergers: Mergers | undefined
): Cause.Cause<SharedDataConflict> | undefined => {
  try {
    const result = merge3(cell.base, cell.ref.current, ref.current, mergers)
    if (result._tag === "Conflict") return Cause.fail(new SharedDataConflict(result.conflict))
    ref.current = result.value
    return undefined
  } catch (error) {
    return Cause.die(error)
  }
}
