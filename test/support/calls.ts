/** What the tests of gates in batches have in common. */
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { Handler, Pipeline } from "parallel-batch-pipeline/effect"

export interface Call {
  readonly n: number
  readonly key?: string
}

export const calls = (count: number, key = "a"): ReadonlyArray<Call> =>
  Array.from({ length: count }, (_, n) => ({ n, key }))

/** A list of what happened, with the time at which it did. */
export const makeLog = () => {
  const lines: Array<[at: number, what: unknown]> = []
  const log = (what: unknown) => Effect.map(Clock.currentTimeMillis, (now) => void lines.push([now, what]))
  const timesOf = (what: unknown) => lines.filter((line) => line[1] === what).map(([at]) => at)
  return { lines, log, timesOf, times: () => lines.map(([at]) => at) }
}

export type Step<O, E> = Handler.Handler<Call, Call, unknown, unknown, O, "default", E, never>

export const single = <O, E>(step: Step<O, E>) => Pipeline.make("single", { handlers: { step }, start: "step" })

export const collect = { mode: "collect-all" } as const

/** Moves the clock, with turns of the event loop in which promises settle. */
export const pass = (millis: number, step = 10): Effect.Effect<void> =>
  Effect.gen(function* () {
    const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
    for (let passed = 0; passed < millis; passed += step) {
      yield* turn
      yield* TestClock.adjust(step)
    }
    yield* turn
  })
