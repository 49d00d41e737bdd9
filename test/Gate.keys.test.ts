import { assert, describe, it } from "@effect/vitest"
import { Cause, type Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { collectGarbage } from "./support/heap.ts"

interface Call {
  readonly key: string
}

const key = ({ key }: Call) => key

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

const go = (gate: Gate.Gate<Call>, key: string, takes = 0) => Gate.withPermit(Effect.sleep(takes), gate, { key })

const useMany = (gate: Gate.Gate<Call>, count: number) =>
  Effect.forEach(Array.from({ length: count }).keys(), (n) => Gate.withPermit(Effect.void, gate, { key: `key ${n}` }), {
    discard: true
  })

const keysOf = (gate: Gate.Gate<Call>) => Effect.map(Gate.state(gate), ({ keys }) => keys)

describe("Gate, of keys that are idle", () => {
  it.effect("forgets them once their window has passed, also where nobody comes any more", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ key, rate: { limit: 1, window: "10 seconds" } })

      yield* useMany(gate, 1000)
      yield* TestClock.adjust("9 seconds")
      yield* go(gate, "late")
      assert.strictEqual(yield* keysOf(gate), 1001)

      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* keysOf(gate), 1)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* keysOf(gate), 0)
    })
  )

  it.effect("forgets them while another one is in use", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ key, concurrencyPerKey: 1 })

      const fiber = yield* fork(go(gate, "busy", 60_000))
      yield* useMany(gate, 25_000)
      yield* TestClock.adjust("5 seconds")

      assert.strictEqual(yield* keysOf(gate), 1)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* keysOf(gate), 0)
    })
  )

  it.effect("remembers that they are closed", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ key, jitter: 0 })

      yield* Gate.close(gate, "closed", "1 hour")
      yield* useMany(gate, 100)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* keysOf(gate), 1)

      const fiber = yield* fork(go(gate, "closed"))
      yield* TestClock.adjust("57 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 minutes")
      assert.isDefined(fiber.pollUnsafe())
      assert.strictEqual(yield* keysOf(gate), 0)
    })
  )

  it.effect("does not forget one that somebody is on his way to", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ key, concurrencyPerKey: 1 })
      const later = Gate.make({ concurrency: 1 })
      let running = 0
      let most = 0
      const use = Gate.withPermit(
        Effect.acquireUseRelease(
          Effect.sync(() => (most = Math.max(most, ++running))),
          () => Effect.sleep(10),
          () => Effect.sync(() => running--)
        ),
        gate,
        { key: "a" }
      )
      // The second within the permit waits until the first has done with it.
      const both = Effect.all([go(gate, "b", 100), use], { concurrency: 2 })

      const around = yield* fork(Gate.withPermit(both, later))
      yield* go(gate, "a")
      yield* useMany(gate, 10)
      yield* TestClock.adjust(95)
      const other = yield* fork(use)
      yield* TestClock.adjust(1000)
      yield* Fiber.joinAll([around, other])

      assert.strictEqual(most, 1)
    })
  )

  it.live("frees the memory, and keeps no process alive for it", () =>
    Effect.gen(function* () {
      const heap = collectGarbage()
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
      const gate = Gate.make({ key, rate: { limit: 1, window: "10 millis" } })
      const before = { heap: heap(), timers: timers() }

      // Held at the same time, so that none is forgotten on the way.
      const open = yield* Effect.forEach(Array.from({ length: 30_000 }).keys(), (n) =>
        fork(Gate.withPermit(Effect.never, gate, { key: `key ${n}` }))
      )
      assert.strictEqual(yield* keysOf(gate), 30_000)
      yield* Fiber.interruptAll(open.splice(0))
      assert.isAtMost(timers(), before.timers)
      yield* Effect.sleep("1500 millis")

      // To look at the state is to forget them.
      assert.isAtMost(heap() - before.heap, 3)
      assert.strictEqual(yield* keysOf(gate), 0)
    })
  )

  it.effect("remembers no key that could not enter", () =>
    Effect.gen(function* () {
      const gate = Gate.make({
        rate: { limit: 10, window: 100 },
        key: ({ key }: { readonly key: string }) => key,
        cost: () => 11
      })

      const pipelineOf = (own: object) => {
        const ask = Handler.make("ask", {
          handleRequest: (params: { readonly key: string }) => Effect.succeed(params.key),
          ...own
        })
        return Pipeline.make("ask", { handlers: { ask }, start: "ask" })
      }
      const options = { params: [{ key: "b" }], mode: "collect-all" } as const

      yield* Effect.exit(Gate.withPermit(Effect.void, gate, { key: "a" }))
      const ofBatch = yield* Batch.run(pipelineOf({}), { ...options, gate })
      const ofHandler = yield* Batch.run(pipelineOf({ gate }), options)

      assert.deepStrictEqual([ofBatch.failed, ofHandler.failed], [1, 1])
      assert.deepInclude(yield* Gate.state(gate), { keys: 0, running: 0 })
    })
  )

  it.effect.each([0, "-1 seconds", Number.NaN])("remembers no key that was to be closed for no time (%s)", (duration) =>
    Effect.gen(function* () {
      const gate = Gate.make({ key })

      const exit = yield* Effect.exit(Gate.close(gate, "a", duration as Duration.Input))

      assert(Exit.isFailure(exit))
      assert.match(String(Cause.squash(exit.cause)), /"duration".*longer than zero/)
      assert.deepInclude(yield* Gate.state(gate), { keys: 0, closed: 0 })
    })
  )
})
