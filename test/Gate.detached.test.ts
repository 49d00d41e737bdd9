import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Gate } from "parallel-batch-pipeline/effect"
import { makeLog } from "./support/calls.ts"

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

describe("Gate.withPermit in a fiber that outlives the permit around it", () => {
  it.effect("waits no longer for a place of the permit around it, once that has ended", () =>
    Effect.gen(function* () {
      const a = Gate.make({ concurrency: 1 })
      const b = Gate.make({ concurrency: 1 })
      const { lines, log } = makeLog()
      const detached = Effect.forkDetach(Gate.withPermit(log("detached"), a), { startImmediately: true })

      yield* fork(Gate.withPermit(Effect.sleep(10), a))
      yield* fork(Gate.withPermit(Effect.andThen(detached, Effect.sleep(51)), b))
      yield* fork(Gate.withPermit(Effect.sleep(1000), b))
      yield* TestClock.adjust(2000)

      assert.deepStrictEqual(lines, [[51, "detached"]])
    })
  )
})
