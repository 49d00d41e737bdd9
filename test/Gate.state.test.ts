import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Breaker, Gate, Handler, RateLimited } from "parallel-batch-pipeline/effect"
import { type Call, calls, collect, single } from "./support/calls.ts"

const keyed = { key: ({ key = "" }: Call) => key, jitter: 0 }

const idle = { running: 0, waiting: 0, closedFor: Duration.zero, circuitOpenFor: Duration.zero }

describe("Gate.state", () => {
  it.effect("tells how many run and wait, and how many keys are closed, until they open", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ ...keyed, concurrency: 5 })
      yield* Gate.close(gate, "a", 100)
      yield* Gate.close(gate, "b", 200)
      const fiber = yield* Effect.forkChild(
        Effect.forEach(["a", "a", "c"], (key) => Gate.withPermit(Effect.sleep(500), gate, { n: 0, key }), {
          concurrency: "unbounded"
        }),
        { startImmediately: true }
      )

      const begun = yield* Gate.state(gate)
      yield* TestClock.adjust(150)
      const later = yield* Gate.state(gate)
      yield* TestClock.adjust(1000)
      yield* Fiber.join(fiber)

      const circuitsOpen = 0
      assert.deepStrictEqual(begun, { running: 1, waiting: 2, concurrency: 5, keys: 3, closed: 2, circuitsOpen })
      assert.deepInclude(later, { running: 3, waiting: 0, closed: 1 })
      assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0, closed: 0 })
    })
  )

  it.effect("counts a gate without keys as one", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ jitter: 0 })
      yield* Effect.flip(Gate.withPermit(Effect.fail(new RateLimited({ retryAfter: Duration.seconds(1) })), gate))

      assert.deepInclude(yield* Gate.state(gate), { keys: 0, closed: 1 })
      assert.deepStrictEqual(yield* Gate.stateOf(gate, "any"), { ...idle, closedFor: Duration.seconds(1) })
    })
  )

  it.effect("tells of circuits that are open", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ ...keyed, breaker: Breaker.make({ failures: 1, openFor: 1000 }) })
      const step = Handler.make("step", {
        handleRequest: ({ key }: Call) => (key === "down" ? Effect.fail("down") : Effect.void),
        gate
      })
      const params = [...calls(5, "down"), ...calls(5, "up")]
      yield* Batch.run(single(step), { params, concurrency: 1, ...collect })
      yield* TestClock.adjust(400)

      const before = [yield* Gate.state(gate), yield* Gate.stateOf(gate, "down"), yield* Gate.stateOf(gate, "up")]
      yield* TestClock.adjust(600)
      const after = [yield* Gate.state(gate), yield* Gate.stateOf(gate, "down")]

      assert.deepInclude(before[0], { closed: 0, circuitsOpen: 1 })
      assert.deepStrictEqual(before.slice(1), [{ ...idle, circuitOpenFor: Duration.millis(600) }, idle])
      assert.deepInclude(after[0], { circuitsOpen: 0 })
      assert.deepStrictEqual(after[1], idle)
    })
  )
})

describe("Gate.stateOf", () => {
  it.effect("tells of one key, and remembers none that it was asked about", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ ...keyed, concurrencyPerKey: 1 })
      yield* Gate.close(gate, "b", 100)
      const through = (key: string) => Gate.withPermit(Effect.never, gate, { n: 0, key })
      yield* Effect.forkChild(
        Effect.all([through("a"), through("a"), through("a"), through("b")], { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      yield* TestClock.adjust(30)

      const [a, b, c] = yield* Effect.forEach(["a", "b", "c"], (key) => Gate.stateOf(gate, key))

      assert.deepStrictEqual(a, { ...idle, running: 1, waiting: 2 })
      assert.deepStrictEqual(b, { ...idle, waiting: 1, closedFor: Duration.millis(70) })
      assert.deepStrictEqual(c, idle)
      assert.deepInclude(yield* Gate.state(gate), { keys: 2 })
    })
  )
})

describe("keys of a gate", () => {
  it.effect("that are idle are forgotten also while only one key is in use, but for a few", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ ...keyed, rate: { limit: 1000, window: 100 } })
      const through = (key: string) => Gate.withPermit(Effect.void, gate, { n: 0, key })
      yield* Effect.forkChild(Gate.withPermit(Effect.never, gate, { n: 0, key: "busy" }), { startImmediately: true })
      yield* Effect.forEach(Array.from({ length: 1000 }), (_, i) => through(`key ${i}`))
      const before = yield* Gate.state(gate)
      yield* TestClock.adjust(2000)

      yield* Effect.forEach(Array.from({ length: 700 }), () => through("busy"))

      const after = yield* Gate.state(gate)
      assert.isAtLeast(before.keys, 1000)
      assert.isAtMost(after.keys, 66)
    })
  )
})

describe("progress of a batch", () => {
  it.effect("tells how many wait, at a gate or between two attempts", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 3, window: 100 } })
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) => (n === 0 ? Effect.fail("busy") : Effect.sleep(50)),
          retry: { times: 1, schedule: Schedule.spaced(1000) },
          gate
        })
        const batch = yield* Batch.fork(single(step), { params: calls(6), concurrency: 6, ...collect })
        const progress = Effect.suspend(() => Effect.succeed(batch.progress.value))
        yield* TestClock.adjust(10)

        const begun = yield* progress
        yield* TestClock.adjust(200)
        const resting = yield* progress
        yield* TestClock.adjust(1000)
        yield* batch.await

        assert.deepInclude(begun, { running: 6, waiting: 4 })
        assert.deepInclude(resting, { running: 1, waiting: 1 })
        assert.deepInclude(yield* progress, { running: 0, waiting: 0 })
      })
    )
  )

  it.effect("tells that nobody waits once a batch has failed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 1, window: 100 } })
        const step = Handler.make("step", {
          handleRequest: (_call: Call) => Effect.delay(Effect.fail("boom"), 50),
          gate
        })
        const batch = yield* Batch.fork(single(step), { params: calls(5), concurrency: 2 })
        yield* TestClock.adjust(10)
        const begun = batch.progress.value.waiting

        yield* TestClock.adjust(50)
        yield* Effect.flip(batch.await)
        const { running, waiting } = batch.progress.value

        assert.deepStrictEqual([begun, running, waiting], [4, 0, 0])
      })
    )
  )
})
