import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, RateLimited } from "parallel-batch-pipeline/effect"
import { type Call, calls, collect, makeLog, single } from "./support/calls.ts"

describe("how long a gate closes", () => {
  it.effect("may be a pause that doubles, where an answer 429 does not say how long", () =>
    Effect.gen(function* () {
      const gate = Gate.make({
        closeOn: (_error, { limited, retryAfter }) => retryAfter ?? (limited ? 0 : undefined),
        jitter: 0
      })
      const { log, times } = makeLog()
      const answers = [new Response(null, { status: 429 }), { status: 503 }, new RateLimited({}), { retryAfter: 1 }, {}]
      const step = Handler.make("step", {
        handleRequest: ({ n }: Call) =>
          Effect.andThen(
            log(n),
            Effect.suspend(() => Effect.fail(answers.shift()))
          ),
        gate
      })

      const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(1), ...collect }))
      yield* TestClock.adjust(5000)

      assert.deepInclude(yield* Fiber.join(fiber), { failed: 1 })
      assert.deepStrictEqual(times(), [0, 100, 300, 700, 1700])
    })
  )

  it.effect("is trusted for as long as maxClose says; Gate.close is not bound by it", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ maxClose: 100, jitter: 0 })
      const { log, times } = makeLog()
      const answers = [{ retryAfter: 365 * 24 * 3600 }, { retryAfter: 0.05 }]
      const step = Handler.make("step", {
        handleRequest: ({ n }: Call) =>
          Effect.andThen(
            log(n),
            Effect.suspend(() => {
              const answer = answers.shift()
              return answer === undefined ? Effect.void : Effect.fail(answer)
            })
          ),
        gate
      })

      const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(1) }))
      yield* TestClock.adjust(1000)
      yield* Fiber.join(fiber)
      yield* Gate.close(gate, "", 500)
      const later = yield* Effect.forkChild(Batch.run(single(step), { params: calls(1) }))
      yield* TestClock.adjust(1000)
      yield* Fiber.join(later)

      assert.deepStrictEqual(times(), [0, 100, 150, 1500])
    })
  )

  it.effect("is at most maxClose, also with the jitter", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ maxClose: 1000, jitter: 1 })
      yield* Effect.flip(Gate.withPermit(Effect.fail({ retryAfter: 60 }), gate))

      const fiber = yield* Effect.forkChild(Gate.withPermit(Effect.void, gate))
      yield* TestClock.adjust(1000)

      assert.isDefined(fiber.pollUnsafe(), "it is closed for longer")
    })
  )
})
