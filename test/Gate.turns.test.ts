import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline, RateLimited } from "parallel-batch-pipeline/effect"
import { type Call, calls, makeLog, single } from "./support/calls.ts"

/** So many steps of a fiber, in which it may be told to let others go first. */
const steps = (count: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    let step = 0
    return Effect.whileLoop({ while: () => step++ < count, body: () => Effect.void, step: () => {} })
  })

/** As often as an engine can be made to let others go first. */
const turns = [4, 5, 6, 7, 8, 9, 11, 16] as const

const often = (operations: number) => Effect.provideService(Scheduler.MaxOpsBeforeYield, operations)

describe("Gate, wherever a fiber lets others go first", () => {
  it.effect.each(turns)("gives everything back after an interruption at any step (%s operations)", (operations) =>
    Effect.gen(function* () {
      for (let count = 0; count < 40; count++) {
        const gate = Gate.make({ concurrency: 1 })
        const nested = Gate.withPermit(Gate.withPermit(steps(count), gate), gate)
        const fiber = yield* Effect.forkChild(often(operations)(nested), { startImmediately: true })
        for (let turn = 0; turn < count % 7; turn++) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)

        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
        yield* Gate.withPermit(Effect.void, gate)
      }
    })
  )

  it.effect.each(turns)("wakes those that wait for each other within one permit (%s operations)", (operations) =>
    Effect.gen(function* () {
      for (let count = 0; count < 40; count++) {
        const gate = Gate.make({ concurrency: 1 })
        const one = Gate.withPermit(Effect.yieldNow, gate)
        const two = Effect.andThen(steps(count), Gate.withPermit(Effect.void, gate))
        yield* often(operations)(Gate.withPermit(Effect.all([one, two, one], { concurrency: 3 }), gate))

        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }
    })
  )

  it.effect.each(turns)("lets siblings go on where one is interrupted (%s operations)", (operations) =>
    Effect.gen(function* () {
      for (let count = 0; count < 40; count++) {
        const gate = Gate.make({ concurrency: 1 })
        const both = Effect.gen(function* () {
          const first = yield* Effect.forkChild(Gate.withPermit(steps(count), gate), { startImmediately: true })
          const second = yield* Effect.forkChild(Gate.withPermit(Effect.void, gate), { startImmediately: true })
          yield* Fiber.interrupt(first)
          yield* Fiber.join(second)
        })
        yield* often(operations)(Gate.withPermit(both, gate))

        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }
    })
  )
})

describe("Gate, told to come back at once", () => {
  it.effect("asks again with pauses that double, and at once again after a success", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      const gate = Gate.make({ jitter: 0 })
      const ask = Handler.make("ask", {
        gate,
        handleRequest: ({ n }: { readonly n: number }) =>
          Effect.clockWith((clock) => {
            at.push(clock.currentTimeMillisUnsafe())
            return at.length < 5 ? Effect.fail(new RateLimited({ retryAfter: Duration.zero })) : Effect.succeed(n)
          })
      })
      const batch = yield* Effect.forkChild(
        Batch.run(Pipeline.make("ask", { handlers: { ask }, start: "ask" }), { params: [{ n: 1 }] }),
        { startImmediately: true }
      )
      yield* Effect.repeat(TestClock.adjust(50), { times: 40 })

      assert.strictEqual((yield* Fiber.join(batch)).succeeded, 1)
      assert.deepStrictEqual(at, [0, 100, 300, 700, 1500])
    })
  )

  /** Answers an error that says to come back at once, or a success, after a time. */
  const answer = (after: number, isGood: boolean) =>
    Effect.delay(isGood ? Effect.void : Effect.fail(new RateLimited({ retryAfter: Duration.zero })), after)

  it.effect.each(["handler", "batch", "withPermit"])("counts those that were sent before a pause once (%s)", (at) =>
    Effect.gen(function* () {
      const gate = Gate.make({ jitter: 0 })
      const { log, times } = makeLog()
      const handleRequest = ({ n }: Call) =>
        Effect.flatMap(log(n), () => answer(times().length > 2 ? 100 : [10, 150][n]!, times().length > 4))
      const step = Handler.make("step", { handleRequest, gate: at === "handler" ? gate : undefined })
      const again = (call: Call): Effect.Effect<void> =>
        Effect.catch(Gate.withPermit(handleRequest(call), gate), () => again(call))

      const all: Effect.Effect<unknown, unknown> =
        at === "withPermit"
          ? Effect.forEach(calls(2), again, { concurrency: 2 })
          : Batch.run(single(step), { params: calls(2), gate: at === "batch" ? gate : undefined })
      const fiber = yield* Effect.forkChild(all)
      yield* TestClock.adjust(1000)
      yield* Fiber.join(fiber)

      // The second answer, at 150, is about the first pause, and that of the third request, at 210, begins the second.
      assert.deepStrictEqual(times(), [0, 0, 110, 150, 410, 410])
    })
  )

  it.effect("counts a request that its item has made since, within a start before the pause", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ jitter: 0 })
      const { log, timesOf } = makeLog()
      const request = (name: string, after: number) => (call: Call) =>
        call.n === 0 && name === "two"
          ? Effect.void
          : Effect.flatMap(log(`${name} ${call.n}`), () =>
              answer(after, timesOf(`${name} ${call.n}`).length > 1 || (name === "one" && call.n === 1))
            )
      const one = Handler.make("one", { handleRequest: (call: Call) => request("one", call.n === 0 ? 10 : 50)(call) })
      const two = Handler.make("two", { handleRequest: request("two", 110) })
      const pipeline = Pipeline.make("both", {
        handlers: { one, two },
        start: "one",
        routes: { one: { default: "two" } }
      })

      const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: calls(2), gate }))
      yield* TestClock.adjust(1000)

      assert.strictEqual((yield* Fiber.join(fiber)).succeeded, 2)
      assert.deepStrictEqual(
        [timesOf("one 0"), timesOf("two 1")],
        [
          [0, 110],
          [50, 260]
        ]
      )
    })
  )
})
