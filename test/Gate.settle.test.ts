import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"

interface Call {
  readonly cost: number
}

const makeGate = () => Gate.make({ rate: { limit: 10, window: 100 }, cost: ({ cost }: Call) => cost })

const startAt = (gate: Gate.Gate<Call>, cost: number) => Gate.withPermit(Clock.currentTimeMillis, gate, { cost })

/** Settles a start of one unit after a time, and answers when the next one of ten is made. */
const nextAfter = (actual: number, after: number) =>
  Effect.gen(function* () {
    const gate = makeGate()
    yield* Gate.withPermit(Effect.delay(Gate.settle(gate, actual), after), gate, { cost: 1 })
    return yield* startAt(gate, 10)
  })

describe("Gate.settle", () => {
  it.effect.each([
    // The start leaves the window a window after it was made, with all that it has cost.
    { actual: 50, after: 0, next: 100 },
    { actual: 50, after: 99, next: 100 },
    { actual: 50, after: 100, next: 100 },
    { actual: 50, after: 150, next: 150 },
    { actual: 0, after: 20, next: 20 },
    { actual: 0, after: 150, next: 150 }
  ])("counts as if it had been known when the start was made (%o)", ({ actual, after, next }) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(nextAfter(actual, after))
      yield* TestClock.adjust(1000)

      assert.strictEqual(yield* Fiber.join(fiber), next)
    })
  )

  it.effect("keeps no debt of a start that has left the window from those that are still in it", () =>
    Effect.gen(function* () {
      const gate = makeGate()
      const late = Gate.withPermit(Effect.delay(Gate.settle(gate, 1000), 150), gate, { cost: 1 })
      const starts: Array<number> = []
      const go = (cost: number) => Effect.map(startAt(gate, cost), (at) => void starts.push(at))

      const fiber = yield* Effect.forkChild(
        Effect.all([late, Effect.delay(go(9), 100), Effect.delay(Effect.andThen(go(1), go(1)), 160)], {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust(1000)
      yield* Fiber.join(fiber)

      assert.deepStrictEqual(starts, [100, 160, 200])
    })
  )

  /** Twice six is more than ten, so the next start has to wait for these to leave the window. */
  const six = {
    settleCost: { handleRequest: () => Effect.void, settleCost: () => 6 },
    "Gate.settle": { handleRequest: (gate: Gate.Any) => Gate.settle(gate, 6) },
    "Gate.settle, twice": {
      handleRequest: (gate: Gate.Any) => Effect.andThen(Gate.settle(gate, 9), Gate.settle(gate, 6))
    },
    "Gate.settle, within another gate": {
      handleRequest: (gate: Gate.Any) => Gate.withPermit(Gate.settle(gate, 6), Gate.make({}))
    },
    both: { handleRequest: (gate: Gate.Any) => Gate.settle(gate, 9), settleCost: () => 6 }
  }

  it.effect.each(Object.entries(six))(
    "adds up what the requests of an item have cost at the gate of its batch (%s)",
    ([, said]) =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 14, window: 100 } })
        const step = () =>
          Handler.make("step", {
            ...said,
            handleRequest: (_call: { readonly n: number }): Effect.Effect<void> => said.handleRequest(gate)
          })
        const pipeline = Pipeline.make("pipeline", {
          handlers: { a: step(), b: step() },
          start: "a",
          routes: { a: { default: "b" } }
        })

        yield* Batch.run(pipeline, { params: [{ n: 1 }], gate })
        // There is room for two more.
        yield* Effect.all([Gate.withPermit(Effect.void, gate), Gate.withPermit(Effect.void, gate)])
        const fiber = yield* Effect.forkChild(Gate.withPermit(Effect.void, gate))
        yield* TestClock.adjust(99)

        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* Fiber.join(fiber)
      })
  )

  it.effect("adds up what the attempts of a request have cost, there as at the gate of the handler", () =>
    Effect.gen(function* () {
      for (const at of ["batch", "handler"]) {
        const gate = Gate.make({ rate: { limit: 14, window: 100 } })
        let count = 0
        const step = Handler.make("step", {
          handleRequest: (_call: { readonly n: number }) =>
            Effect.andThen(
              Gate.settle(gate, 6),
              Effect.suspend(() => (++count === 1 ? Effect.fail("once") : Effect.void))
            ),
          retry: { times: 1 },
          gate: at === "handler" ? gate : undefined
        })
        const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })

        yield* Batch.run(pipeline, { params: [{ n: 1 }], gate: at === "batch" ? gate : undefined })
        yield* Effect.all([Gate.withPermit(Effect.void, gate), Gate.withPermit(Effect.void, gate)])
        const fiber = yield* Effect.forkChild(Gate.withPermit(Effect.void, gate))
        yield* TestClock.adjust(99)

        assert.isUndefined(fiber.pollUnsafe(), at)
        yield* Fiber.interrupt(fiber)
      }
    })
  )
})
