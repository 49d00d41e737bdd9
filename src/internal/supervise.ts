/**
 * The fibers of a batch: the ramp that starts its workers, and what can end it
 * before they have.
 */
import * as Effect from "effect/Effect"
import type { Canary } from "./canary.ts"
import type { Run } from "./run.ts"
import { snapshotOf } from "./snapshot.ts"
import { Worker } from "./worker.ts"

/** What runs until the batch ends, or ends it. */
type Part = Effect.Effect<void, never, unknown>

/** Runs every item; ends early after `stop`, when everything that ran has been interrupted and finalized. */
export const supervise = (run: Run): Part => {
  const { beside, canary, drain, timeouts } = run.options
  const others: Array<Part> = []
  // The end of a timer is where the batch begins to drain, and not its end.
  for (const { duration, reason } of timeouts ?? []) {
    others.push(
      Effect.andThen(
        Effect.delay(
          Effect.sync(() => run.timeUp(reason)),
          duration
        ),
        Effect.never
      )
    )
  }
  if (drain !== undefined) others.push(Effect.andThen(run.drains.wait, Effect.delay(Effect.void, drain)))
  if (canary !== undefined) others.push(probe(run, canary))
  if (beside !== undefined) others.push(beside(run))
  const stopping = stoppingOf(run)
  if (others.length === 0) return Effect.raceFirst(stopping, ramp(run))
  return Effect.raceAllFirst([
    stopping,
    ...others,
    beside === undefined ? ramp(run) : Effect.andThen(Effect.yieldNow, ramp(run))
  ])
}

/** Comes first in the race, so that an interruption says it before it reaches the first worker. */
const stoppingOf = (run: Run): Part =>
  Effect.onInterrupt(run.stopping.wait, () =>
    Effect.sync(() => {
      run.stopped = true
    })
  )

/**
 * Starts workers while there are items for them. They are children of the fiber
 * that runs this; it ends when all of them have ended.
 */
const ramp = (run: Run): Part =>
  Effect.awaitAllChildren(
    Effect.whileLoop({
      while: () => run.hasWork,
      body: (): Part => {
        if (!run.wantsWorker) return run.demanded.wait
        if (run.pace.isDue()) return run.pace.turn
        const worker = new Worker(run)
        run.begin(worker)
        return Effect.map(Effect.forkChild(worker.effect, { startImmediately: true }), (fiber) => {
          fiber.addObserver((exit) => worker.ended(exit))
        })
      },
      step: () => {}
    })
  )

/** Asks the canary once its items have ended; then the others start, or the batch ends. */
const probe = (run: Run, { check, items }: Canary): Part => {
  const ask = Effect.suspend(() => check(snapshotOf(run)))
  const act = Effect.matchCause(ask, {
    onFailure: (cause) => {
      run.endedBy = { _tag: "Canary", items }
      run.breakDown(cause)
    },
    onSuccess: (opens) => {
      run.probing = false
      if (opens) run.fit()
      else run.endBy({ _tag: "Canary", items })
    }
  })
  return Effect.flatMap(run.idle.wait, () =>
    run.isProbed && run.isIdle ? Effect.andThen(act, Effect.never) : probe(run, { check, items })
  )
}
