import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, RateLimited } from "parallel-batch-pipeline/effect"
import { type Call, calls, collect, pass, single } from "./support/calls.ts"

const errors: ReadonlyArray<readonly [name: string, error: unknown]> = [
  ["RateLimited", new RateLimited({})],
  ["Response 429", new Response(null, { status: 429 })],
  ["error with status", Object.assign(new Error("too many"), { status: 429 })],
  ["error with statusCode", Object.assign(new Error("unavailable"), { statusCode: 503 })],
  ["error with a response", { response: { status: 503, headers: {} } }],
  ["error with a cause", new Error("failed", { cause: new Response(null, { status: 429 }) })],
  ["timeout of a signal", new DOMException("too long", "TimeoutError")]
]

/** A gate that has grown until eight may run. */
const grown = Effect.gen(function* () {
  const gate = Gate.make({ concurrency: { min: 1, max: 8, adapt: "aimd" } })
  const fiber = yield* Effect.forkChild(
    Effect.forEach(Array.from({ length: 30 }), () => Gate.withPermit(Effect.sleep(10), gate), {
      concurrency: "unbounded",
      discard: true
    })
  )
  yield* TestClock.adjust(1000)
  yield* Fiber.join(fiber)
  const concurrency = Effect.map(Gate.state(gate), (state) => state.concurrency)
  assert.strictEqual(yield* concurrency, 8)
  return { gate, concurrency }
})

describe("a gate that adapts", () => {
  it.effect.each(errors)("halves on what says too much, and not when to come back (%s)", ([, error]) =>
    Effect.gen(function* () {
      const { concurrency, gate } = yield* grown

      yield* Effect.flip(Gate.withPermit(Effect.fail(error), gate))

      assert.strictEqual(yield* concurrency, 4)
    })
  )

  it.effect.each([new Error("boom"), { status: 500 }, { status: "429" }, "429"])("does not on %o", (error) =>
    Effect.gen(function* () {
      const { concurrency, gate } = yield* grown

      yield* Effect.flip(Gate.withPermit(Effect.fail(error), gate))

      assert.strictEqual(yield* concurrency, 8)
    })
  )

  const places = [
    ["a handler", undefined],
    ["a handler", { times: 1 }],
    ["a batch", undefined],
    ["a batch", { times: 1 }]
  ] as const

  it.effect.each(places)("halves on a rejected promise of %s with the policy %o", ([place, retry]) =>
    Effect.gen(function* () {
      const { concurrency, gate } = yield* grown
      let count = 0
      const step = Handler.fromPromise("step", {
        handleRequest: async (_call: Call) => {
          if (++count === 1) throw new Response(null, { status: 429 })
        },
        gate: place === "a handler" ? gate : undefined,
        retry
      })

      const batch = Batch.run(single(step), {
        params: calls(1),
        ...collect,
        gate: place === "a batch" ? gate : undefined
      })
      const fiber = yield* Effect.forkChild(batch)
      yield* pass(10)
      const report = yield* Fiber.join(fiber)

      assert.strictEqual(yield* concurrency, 4)
      assert.strictEqual(report.succeeded, retry === undefined ? 0 : 1)
      assert.strictEqual(count, retry === undefined ? 1 : 2)
    })
  )

  it.effect("does not on what was too much behind another gate", () =>
    Effect.gen(function* () {
      const { concurrency, gate } = yield* grown
      const step = Handler.make("step", {
        handleRequest: (_call: Call) => Effect.fail(new RateLimited({})),
        gate: Gate.make({})
      })

      yield* Batch.run(single(step), { params: calls(1), ...collect, gate })

      assert.strictEqual(yield* concurrency, 8)
    })
  )

  it.effect("halves on the timeout of an attempt, also where the next one succeeds", () =>
    Effect.gen(function* () {
      const { concurrency, gate } = yield* grown
      let count = 0
      const step = Handler.make("step", {
        handleRequest: (_call: Call) => (++count === 1 ? Effect.never : Effect.void),
        timeout: 50,
        retry: { times: 1 }
      })

      const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(1), gate }))
      yield* TestClock.adjust(50)
      yield* Fiber.join(fiber)

      assert.strictEqual(yield* concurrency, 4)
    })
  )

  it.effect.each(["response", "cause", "status", "retryAfter", "name", "_tag"])(
    "takes an error whose %s throws for one that says nothing",
    (property) =>
      Effect.gen(function* () {
        const { concurrency, gate } = yield* grown
        const error = Object.defineProperty({}, property, {
          enumerable: true,
          get: () => {
            throw new TypeError("not to be read")
          }
        })
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) => (n === 1 ? Effect.fail(error) : Effect.void)
        })

        const report = yield* Batch.run(single(step), { params: calls(3), ...collect, gate })

        assert.deepInclude(report, { failed: 1, succeeded: 2 })
        assert.strictEqual(yield* concurrency, 8)
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      })
  )

  it.effect("halves at each round of a batch that is too much, as it does at the gate of a handler", () =>
    Effect.gen(function* () {
      const { concurrency, gate } = yield* grown
      const seen: Array<number> = []
      const step = Handler.make("step", {
        handleRequest: (_call: Call) => Effect.delay(Effect.fail({ status: 429 }), 10),
        retry: { times: 4, schedule: Schedule.spaced(50) }
      })

      const batch = Batch.run(single(step), { params: calls(1), ...collect, gate })
      const fiber = yield* Effect.forkChild(batch)
      for (let i = 0; i < 5; i++) {
        yield* TestClock.adjust(60)
        seen.push(yield* concurrency)
      }
      yield* Fiber.join(fiber)

      assert.deepStrictEqual(seen, [4, 2, 1, 1, 1])
    })
  )
})
