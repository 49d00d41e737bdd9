/**
 * What may be said to a batch while it runs.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { holdBack } from "./gated.ts"
import type { Item } from "./item.ts"
import * as Check from "./options.ts"
import type { Run } from "./run.ts"
import type { Worker } from "./worker.ts"

export const setConcurrency = (run: Run, concurrency: number | "unbounded"): void => {
  run.concurrency = Check.concurrency(concurrency)
  run.fit()
}

/** Nothing new begins; what has begun goes on. */
export const setPaused = (run: Run, paused: boolean): void => {
  run.paused = paused
  if (paused) holdBack(run)
  run.fit()
}

/**
 * Ends the items with a key: those that have begun are interrupted, and their finalizers have run when this ends;
 * those still to come will not start. Answers whether any had begun.
 */
export const cancel = (run: Run, key: string): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    run.refuse(key)
    const aside = Array.from(run.aside).filter((item) => item.ending === undefined && item.keyOr(undefined) === key)
    for (const item of aside) interruptAside(run, item)
    const fibers = Array.from(run.active).flatMap((worker) => cancelInHand(worker, key))
    return Effect.as(Fiber.awaitAll(fibers), aside.length + fibers.length > 0)
  })

/** Interrupts the item in hand, if it has this key and no end yet; another worker takes the place of this one. */
const cancelInHand = (
  { ending, fiber, finalizing, item }: Worker,
  key: string
): ReadonlyArray<Fiber.Fiber<unknown, unknown>> => {
  // Where it was interrupted before, its finalizers run.
  if (fiber !== undefined && finalizing?.keyOr(undefined) === key) return [fiber]
  if (item === undefined || fiber === undefined || ending !== undefined || item.keyOr(undefined) !== key) return []
  item.cancelled = true
  fiber.interruptUnsafe()
  return [fiber]
}

/** Has an item end that was put aside, unless its end is known. */
const interruptAside = (run: Run, item: Item): void => {
  if (item.ending === undefined && run.aside.delete(item)) run.interrupt(item, run.now())
}
