import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Breaker, Gate, Handler } from "parallel-batch-pipeline/effect"
import { toPolicy } from "../src/internal/gate/breaker.ts"
import { type Call, calls, collect, single } from "./support/calls.ts"
import { collectGarbage } from "./support/heap.ts"

const makeGate = (breaker: Breaker.Breaker) => Gate.make({ key: ({ key = "" }: Call) => key, breaker })

const run = (gate: Gate.Gate<Call>, params: ReadonlyArray<Call>, fails: boolean) =>
  Batch.run(
    single(Handler.make("step", { handleRequest: (_call: Call) => (fails ? Effect.fail("down") : Effect.void), gate })),
    {
      params,
      ...collect
    }
  )

const keysOf = (gate: Gate.Gate<Call>) => Effect.map(Gate.state(gate), ({ keys }) => keys)

const manyKeys = (count: number): ReadonlyArray<Call> =>
  Array.from({ length: count }, (_, n) => ({ n, key: `key ${n}` }))

describe("Breaker, of keys that are idle", () => {
  it.effect("forgets them soon after a success", () =>
    Effect.gen(function* () {
      const gate = makeGate(Breaker.make({ failures: 3, openFor: "1 second" }))

      yield* run(gate, manyKeys(100), false)
      yield* TestClock.adjust("2 seconds")

      assert.strictEqual(yield* keysOf(gate), 0)
    })
  )

  it.effect("remembers failures for a minute, and for as long as the circuit would be open", () =>
    Effect.gen(function* () {
      const gate = makeGate(Breaker.make({ failures: 2, openFor: "10 minutes" }))
      const one = (fails: boolean) => run(gate, calls(1), fails)

      yield* one(true)
      yield* TestClock.adjust("9 minutes")
      yield* one(true)
      // Two in a row: it is open, and then remembers for as long again that it was.
      yield* TestClock.adjust("9 minutes")
      assert.strictEqual((yield* one(true)).notStarted, 1)
      yield* TestClock.adjust("5 minutes")
      assert.deepInclude(yield* one(true), { failed: 1 })
      assert.deepInclude(yield* one(true), { notStarted: 1 })

      yield* TestClock.adjust("22 minutes")
      assert.strictEqual(yield* keysOf(gate), 0)
      assert.deepInclude(yield* one(true), { failed: 1 })
      assert.deepInclude(yield* one(true), { failed: 1 })
      assert.deepInclude(yield* one(true), { notStarted: 1 })
    })
  )

  it.effect("remembers the share of failures while a key is in use", () =>
    Effect.gen(function* () {
      const gate = makeGate(Breaker.make({ share: { of: 4, fails: 0.5 }, openFor: "1 second" }))
      const ended: Array<number> = []

      for (const fails of [false, false, true, true, false]) {
        ended.push((yield* run(gate, calls(1), fails)).notStarted)
        yield* TestClock.adjust(500)
        yield* run(gate, manyKeys(10), false)
      }

      assert.deepStrictEqual(ended, [0, 0, 0, 0, 1])
      yield* TestClock.adjust("3 minutes")
      assert.strictEqual(yield* keysOf(gate), 0)
    })
  )

  it.live("frees the memory", () =>
    Effect.gen(function* () {
      const heap = collectGarbage()
      const gate = makeGate(Breaker.make({ failures: 3, openFor: "1 second" }))
      yield* run(gate, calls(1), false)
      const before = heap()

      yield* run(gate, manyKeys(20_000), false).pipe(Effect.asVoid)
      yield* Effect.sleep("1200 millis")

      assert.strictEqual(yield* keysOf(gate), 0)
      assert.isAtMost(heap() - before, 2)
    })
  )

  it.effect("keeps nothing of those that were interrupted while they waited for a probe", () =>
    Effect.gen(function* () {
      const home = { key: "a", keep: () => {} }
      const circuits = toPolicy({ failures: 1, openFor: "1 second" }).make(() => home)
      const heap = collectGarbage()
      const call = (effect: Effect.Effect<void, string>) => circuits.call(home, effect, () => false)
      yield* Effect.exit(call(Effect.fail("down")))
      yield* TestClock.adjust("1 second")
      const probe = yield* Effect.forkChild(call(Effect.never), { startImmediately: true })
      const before = heap()
      for (let round = 0; round < 300; round++) {
        const fibers = yield* Effect.forEach(calls(100), () =>
          Effect.forkChild(circuits.probed(home), { startImmediately: true })
        )
        assert.isUndefined(fibers[0]?.pollUnsafe())
        yield* Fiber.interruptAll(fibers)
      }

      assert.isAtMost(heap() - before, 2)
      const last = yield* Effect.forkChild(circuits.probed(home), { startImmediately: true })
      yield* Fiber.interrupt(probe)
      yield* Fiber.join(last)
    })
  )
})
