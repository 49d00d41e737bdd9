import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Duration, Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline, RateLimited } from "parallel-batch-pipeline/effect"
import { type Call, calls, collect, makeLog, pass, single, type Step } from "./support/calls.ts"

describe("Batch with gates that close", () => {
  describe("an answer that says when to come back", () => {
    const limited = (attempts: Map<number, number>, log: (n: number) => Effect.Effect<void>) => (call: Call) =>
      Effect.andThen(
        log(call.n),
        Effect.suspend(() => {
          const attempt = (attempts.get(call.n) ?? 0) + 1
          attempts.set(call.n, attempt)
          return call.n === 0 && attempt === 1
            ? Effect.fail(new RateLimited({ retryAfter: Duration.millis(100) }))
            : Effect.succeed(attempt)
        })
      )

    it.effect("closes the gate for everyone, opens later than told, and uses up no attempt", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1 })
        const { log, timesOf } = makeLog()
        const step = Handler.make("step", { handleRequest: limited(new Map(), log), gate })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(3), concurrency: 2 }))
        yield* TestClock.adjust(99)
        assert.deepStrictEqual([0, 1, 2].map(timesOf), [[0], [], []])

        yield* TestClock.adjust(12)
        const report = yield* Fiber.join(fiber)

        for (const n of [0, 1, 2]) {
          const last = timesOf(n).at(-1)!
          assert.isAtLeast(last, 100)
          assert.isAtMost(last, 110)
        }
        assert.strictEqual(report.succeeded, 3)
        assert.strictEqual(report.attempts, 4)
      })
    )

    it.effect("leaves other keys open", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ key: ({ key = "" }: Call) => key })
        const { log, timesOf } = makeLog()
        const step = Handler.make("step", { handleRequest: limited(new Map(), log), gate })
        const params = [
          { n: 0, key: "a" },
          { n: 1, key: "b" },
          { n: 2, key: "a" },
          { n: 3, key: "b" }
        ]

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params, concurrency: 1 }))
        yield* TestClock.adjust(50)

        assert.deepStrictEqual([1, 2, 3].map(timesOf), [[0], [], [0]])
        yield* TestClock.adjust(100)
        assert.strictEqual((yield* Fiber.join(fiber)).succeeded, 4)
      })
    )

    it.effect("keeps the attempt of the step, with retries", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ jitter: 0 })
        const seen: Array<[at: number, attempt: number]> = []
        const step = Handler.make("step", {
          handleRequest: (_call: Call) =>
            Effect.gen(function* () {
              const { attempt } = yield* Handler.CurrentItem
              seen.push([yield* Clock.currentTimeMillis, attempt])
              return yield* seen.length === 2
                ? Effect.fail(new RateLimited({ retryAfter: Duration.millis(100) }))
                : Effect.fail("busy")
            }),
          gate,
          retry: { times: 1, schedule: Schedule.spaced(10) }
        })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(1), ...collect }))
        yield* TestClock.adjust(200)
        const report = yield* Fiber.join(fiber)

        assert.deepStrictEqual(seen, [
          [0, 1],
          [10, 2],
          [110, 2]
        ])
        assert.strictEqual(report.failed, 1)
      })
    )

    it.effect("uses up an attempt where the gate is told so", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ countAttempts: true })
        const step = Handler.make("step", {
          handleRequest: (_call: Call) => Effect.fail(new RateLimited({ retryAfter: Duration.millis(100) })),
          gate,
          retry: { times: 2 }
        })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(1), ...collect }))
        yield* TestClock.adjust(1000)

        assert.deepInclude(yield* Fiber.join(fiber), { failed: 1, attempts: 3 })
      })
    )

    it.effect("is what `closeOn` says", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ closeOn: (error) => (error === "later" ? 100 : undefined), jitter: 0 })
        const { log, times } = makeLog()
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) => Effect.andThen(log(n), n === 0 ? Effect.fail("later") : Effect.void),
          gate
        })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(1) }))
        yield* TestClock.adjust(250)
        yield* Fiber.interrupt(fiber)

        assert.deepStrictEqual(times(), [0, 100, 200])
      })
    )

    it.effect.each(["plain", "policy", "batch"] as const)("is asked for in vain where closeOn throws (%s)", (kind) =>
      Effect.gen(function* () {
        const gate = Gate.make({
          concurrency: 1,
          closeOn: () => {
            throw new Error("bug")
          }
        })
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) => (n === 1 ? Effect.fail("boom") : Effect.void),
          gate: kind === "batch" ? undefined : gate,
          timeout: kind === "policy" ? "1 second" : undefined
        })

        const report = yield* Batch.run(single(step as Step<void, string>), {
          params: calls(3),
          gate: kind === "batch" ? gate : undefined,
          ...collect
        })

        assert.deepStrictEqual(
          report.outcomes.map(({ _tag }) => _tag),
          ["Succeeded", "Failed", "Succeeded"]
        )
        const failed = report.outcomes[1]
        assert(failed?._tag === "Failed")
        assert.include(Cause.pretty(failed.cause), "bug")
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      })
    )

    it.effect("is a Response 429 that a promise rejects with", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ jitter: 0 })
        let count = 0
        const step = Handler.fromPromise("step", {
          handleRequest: async ({ n }: Call) => {
            if (++count === 1) throw new Response(null, { status: 429, headers: { "retry-after": "1" } })
            return n
          },
          gate
        })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(1) }))
        yield* pass(900, 100)
        assert.strictEqual(count, 1)

        yield* pass(100)
        assert.deepInclude(yield* Fiber.join(fiber), { succeeded: 1, attempts: 2 })
      })
    )
  })

  describe("a batch that ends while items wait at its gate", () => {
    it.effect("starts none of them while it drains", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1 })
        const { log, timesOf } = makeLog()
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) => Effect.andThen(log(n), Effect.sleep(10)),
          processResults: () => Handler.stop("enough")
        })
        const params = calls(5)
        const fiber = yield* Effect.forkChild(
          Batch.run(Pipeline.make("stops", { handlers: { step }, start: "step" }), { params, gate, drain: "1 second" })
        )
        yield* TestClock.adjust("2 seconds")
        const report = yield* Fiber.join(fiber)

        assert.deepStrictEqual(
          params.map(({ n }) => timesOf(n)),
          [[0], [], [], [], []]
        )
        assert.deepInclude(report, { succeeded: 1, notStarted: 4, interrupted: 0 })
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      })
    )

    it.effect("lets a thousand of one closed key wait without slowing another, unless told how many may", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ key: ({ key = "" }: Call) => key })
        yield* Gate.close(gate, "a", "10 seconds")
        const { log, timesOf } = makeLog()
        const step = Handler.make("step", { handleRequest: ({ n }: Call) => log(n), gate })
        const keyOf = (n: number) => (n < 1000 ? "a" : "b")
        const params = calls(1100).map(({ n }) => ({ n, key: keyOf(n) }))
        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params, concurrency: 2 }))
        yield* TestClock.adjust(1)

        assert.isTrue(params.every(({ key, n }) => timesOf(n).length === (key === "b" ? 1 : 0)))
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).succeeded, 1100)
      })
    )
  })
})
