import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Schedule, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Breaker, Gate, Handler, InvalidOptions, Pipeline, RateLimited } from "parallel-batch-pipeline/effect"

interface Call {
  readonly n: number
  readonly host: string
}

const calls = (count: number, host = "a"): ReadonlyArray<Call> => Array.from({ length: count }, (_, n) => ({ n, host }))

const breaker = Breaker.make({ failures: 3, openFor: "1 second" })
const makeGate = (options?: Partial<Gate.Options<Call>>) =>
  Gate.make({ key: ({ host }: Call) => host, breaker, ...options })

const single = <O, E>(step: Handler.Handler<Call, Call, unknown, unknown, O, "default", E, never>) =>
  Pipeline.make("single", { handlers: { step }, start: "step" })

const down = ({ host }: Call) => (host === "down" ? Effect.fail("down") : Effect.succeed(host))

const collect = { mode: "collect-all" } as const

describe("Breaker", () => {
  it.effect.each(["effect", "promise", "batch", "policy"] as const)("keeps calls away from what is down (%s)", (kind) =>
    Effect.gen(function* () {
      let count = 0
      const gate = makeGate()
      const own = kind === "batch" ? undefined : gate
      const handleRequest = (call: Call) => {
        count++
        return down(call)
      }
      const step =
        kind === "promise"
          ? Handler.fromPromise("step", { handleRequest: (call: Call) => Effect.runPromise(handleRequest(call)), gate })
          : Handler.make("step", {
              handleRequest,
              gate: own,
              retry: kind === "policy" ? { while: () => false } : undefined
            })

      const report = yield* Batch.run(single(step as never), {
        params: [...calls(20, "down"), ...calls(5, "up")],
        concurrency: 1,
        gate: kind === "batch" ? gate : undefined,
        ...collect
      })

      assert.strictEqual(count, 8)
      assert.deepInclude(report, { failed: 3, notStarted: 17, succeeded: 5, attempts: 8 })
      const [first] = report.outcomes.filter((outcome) => outcome._tag === "NotStarted")
      assert.strictEqual(first?.reason, 'The circuit of its gate is open for "down"')
      assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )

  it.effect("sends away at once all that wait for the key", () =>
    Effect.gen(function* () {
      const gate = makeGate({ rate: { limit: 3, window: 100 } })
      const step = Handler.make("step", { handleRequest: down, gate })

      const fiber = yield* Effect.forkChild(
        Batch.run(single(step), { params: calls(50, "down"), concurrency: 50, ...collect })
      )
      yield* TestClock.adjust(100)

      assert.deepInclude(yield* Fiber.join(fiber), { failed: 3, notStarted: 47 })
    })
  )

  it.effect("interrupts items that had come further", () =>
    Effect.gen(function* () {
      const first = Handler.make("first", { handleRequest: (call: Call) => Effect.succeed(call) })
      const second = Handler.make("second", {
        prepareInputs: ({ params }: { readonly params: Call }) => params,
        handleRequest: down,
        gate: makeGate()
      })
      const pipeline = Pipeline.make("two", {
        handlers: { first, second },
        start: "first",
        routes: { first: { default: "second" } }
      })

      const report = yield* Batch.run(pipeline, { params: calls(5, "down"), concurrency: 1, ...collect })

      assert.deepInclude(report, { failed: 3, interrupted: 2, notStarted: 0 })
    })
  )

  it.effect("probes with one call after the time, lets the others wait for it, and closes when it succeeds", () =>
    Effect.gen(function* () {
      let isDown = true
      const starts: Array<number> = []
      const step = Handler.make("step", {
        handleRequest: (_call: Call) =>
          Effect.gen(function* () {
            starts.push(yield* Clock.currentTimeMillis)
            yield* Effect.sleep(50)
            return yield* isDown ? Effect.fail("down") : Effect.void
          }),
        gate: makeGate()
      })
      // Three that open the circuit, then three after it may be probed.
      const params = Stream.concat(
        Stream.fromIterable(calls(3)),
        Stream.fromEffect(Effect.delay(Effect.void, 2000)).pipe(Stream.flatMap(() => Stream.fromIterable(calls(3))))
      )

      const fiber = yield* Effect.forkChild(Batch.run(single(step), { params, concurrency: 3, ...collect }))
      yield* TestClock.adjust(1500)
      isDown = false
      yield* TestClock.adjust(1000)
      const report = yield* Fiber.join(fiber)

      assert.deepInclude(report, { failed: 3, succeeded: 3 })
      assert.deepStrictEqual(starts.slice(0, 3), [0, 0, 0])
      const [probe, ...others] = starts.slice(3)
      assert.deepStrictEqual(others, [probe! + 50, probe! + 50])
    })
  )

  it.effect("opens again when the probe fails", () =>
    Effect.gen(function* () {
      let count = 0
      const step = Handler.make("step", {
        handleRequest: (_call: Call) => {
          count++
          return Effect.delay(Effect.fail("down"), 10)
        },
        gate: makeGate()
      })
      const slowly = Stream.fromIterable(calls(40)).pipe(Stream.schedule(Schedule.spaced(100)))

      const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: slowly, concurrency: 2, ...collect }))
      yield* TestClock.adjust(10_000)
      const report = yield* Fiber.join(fiber)

      // Three in a row, and one for each second after.
      assert.isAtLeast(count, 5)
      assert.isAtMost(count, 7)
      assert.deepInclude(report, { failed: count, notStarted: 40 - count })
    })
  )

  it.effect("counts neither interruptions nor answers that say when to come back", () =>
    Effect.gen(function* () {
      let count = 0
      const step = Handler.make("step", {
        handleRequest: (_call: Call) =>
          Effect.suspend(() =>
            ++count <= 5 ? Effect.fail(new RateLimited({ retryAfter: Duration.millis(10) })) : Effect.void
          ),
        gate: makeGate({ jitter: 0 })
      })

      const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(2), concurrency: 1, ...collect }))
      yield* TestClock.adjust(1000)

      assert.deepInclude(yield* Fiber.join(fiber), { succeeded: 2, notStarted: 0 })
    })
  )

  it("says what is wrong with its options", () => {
    const openFor = "1 second"
    assert.throws(() => Breaker.make({ openFor }), InvalidOptions, /either failures or share/)
    assert.throws(() => Breaker.make({ failures: 0, openFor }), InvalidOptions, /breaker.failures.*got 0/)
    assert.throws(() => Breaker.make({ share: { of: 10, fails: 2 }, openFor }), InvalidOptions, /share.fails.*got 2/)
    assert.throws(() => Breaker.make({ failures: 1, openFor: 0 }), InvalidOptions, /breaker.openFor.*longer than zero/)
    assert.throws(() => Gate.make({ breaker: {} as never }), InvalidOptions, /made by Breaker.make/)
  })

  it.effect.each(["step", "batch"] as const)(
    "takes what runs within a probe for a part of it (the gate of the %s)",
    (of) =>
      Effect.gen(function* () {
        const gate = makeGate({ breaker: Breaker.make({ failures: 1, openFor: 50 }) })
        let count = 0
        const ofStep = of === "step" ? gate : undefined
        const ofBatch = of === "batch" ? gate : undefined
        const inner = Handler.make("inner", {
          handleRequest: (_call: Call) => Effect.sync(() => count++),
          gate: ofStep
        })
        const outer = Handler.make("outer", {
          handleRequest: ({ n }: Call) =>
            Effect.andThen(
              n === 0 ? Effect.fail("down") : Effect.void,
              Batch.run(single(inner), { params: calls(2), gate: ofBatch })
            ),
          gate: ofStep
        })
        const run = (n: number) => Batch.run(single(outer), { params: [{ n, host: "a" }], gate: ofBatch, ...collect })

        yield* run(0)
        yield* TestClock.adjust(100)
        const fiber = yield* Effect.forkChild(run(1))
        yield* TestClock.adjust(1000)

        assert.isDefined(fiber.pollUnsafe(), "the probe waits for itself")
        assert.deepInclude(yield* Fiber.join(fiber), { succeeded: 1 })
        assert.strictEqual(count, 2)
        assert.deepInclude(yield* run(2), { succeeded: 1 })
      })
  )

  it.effect.each([10, 1])(
    "gives back no start that another request of the item was made for (it was to cost %s)",
    (cost) =>
      Effect.gen(function* () {
        const gate = makeGate({
          breaker: Breaker.make({ failures: 1, openFor: 50 }),
          rate: { limit: 12, window: 1000 },
          cost: ({ n }: Call) => [cost, 1, 2][n]!
        })
        const first = Handler.make("first", {
          handleRequest: ({ n }: Call) => (n === 0 ? Effect.as(Effect.sleep(20), 10) : Effect.fail("down")),
          settleCost: cost === 10 ? undefined : (used) => used
        })
        const second = Handler.make("second", { handleRequest: (_call: Call) => Effect.void })
        const pipeline = Pipeline.make("two", {
          handlers: { first, second },
          start: "first",
          routes: { first: { default: "second" } }
        })

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, { params: calls(2), concurrency: 2, gate, ...collect })
        )
        yield* TestClock.adjust(30)
        assert.deepInclude(yield* Fiber.join(fiber), { interrupted: 1, failed: 1 })
        const next = yield* Effect.forkChild(Gate.withPermit(Clock.currentTimeMillis, gate, { n: 2, host: "a" }))
        yield* TestClock.adjust(2000)

        assert.strictEqual(yield* Fiber.join(next), 1000)
      })
  )
})
