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
  /** Why the item has no shared data to work on. */
  readonly fault: Cause.Cause<never> | undefined = undefined

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

/** Of an item whose copy could not be made: a getter throws, or a part that cannot be copied. */
class Fault extends Cell {
  override readonly fault: Cause.Cause<never>

  constructor(error: unknown) {
    super({ current: undefined })
    this.fault = Cause.die(error)
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
    return snapshotOf(() => this.ref.current)
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
    return snapshotOf(() => ({ ...this.target }))
  }

  commit(cell: Cell): Cause.Cause<SharedDataConflict> | undefined {
    try {
      const theirs = { ...this.target }
      const merged = { current: theirs as unknown }
      const failed = mergeInto(merged, cell as Snapshot, this.mergers)
      if (failed === undefined) change(this.target, theirs, merged.current as Record<string, unknown>)
      return failed
    } catch (error) {
      return Cause.die(error)
    }
  }
}

const snapshotOf = (value: () => unknown): Cell => {
  try {
    return new Snapshot(value())
  } catch (error) {
    return new Fault(error)
  }
}

/** Writes what is different, and only that: who owns the object may have keys that cannot be written. All of it or nothing. */
const change = (target: Record<string, unknown>, from: Record<string, unknown>, to: Record<string, unknown>): void => {
  const changed = Object.keys({ ...from, ...to }).filter(
    (key) => !Object.is(from[key], to[key]) || !Object.hasOwn(from, key) || !Object.hasOwn(to, key)
  )
  const written: Array<string> = []
  try {
    for (const key of changed) {
      put(target, key, to)
      written.push(key)
    }
  } catch (error) {
    for (const key of written) put(target, key, from)
    throw error
  }
}

const put = (target: Record<string, unknown>, key: string, source: Record<string, unknown>): void => {
  if (Object.hasOwn(source, key)) target[key] = source[key]
  else delete target[key]
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
