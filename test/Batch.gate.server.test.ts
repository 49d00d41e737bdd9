import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline, RateLimited } from "parallel-batch-pipeline/effect"

interface Call {
  readonly n: number
  readonly tenant: string
}

const limit = 5
const window = 1000
const latency = 10

/** A service that enforces a rolling window for each tenant, and says when to come back. */
const makeService = () => {
  const accepted = new Map<string, Array<number>>()
  const requests: Array<{ readonly tenant: string; readonly at: number }> = []
  const closed: Array<{ readonly tenant: string; readonly from: number; readonly until: number }> = []
  const call = ({ tenant }: Call) =>
    Effect.gen(function* () {
      requests.push({ tenant, at: yield* Clock.currentTimeMillis })
      yield* Effect.sleep(latency / 2)
      const now = yield* Clock.currentTimeMillis
      const starts = (accepted.get(tenant) ?? []).filter((at) => at + window > now)
      accepted.set(tenant, starts)
      const accepts = starts.length < limit
      if (accepts) starts.push(now)
      yield* Effect.sleep(latency / 2)
      if (accepts) return "done"
      const retryAfter = starts[0]! + window - now
      const from = now + latency / 2
      closed.push({ tenant, from, until: from + retryAfter })
      return yield* new RateLimited({ retryAfter: Duration.millis(retryAfter) })
    })
  return { call, requests, closed }
}

const Setting = Schema.Struct({
  concurrency: Schema.Literals([2, 8, 32]),
  tenants: Schema.Literals([1, 3]),
  told: Schema.Boolean
})

describe("Batch against a service that answers 429", () => {
  it.effect.prop(
    "asks nothing while it is closed, has every item succeed, and takes as long as the limit asks for",
    { setting: Setting },
    ({ setting: { concurrency, tenants, told } }) =>
      Effect.gen(function* () {
        const { call, closed, requests } = makeService()
        const gate = Gate.make({
          key: ({ tenant }: Call) => tenant,
          // Half of the latency passes before the service counts, and that is always the same here.
          rate: told ? { limit, window } : undefined
        })
        const step = Handler.make("step", { handleRequest: call, gate })
        const pipeline = Pipeline.make("calls", { handlers: { step }, start: "step" })
        const count = 60
        const params = Array.from({ length: count * tenants }, (_, n): Call => ({ n, tenant: `${n % tenants}` }))

        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params, concurrency, parked: 1000 }))
        for (let i = 0; i < 10_000 && fiber.pollUnsafe() === undefined; i++) yield* TestClock.adjust(10)
        const report = yield* Fiber.join(fiber)

        assert.strictEqual(report.succeeded, params.length)
        const bound = (count / limit - 1) * window
        assert.isAtMost(Duration.toMillis(report.duration), 1.1 * bound)
        for (const { from, tenant, until } of closed) {
          assert.isUndefined(
            requests.find((request) => request.tenant === tenant && request.at > from && request.at < until)
          )
        }
        assert.strictEqual(closed.length === 0, told)
      }),
    { arbitrary: { runs: 20 }, timeout: 60_000 }
  )
})
