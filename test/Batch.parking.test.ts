import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Ref, Schedule, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { type Call, calls, collect, makeLog, single } from "./support/calls.ts"

describe("Batch with items that wait", () => {
  describe("back-off", () => {
    it.effect("lets other items run while some wait between two attempts", () =>
      Effect.gen(function* () {
        const { log, timesOf } = makeLog()
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) => Effect.andThen(log(n), n < 2 ? Effect.fail("busy") : Effect.sleep(50)),
          retry: { times: 1, schedule: Schedule.spaced(200) }
        })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(6), concurrency: 2, ...collect }))
        yield* TestClock.adjust(1000)
        const report = yield* Fiber.join(fiber)

        assert.deepStrictEqual([0, 1, 2, 3, 4, 5].map(timesOf), [[0, 200], [0, 200], [0], [0], [50], [50]])
        assert.deepInclude(report, { failed: 2, succeeded: 4 })
      })
    )

    it.effect("comes back before new items begin, and never above the concurrency", () =>
      Effect.gen(function* () {
        const running = yield* Ref.make({ now: 0, most: 0 })
        const { log, timesOf } = makeLog()
        const count = (by: number) =>
          Ref.update(running, ({ most, now }) => ({ now: now + by, most: Math.max(most, now + by) }))
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) =>
            Effect.acquireUseRelease(
              Effect.andThen(count(1), log(n)),
              () => Effect.andThen(Effect.sleep(10), n === 0 ? Effect.fail("busy") : Effect.void),
              () => count(-1)
            ),
          retry: { times: 1, schedule: Schedule.spaced(15) }
        })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(6), concurrency: 1, ...collect }))
        yield* TestClock.adjust(1000)
        yield* Fiber.join(fiber)

        assert.deepStrictEqual([0, 1, 2, 3].map(timesOf), [[0, 30], [10], [20], [40]])
        assert.deepStrictEqual(yield* Ref.get(running), { now: 0, most: 1 })
      })
    )

    it.effect("takes no more items than `parked` besides those that run", () =>
      Effect.gen(function* () {
        let read = 0
        const input = (function* () {
          while (read < 100) yield { n: read++ }
        })()
        const step = Handler.make("step", {
          handleRequest: (_call: Call) => Effect.fail("busy"),
          retry: { times: 1, schedule: Schedule.spaced(100) }
        })

        const fiber = yield* Effect.forkChild(
          Batch.run(single(step), { params: input, concurrency: 2, parked: 5, ...collect })
        )
        yield* TestClock.adjust(50)

        assert.isAtLeast(read, 5)
        assert.isAtMost(read, 7)
        yield* TestClock.adjust(100_000)
        assert.strictEqual((yield* Fiber.join(fiber)).failed, 100)
      })
    )

    it.effect("runs the finalizers of items that wait when the batch is interrupted", () =>
      Effect.gen(function* () {
        const closed = yield* Ref.make(0)
        const step = Handler.make("step", {
          handleRequest: (_call: Call) =>
            Effect.andThen(
              Effect.addFinalizer(() => Ref.update(closed, (n) => n + 1)),
              Effect.fail("busy")
            ),
          retry: { times: 1, schedule: Schedule.spaced(100) }
        })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(5), concurrency: 2, ...collect }))
        yield* TestClock.adjust(50)
        yield* Fiber.interrupt(fiber)

        assert.strictEqual(yield* Ref.get(closed), 5)
      })
    )
  })

  describe("ends", () => {
    it.effect("at the first failure, with items that wait at a gate", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 2, window: 10_000 } })
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) => Effect.delay(n === 1 ? Effect.fail("boom") : Effect.void, 10),
          gate
        })

        const fiber = yield* Effect.forkChild(
          Effect.flip(Batch.run(single(step), { params: calls(6), concurrency: 2, parked: 2 }))
        )
        yield* TestClock.adjust(10)
        const { report } = yield* Fiber.join(fiber)

        assert.deepInclude(report, { failed: 1, total: 6 })
        assert.strictEqual(report.succeeded + report.interrupted + report.notStarted, 5)
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      })
    )

    const no = { handleRequest: ({ n }: Call) => (n === 0 ? Effect.fail("no") : Effect.void) }
    it.effect.each([
      ["its request fails", no],
      ["its request fails for good", { ...no, retry: { times: 1, while: () => false } }],
      ["its request breaks", { handleRequest: () => Effect.die("bug") }],
      [
        "its results are not processed",
        {
          processResults: () => {
            throw new Error("bug")
          }
        }
      ],
      ["it says so", { processResults: () => Handler.stop("enough") }]
    ] as ReadonlyArray<readonly [string, object]>)("with no other call made once an item ends it: %s", ([, how]) =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1 })
        const called: Array<number> = []
        const handler = { handleRequest: (_call: Call): Effect.Effect<void, string> => Effect.void, ...how }
        const steps = [
          Handler.make("step", {
            ...handler,
            handleRequest: (call: Call) => Effect.suspend(() => (called.push(call.n), handler.handleRequest(call))),
            gate
          }),
          Handler.fromPromise("step", {
            ...handler,
            handleRequest: async (call: Call) => {
              called.push(call.n)
              await Effect.runPromise(handler.handleRequest(call))
            },
            catch: String,
            gate
          })
        ]
        for (const step of steps) {
          called.length = 0
          const pipeline = Pipeline.make("ending", { handlers: { step }, start: "step" })
          yield* Effect.exit(Batch.run(pipeline, { params: calls(20), concurrency: 5 }))

          assert.deepStrictEqual(new Set(called), new Set([0]))
        }
      })
    )

    const draining = [
      ["its time is up", { timeout: 150 }, 4],
      ["its budget is spent", { cost: () => 1, budget: { cost: 2 } }, 3],
      ["an item says so", {}, 2]
    ] as const
    const cases = draining.flatMap(([why, ends, calls]) =>
      [5, "unbounded" as const].map((many) => [why, many, ends, calls] as const)
    )
    it.effect.each(cases)(
      "not started, where they wait for their first call when it drains as %s (%s)",
      ([, many, ends, made]) =>
        Effect.gen(function* () {
          const gate = Gate.make({ concurrency: 2 })
          const { log, times } = makeLog()
          const step = Handler.make("step", {
            handleRequest: ({ n }: Call) => Effect.andThen(log(n), Effect.sleep(100)),
            gate,
            processResults: () => (Object.keys(ends).length > 0 ? Handler.next("done") : Handler.stop("enough"))
          })

          const pipeline = Pipeline.make("asking", { handlers: { step }, start: "step" })

          const fiber = yield* Effect.forkChild(
            Batch.run(pipeline, { params: calls(100), concurrency: many, drain: 10_000, ...collect, ...ends })
          )
          yield* TestClock.adjust(20_000)
          const report = yield* Fiber.join(fiber)

          assert.deepStrictEqual(times(), [0, 0, 100, 100].slice(0, made))
          assert.deepInclude(report, { total: 100, succeeded: made, interrupted: 0, notStarted: 100 - made })
          assert.notStrictEqual(report.endedBy._tag, "Completed")
        })
    )

    it.effect("after the last call of those that have made one, where it drains", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 2 })
        const { log, times } = makeLog()
        const handleRequest = ({ n }: Call) => Effect.andThen(log(n), Effect.sleep(100))
        const first = Handler.make("first", { handleRequest, gate })
        const second = Handler.make("second", { handleRequest, gate })
        const routes = { first: { default: "second" } } as const
        const pipeline = Pipeline.make("two", { handlers: { first, second }, start: "first", routes })

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, { params: calls(100), concurrency: 5, timeout: 150, drain: 10_000 })
        )
        yield* TestClock.adjust(20_000)
        const report = yield* Fiber.join(fiber)

        // Four have made their first call by then, and their second one behind it.
        assert.deepStrictEqual(times(), [0, 0, 100, 100, 200, 200, 300, 300])
        assert.deepInclude(report, { total: 100, succeeded: 4, interrupted: 0, notStarted: 96 })
      })
    )

    it.effect("when an item that waits is cancelled, for that item", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1 })
        const step = Handler.make("step", { handleRequest: (_call: Call) => Effect.sleep(100), gate })

        const batch = yield* Batch.fork(single(step), { params: calls(3), key: ({ n }) => String(n) })
        yield* TestClock.adjust(10)
        assert.isTrue(yield* batch.cancel("1"))
        yield* TestClock.adjust(200)
        const report = yield* batch.await

        assert.deepStrictEqual(
          report.outcomes.map(({ _tag }) => _tag),
          ["Succeeded", "NotStarted", "Succeeded"]
        )
      })
    )

    it.effect("also where it was paused while the gate was closed", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 2, window: 100 } })
        const { log, times } = makeLog()
        const step = Handler.make("step", { handleRequest: ({ n }: Call) => log(n), gate })

        const batch = yield* Batch.fork(single(step), { params: calls(9), concurrency: 2, parked: 3 })
        yield* Gate.close(gate, "", 150)
        yield* batch.pause
        yield* TestClock.adjust(1000)
        const before = times().length
        yield* batch.resume
        yield* TestClock.adjust(1000)

        assert.strictEqual((yield* batch.await).succeeded, 9)
        assert.isBelow(before, 9)
      })
    )

    it.effect("with its concurrency changed while items wait", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 5, window: 100 } })
        const step = Handler.make("step", { handleRequest: (_call: Call) => Effect.sleep(10), gate })

        const batch = yield* Batch.fork(single(step), { params: calls(40), concurrency: 4 })
        yield* TestClock.adjust(50)
        yield* batch.setConcurrency(1)
        yield* TestClock.adjust(200)
        yield* batch.setConcurrency(8)
        yield* TestClock.adjust(2000)

        assert.strictEqual((yield* batch.await).succeeded, 40)
      })
    )

    it.effect("where the input is slow and all workers wait for it", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 1, window: 100 } })
        const { log, times } = makeLog()
        const step = Handler.make("step", { handleRequest: ({ n }: Call) => log(n), gate })
        const queue = yield* Queue.unbounded<Call>()

        const fiber = yield* Effect.forkChild(
          Batch.run(single(step), { params: Stream.take(Stream.fromQueue(queue), 4), concurrency: 1 })
        )
        yield* Queue.offerAll(queue, calls(3))
        yield* TestClock.adjust(250)
        assert.deepStrictEqual(times(), [0, 100, 200])

        yield* Queue.offer(queue, { n: 3 })
        yield* TestClock.adjust(100)
        assert.strictEqual((yield* Fiber.join(fiber)).succeeded, 4)
      })
    )
  })
})
