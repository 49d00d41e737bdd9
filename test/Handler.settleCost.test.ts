import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, InvalidOptions, Pipeline } from "parallel-batch-pipeline/effect"
import { type Call, calls, collect, pass, single } from "./support/calls.ts"

/** Each start is expected to fill the window. */
const makeGate = () => Gate.make({ rate: { limit: 10, window: 100 }, cost: (_call: Call) => 10 })

/** How many of three calls are made at once, and how many within the window. */
const countsOf = (
  step: Parameters<typeof single<{ readonly used: number }, Cause.UnknownError>>[0],
  made: () => number,
  gate?: Gate.Gate<Call>
) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(3), concurrency: 1, gate }))
    yield* pass(20)
    const counts = [made()]
    yield* pass(400, 50)
    yield* Fiber.join(fiber)
    return counts.concat(made())
  })

describe("settleCost of a handler", () => {
  const places = [
    ["its own gate", undefined],
    ["its own gate", { times: 1 }],
    ["the gate of the batch", undefined],
    ["the gate of the batch", { times: 1 }]
  ] as const

  it.effect.each(places)("tells %s what a promise has come to (%o)", ([place, retry]) =>
    Effect.gen(function* () {
      const gate = makeGate()
      let made = 0
      const step = Handler.fromPromise("step", {
        handleRequest: async (_call: Call) => {
          made++
          return { used: 0 }
        },
        gate: place === "its own gate" ? gate : undefined,
        settleCost: ({ used }) => used,
        retry
      })

      const counts = yield* countsOf(step, () => made, place === "its own gate" ? undefined : gate)

      assert.deepStrictEqual(counts, [3, 3])
    })
  )

  it.effect("counts a debt, and settles nothing for what has failed", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ rate: { limit: 10, window: 100 }, cost: (_call: Call) => 1 })
      const times: Array<number> = []
      const step = Handler.make("step", {
        handleRequest: ({ n }: Call) =>
          Effect.clockWith((clock) => {
            times.push(clock.currentTimeMillisUnsafe())
            return n === 0 ? Effect.fail("boom") : Effect.succeed(10)
          }),
        gate,
        settleCost: (used) => used
      })

      const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(4), concurrency: 1, ...collect }))
      yield* TestClock.adjust(1000)
      yield* Fiber.join(fiber)

      // The second start comes to eleven together with the first, so the third waits for both to leave.
      assert.deepStrictEqual(times, [0, 0, 100, 200])
    })
  )

  it.effect("is not asked about the output of a fallback", () =>
    Effect.gen(function* () {
      const asked: Array<unknown> = []
      const step = Handler.make("step", {
        handleRequest: (_call: Call) => Effect.fail("down"),
        handleError: () => Effect.succeed("fallback"),
        settleCost: (outputs) => asked.push(outputs)
      })

      const report = yield* Batch.run(single(step), { params: calls(1), gate: makeGate() })

      assert.strictEqual(report.succeeded, 1)
      assert.deepStrictEqual(asked, [])
    })
  )

  it.effect("tells nobody where there is no gate", () =>
    Effect.gen(function* () {
      const step = Handler.make("step", {
        handleRequest: (_call: Call) => Effect.succeed(5),
        settleCost: (used) => used
      })

      assert.deepInclude(yield* Pipeline.run(single(step), { params: { n: 0 } }), { output: 5 })
    })
  )

  it.effect.each([-1, Number.NaN])("fails the item as a bug where it answers %s, and gives the place back", (cost) =>
    Effect.gen(function* () {
      const gate = Gate.make({ rate: { limit: 1, window: 100 } })
      const step = Handler.make("step", { handleRequest: (_call: Call) => Effect.void, gate, settleCost: () => cost })

      const report = yield* Batch.run(single(step), { params: calls(1), ...collect })

      const outcome = report.outcomes[0]!
      assert(outcome._tag === "Failed")
      assert.isTrue(Cause.hasDies(outcome.cause))
      assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )

  it("has to be a function", () => {
    const options = { handleRequest: (_call: Call) => Effect.void, settleCost: 5 as never }

    assert.throws(() => Handler.make("step", options), InvalidOptions, /"settleCost" of handler "step".*function/)
  })
})
