/**
 * What may be said to a batch while it runs.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Check from "./options.ts"
import type { Run } from "./run.ts"

export const setConcurrency = (run: Run, concurrency: number | "unbounded"): void => {
  run.concurrency = Check.concurrency(concurrency)
  run.fit()
}

/** Nothing new begins; what has begun goes on. */
export const setPaused = (run: Run, paused: boolean): void => {
  run.paused = paused
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
    for (const item of aside) run.interruptAside(item)
    const fibers = Array.from(run.active).flatMap((worker) => worker.cancel(key))
    return Effect.as(Fiber.awaitAll(fibers), aside.length + fibers.length > 0)
  })
