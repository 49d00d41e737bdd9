import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler } from "parallel-batch-pipeline/effect"
import { type Call, makeLog, single } from "./support/calls.ts"

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

describe("Gate, for those that have started and those within others", () => {
  it.effect("gives a place back to one that has started before one that waits for its rate", () =>
    Effect.gen(function* () {
      const gate = Gate.make({
        concurrency: 1,
        rate: { limit: 2, window: 1000 },
        key: ({ key = "" }: Call) => key
      })
      const { lines, log } = makeLog()
      const step = Handler.make("step", {
        handleRequest: (_call: Call) =>
          Effect.suspend(() => (lines.length === 0 ? Effect.andThen(log("item"), Effect.fail("busy")) : log("again"))),
        retry: { times: 1, schedule: Schedule.spaced(10) }
      })
      const nested = Gate.withPermit(log("nested"), gate, { n: 1, key: "a" })

      const batch = yield* fork(Batch.run(single(step), { params: [{ n: 0, key: "a" }], gate }))
      yield* fork(Gate.withPermit(Effect.delay(nested, 5), gate, { n: 1, key: "a" }))
      yield* fork(Gate.withPermit(Effect.sleep(20), gate, { n: 2, key: "b" }))
      yield* TestClock.adjust(2000)

      assert.deepStrictEqual(lines, [
        [0, "item"],
        [25, "again"],
        [1000, "nested"]
      ])
      assert.strictEqual((yield* Fiber.join(batch)).succeeded, 1)
    })
  )

  it.effect("lets those within others go in the order in which they came", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ concurrency: 3, rate: { limit: 3, window: 100 } })
      const { lines, log } = makeLog()

      for (const n of [1, 2, 3]) {
        const nested = Gate.withPermit(Effect.andThen(log(n), Effect.sleep(1)), gate)
        yield* fork(Gate.withPermit(Effect.delay(nested, n), gate))
      }
      yield* TestClock.adjust(1000)

      assert.deepStrictEqual(
        lines.map(([, n]) => n),
        [1, 2, 3]
      )
    })
  )

  it.effect("gives the places of a batch to who has waited longest, of whatever key", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ key: ({ key = "" }: Call) => key, jitter: 0 })
      const { lines, log } = makeLog()
      const step = Handler.make("step", {
        handleRequest: ({ n }: Call) => Effect.andThen(log(n), Effect.sleep(10)),
        gate
      })
      // The first of them opens last, and all before there is a place.
      for (const [key, millis] of [
        ["a", 28],
        ["b", 22],
        ["c", 25]
      ] as const) {
        yield* Gate.close(gate, key, millis)
      }
      const params = ["a", "b", "c", "d"].map((key, n) => ({ n, key }))
      const busy = [{ n: 4, key: "d" }]

      const batch = yield* fork(
        Batch.run(single(step), { params: [...params, ...busy, ...busy, ...busy], concurrency: 1 })
      )
      yield* TestClock.adjust(1000)

      assert.strictEqual((yield* Fiber.join(batch)).succeeded, 7)
      assert.deepStrictEqual(
        lines.map(([, n]) => n),
        [3, 4, 4, 0, 1, 2, 4]
      )
    })
  )
})
