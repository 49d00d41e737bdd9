import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Ref, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline, RateLimited } from "parallel-batch-pipeline/effect"
import { type Call, calls, collect, makeLog, pass, single } from "./support/calls.ts"

describe("Batch with gates", () => {
  describe("rate", () => {
    it.effect.each([undefined, { times: 1 }])("holds for a handler with the policy %o", (retry) =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 3, window: 100 } })
        const { log, times } = makeLog()
        const step = Handler.make("step", { handleRequest: ({ n }: Call) => log(n), gate, retry })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(7), concurrency: 2 }))
        yield* TestClock.adjust(1000)
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(times(), [0, 0, 0, 100, 100, 100, 200])
      })
    )

    it.effect("holds for a handler that answers promises", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 3, window: 100 } })
        let count = 0
        const step = Handler.fromPromise("step", { handleRequest: async ({ n }: Call) => n + count++, gate })
        const counts: Array<number> = []

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(7), concurrency: 4 }))
        for (let i = 0; i < 3; i++) {
          yield* pass(90)
          counts.push(count)
          yield* pass(10)
        }
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(counts, [3, 6, 7])
      })
    )

    it.effect("lets the other keys run at full speed while 1,000 items of one wait", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 1, window: 1000 }, key: ({ key = "" }: Call) => key })
        const { log, lines } = makeLog()
        const step = Handler.make("step", { handleRequest: ({ key }: Call) => log(key), gate })
        const others = Array.from({ length: 100 }, (_, n) => ({ n, key: `other ${n}` }))

        const fiber = yield* Effect.forkChild(
          Batch.run(single(step), { params: [...calls(1000, "slow"), ...others], concurrency: 4, parked: 2000 })
        )
        yield* TestClock.adjust(1)

        assert.strictEqual(lines.length, 101)
        yield* TestClock.adjust(1_000_000)
        assert.strictEqual((yield* Fiber.join(fiber)).succeeded, 1100)
      })
    )

    it.effect("waits behind prepareInputs, so that the hand-off stays atomic", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 1, window: 100 } })
        const shared = Schema.Struct({ last: Schema.Number })
        const params = Schema.Struct({ n: Schema.Number })
        const note = Handler.make("note", {
          params,
          shared,
          handleRequest: ({ n }) => Effect.succeed(n),
          processResults: ({ outputs }) => Handler.next("noted", { last: outputs })
        })
        const use = Handler.make("use", {
          params,
          shared,
          prepareInputs: ({ params, shared }) => [params.n, shared.last],
          handleRequest: (seen) => Effect.succeed(seen),
          gate
        })
        const pipeline = Pipeline.make("pipeline", {
          handlers: { note, use },
          start: "note",
          routes: { note: { noted: "use" } }
        })

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, { params: calls(4), shared: { last: -1 }, concurrency: 4 })
        )
        yield* TestClock.adjust(1000)
        const report = yield* Fiber.join(fiber)

        assert.deepStrictEqual(
          report.outcomes.map((outcome) => (outcome._tag === "Succeeded" ? outcome.output : undefined)),
          [
            [0, 0],
            [1, 1],
            [2, 2],
            [3, 3]
          ]
        )
      })
    )

    it.effect("settles what a start has cost", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 10, window: 100 }, cost: (_call: Call) => 10 })
        const { log, times } = makeLog()
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) => Effect.andThen(log(n), Gate.settle(gate, 0)),
          gate
        })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(5), concurrency: 1 }))
        yield* TestClock.adjust(1)

        yield* Fiber.join(fiber)
        assert.deepStrictEqual(times(), [0, 0, 0, 0, 0])
      })
    )

    it.effect("fails the item whose key or cost throws, and only that", () =>
      Effect.gen(function* () {
        const gate = Gate.make({
          rate: { limit: 10, window: 100 },
          key: ({ n }: Call) => {
            if (n === 1) throw new Error("no key")
            return "key"
          },
          cost: ({ n }: Call) => (n === 2 ? 11 : 1)
        })
        const step = Handler.make("step", { handleRequest: ({ n }: Call) => Effect.succeed(n), gate })

        const report = yield* Batch.run(single(step), { params: calls(4), ...collect })

        assert.deepStrictEqual(
          report.outcomes.map(({ _tag }) => _tag),
          ["Succeeded", "Failed", "Failed", "Succeeded"]
        )
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      })
    )
  })

  it.effect.each([{}, { retry: { times: 1 } }, { timeout: 1000 }])(
    "gives its place back where a request throws (%o)",
    (policy) =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1 })
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) => {
            if (n === 1) throw new Error("bug")
            return Effect.succeed(n)
          },
          gate,
          ...policy
        })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(4), ...collect }))
        yield* TestClock.adjust(1000)

        assert.isDefined(fiber.pollUnsafe(), "the place is held for ever")
        assert.deepInclude(yield* Fiber.join(fiber), { succeeded: 3, failed: 1 })
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      })
  )

  describe("the gate of the batch", () => {
    it.effect("is held by every item until it ends, and by none that waits between attempts", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1 })
        const { log, timesOf } = makeLog()
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) =>
            Effect.andThen(log(n), Effect.andThen(Effect.sleep(10), n === 0 ? Effect.fail("busy") : Effect.void)),
          retry: { times: 1, schedule: Schedule.spaced(15) }
        })

        const fiber = yield* Effect.forkChild(
          Batch.run(single(step), { params: calls(4), concurrency: 4, gate, ...collect })
        )
        yield* TestClock.adjust(1000)
        yield* Fiber.join(fiber)

        assert.deepStrictEqual([0, 1, 2, 3].map(timesOf), [[0, 30], [10], [20], [40]])
      })
    )

    it.effect("is one for several batches", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit: 2, window: 100 } })
        const { log, times } = makeLog()
        const step = Handler.make("step", { handleRequest: ({ n }: Call) => log(n) })
        const batch = Batch.run(single(step), { params: calls(3), gate })

        const fiber = yield* Effect.forkChild(Effect.all([batch, batch], { concurrency: 2 }))
        yield* TestClock.adjust(1000)
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(times(), [0, 0, 100, 100, 200, 200])
      })
    )

    it.effect("comes again to the gate when a request was told when to come back", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1, jitter: 0 })
        let count = 0
        const { log, times } = makeLog()
        const step = Handler.make("step", {
          handleRequest: ({ n }: Call) =>
            Effect.andThen(
              log(n),
              Effect.suspend(() =>
                ++count === 1 ? Effect.fail(new RateLimited({ retryAfter: Duration.millis(100) })) : Effect.void
              )
            )
        })

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(3), gate }))
        yield* TestClock.adjust(1000)
        const report = yield* Fiber.join(fiber)

        assert.deepStrictEqual(times(), [0, 100, 100, 100])
        assert.strictEqual(report.succeeded, 3)
      })
    )

    it.effect("leaves items that it never let in as NotStarted", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1 })
        const step = Handler.make("step", { handleRequest: (_call: Call) => Effect.sleep(1000) })

        const fiber = yield* Effect.forkChild(
          Batch.run(single(step), { params: calls(3), concurrency: 2, gate, timeout: 100 })
        )
        yield* TestClock.adjust(100)
        const report = yield* Fiber.join(fiber)

        assert.deepStrictEqual(
          report.outcomes.map(({ _tag }) => _tag),
          ["Interrupted", "NotStarted", "NotStarted"]
        )
        assert.deepInclude(report, { interrupted: 1, notStarted: 2 })
      })
    )
  })

  describe("inside of each other", () => {
    const outerAround = (inner: Effect.Effect<unknown, unknown>, gate: Gate.Gate<Call>) =>
      Handler.make("outer", { handleRequest: (_call: Call) => inner, gate })

    it.effect("a batch inside of a handler takes over the place of the handler", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1 })
        const running = yield* Ref.make({ now: 0, most: 0 })
        const count = (by: number) =>
          Ref.update(running, ({ most, now }) => ({ now: now + by, most: Math.max(most, now + by) }))
        const step = Handler.make("step", {
          handleRequest: (_call: Call) =>
            Effect.acquireUseRelease(
              count(1),
              () => Effect.sleep(10),
              () => count(-1)
            ),
          gate
        })
        const outer = outerAround(Batch.run(single(step), { params: calls(3), concurrency: 3 }), gate)

        const fiber = yield* Effect.forkChild(Batch.run(single(outer), { params: calls(4), concurrency: 4 }))
        yield* TestClock.adjust(1000)

        assert.strictEqual((yield* Fiber.join(fiber)).succeeded, 4)
        assert.strictEqual((yield* Ref.get(running)).most, 1)
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      })
    )

    it.effect("a batch that is run as a promise inside of a handler does so too, where it gets the context", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1 })
        const inner = Handler.make("inner", { handleRequest: (_call: Call) => Effect.yieldNow, gate })
        const outer = Handler.make("outer", {
          handleRequest: (_call: Call) =>
            Effect.flatMap(Effect.context(), (context) =>
              Effect.promise(() => Effect.runPromiseWith(context)(Batch.run(single(inner), { params: calls(3) })))
            ),
          gate
        })

        const report = yield* Batch.run(single(outer), { params: calls(4) })

        assert.strictEqual(report.succeeded, 4)
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      })
    )

    it.effect("two batches that take two gates in opposite orders both end", () =>
      Effect.gen(function* () {
        const first = Gate.make({ concurrency: 1 })
        const second = Gate.make({ concurrency: 1 })
        const batch = (outer: Gate.Gate, inner: Gate.Gate) => {
          const step = Handler.make("step", { handleRequest: (_call: Call) => Effect.sleep(10), gate: inner })
          return Batch.run(single(step), { params: calls(5), concurrency: 3, gate: outer })
        }

        const fiber = yield* Effect.forkChild(
          Effect.all([batch(first, second), batch(second, first)], { concurrency: 2 })
        )
        yield* TestClock.adjust(10_000)
        const reports = yield* Fiber.join(fiber)

        assert.deepStrictEqual(
          reports.map(({ succeeded }) => succeeded),
          [5, 5]
        )
      })
    )

    it.effect("who waits at a gate holds neither a place of the batch nor one of the gate of the batch", () =>
      Effect.gen(function* () {
        const first = Gate.make({ concurrency: 1 })
        const batchGate = Gate.make({ concurrency: 1 })
        const second = Gate.make({ concurrency: 1 })
        const { log, timesOf } = makeLog()
        const one = Handler.make("one", {
          handleRequest: (_call: Call) => Effect.andThen(log("one"), Effect.sleep(1)),
          gate: first
        })
        const two = Handler.make("two", { handleRequest: (_call: Call) => Effect.sleep(1), gate: second })
        const pipeline = Pipeline.make("two", {
          handlers: { one, two },
          start: "one",
          routes: { one: { default: "two" } }
        })

        // Both items wait for the first gate; then one for the second, and the other one takes what it has put aside.
        yield* Effect.forkChild(Gate.withPermit(Effect.sleep(10), first), { startImmediately: true })
        yield* Effect.forkChild(Gate.withPermit(Effect.sleep(30), second), { startImmediately: true })
        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, { params: calls(2), concurrency: 1, gate: batchGate })
        )
        yield* TestClock.adjust(1000)

        assert.strictEqual((yield* Fiber.join(fiber)).succeeded, 2)
        assert.deepStrictEqual(timesOf("one"), [10, 11])
      })
    )

    it.effect("withPermit inside of a handler takes over its place", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1 })
        const step = outerAround(Gate.withPermit(Effect.sleep(10), gate, { n: 0 }), gate)

        const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(3), concurrency: 3 }))
        yield* TestClock.adjust(1000)

        assert.strictEqual((yield* Fiber.join(fiber)).succeeded, 3)
      })
    )
  })
})
