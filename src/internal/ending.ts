/**
 * How an item ended, while its finalizers may still run.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { InvalidParams } from "../BatchError.ts"
import type { Mismatch, Next, Skip } from "./definition.ts"
import type { Item } from "./item.ts"

/** A `Next` succeeds, and ends the batch. */
export type Ending = "succeeded" | Next | Skip | Cause.Cause<unknown>

export const exitOf = (ending: Ending): Exit.Exit<void, unknown> =>
  ending !== "succeeded" && Cause.isCause(ending) ? Exit.failCause(ending) : Exit.void

/** A finalizer that fails, fails the item. */
export const endingAfter = (ending: Ending, closed: Exit.Exit<void, unknown>): Ending => {
  if (closed._tag === "Success") return ending
  return ending !== "succeeded" && Cause.isCause(ending) ? Cause.combine(ending, closed.cause) : closed.cause
}

export const invalidParams = (item: Item, cause: Cause.Cause<unknown>): Cause.Cause<unknown> =>
  // What a decoder fails with is a `Mismatch`.
  Cause.map(cause, (mismatch) => new InvalidParams({ index: item.index, ...(mismatch as Mismatch) }))
