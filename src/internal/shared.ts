/**
 * The shared data of a batch, and how an item changes it.
 *
 * A cell holds the present value. With `isolation: "none"` all items have the
 * same cell, which is the `Ref` of the batch; a change is one synchronous
 * assignment, so no update is lost. With `isolation: "snapshot"` every item has
 * a cell of its own, and its changes are merged when it has succeeded.
 */
import * as Cause from "effect/Cause"
import { hasProperty } from "effect/Predicate"
import type * as Ref from "effect/Ref"
import { SharedDataConflict } from "../BatchError.ts"
import { deepCopy } from "./deepCopy.ts"
import type { Next } from "./definition.ts"
import { type Mergers, merge3 } from "./merge.ts"
import { disown } from "./tags.ts"

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
      const answer: unknown = next.update!(this.#owned as never)
      if (answer instanceof Promise) {
        disown(answer)
        throw new TypeError("The function given to Handler.nextWith answered a promise, but it is synchronous")
      }
    }
  }
}

/** The cell behind the option `shared`: that of a `Ref`, or a new one with the value. */
export const refOf = (shared: unknown): { current: unknown } =>
  // `Ref` has no guard of its own.
  hasProperty(shared, "~effect/Ref") ? (shared as Ref.Ref<unknown>).ref : { current: shared }

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

/** Classes, and not closures of each batch: a garbage collection would take these, and the code compiled for them. */
export class Atomic implements SharedData {
  readonly ref: { current: unknown }
  readonly isAtomic = true
  private readonly cell: Cell

  constructor(ref: { current: unknown }) {
    this.ref = ref
    this.cell = new Cell(ref)
  }

  open(): Cell {
    return this.cell
  }

  commit(): undefined {
    return undefined
  }
}

class Snapshot extends Cell {
  readonly base: unknown

  constructor(value: unknown) {
    super({ current: deepCopy(value) })
    this.base = value
  }
}

export class Snapshots implements SharedData {
  readonly ref: { current: unknown }
  readonly isAtomic = false
  private readonly mergers: Mergers | undefined

  constructor(ref: { current: unknown }, mergers: Mergers | undefined) {
    // Merging never changes a value in place, so a snapshot can keep the value itself as its base. What the caller
    // passed is his to change: only the copy made here is kept.
    ref.current = deepCopy(ref.current)
    this.ref = ref
    this.mergers = mergers
  }

  open(): Cell {
    return new Snapshot(this.ref.current)
  }

  commit(cell: Cell): Cause.Cause<SharedDataConflict> | undefined {
    return mergeInto(this.ref, cell as Snapshot, this.mergers)
  }
}

/** As `Snapshots`, for shared data that its owner keeps: what an item has changed is written into the owner's object. */
export class SnapshotsInto implements SharedData {
  readonly ref: { current: unknown }
  readonly isAtomic = false
  private readonly target: Record<string, unknown>
  private readonly mergers: Mergers | undefined

  constructor(target: Record<string, unknown>, mergers: Mergers | undefined) {
    this.ref = { current: target }
    this.target = target
    this.mergers = mergers
  }

  open(): Cell {
    // Its values are never changed in place, so a shallow copy tells for ever what they were.
    return new Snapshot({ ...this.target })
  }

  commit(cell: Cell): Cause.Cause<SharedDataConflict> | undefined {
    const { target } = this
    const theirs = { ...target }
    const merged = { current: theirs as unknown }
    const failed = mergeInto(merged, cell as Snapshot, this.mergers)
    if (failed !== undefined || merged.current === theirs) return failed
    const value = merged.current as Record<string, unknown>
    for (const key of Object.keys(theirs)) if (!Object.hasOwn(value, key)) delete target[key]
    Object.assign(target, value)
    return undefined
  }
}

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
