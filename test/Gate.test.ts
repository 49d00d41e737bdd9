import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Context, Duration, Effect, Exit, Fiber, Option, Random, Ref } from "effect"
import { TestClock } from "effect/testing"
import { Gate, HandlerTimeout, InvalidCost, RateLimited } from "parallel-batch-pipeline/effect"

interface Call {
  readonly key: string
  readonly cost?: number
}

/** Effects that note their start and take a while, behind a gate. */
const through = (gate: Gate.Gate<Call>, takes = 0) => {
  const starts: Array<[at: number, key: string]> = []
  const go = (call: Call | string) => {
    const params = typeof call === "string" ? { key: call } : call
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      starts.push([now, params.key])
      return Effect.sleep(takes)
    }).pipe(Gate.withPermit(gate, params))
  }
  const all = (...calls: ReadonlyArray<Call | string>) =>
    Effect.forkChild(Effect.forEach(calls, go, { concurrency: "unbounded", discard: true }), {
      startImmediately: true
    })
  const order = () => starts.map(([, key]) => key).join("")
  return { starts, go, all, order, times: () => starts.map(([at]) => at) }
}

const keyed = { key: ({ key }: Call) => key }
const costed = { cost: ({ cost = 1 }: Call) => cost }

describe("Gate", () => {
  describe("concurrency", () => {
    it.effect("is for all keys together, and concurrencyPerKey for each", () =>
      Effect.gen(function* () {
        const { all, starts } = through(Gate.make({ ...keyed, concurrency: 3, concurrencyPerKey: 2 }), 10)

        const fiber = yield* all("a", "a", "a", "b", "b")
        yield* TestClock.adjust(30)
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(starts, [
          [0, "a"],
          [0, "a"],
          [0, "b"],
          [10, "a"],
          [10, "b"]
        ])
      })
    )

    it.effect("is given to who has waited longest, or to one of each key in turn", () =>
      Effect.gen(function* () {
        const fifo = through(Gate.make({ ...keyed, concurrency: 1 }), 10)
        const fair = through(Gate.make({ ...keyed, concurrency: 1, order: "fair" }), 10)
        const calls = ["a", "a", "a", "a", "b", "b", "c"]

        const fibers = [yield* fifo.all(...calls), yield* fair.all(...calls)]
        yield* TestClock.adjust(100)
        yield* Fiber.joinAll(fibers)

        assert.strictEqual(fifo.order(), "aaaabbc")
        assert.strictEqual(fair.order(), "aabcaba")
      })
    )

    it.effect("is held by nobody that waits for his key", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ ...keyed, concurrency: 1, rate: { limit: 1, window: 1000 } })
        const { all, starts } = through(gate)

        const fiber = yield* all("a", "a", "b", "c")
        yield* TestClock.adjust(1000)
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(starts, [
          [0, "a"],
          [0, "b"],
          [0, "c"],
          [1000, "a"]
        ])
      })
    )

    it.effect("is given back after a failure, a defect and an interruption", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1 })

        assert.strictEqual(yield* Effect.flip(Gate.withPermit(Effect.fail("boom"), gate)), "boom")
        yield* Effect.exit(Gate.withPermit(Effect.die("bug"), gate))
        yield* Gate.withPermit(Effect.never, gate).pipe(Effect.timeoutOption(1), Effect.forkChild)
        yield* TestClock.adjust(1)

        assert.strictEqual(yield* Gate.withPermit(Effect.succeed("free"), gate), "free")
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0, concurrency: 1, keys: 0 })
      })
    )

    it.effect("is given back where closeOn throws", () =>
      Effect.gen(function* () {
        const gate = Gate.make({
          concurrency: 1,
          closeOn: () => {
            throw new Error("bug")
          }
        })

        const exit = yield* Effect.exit(Gate.withPermit(Effect.fail("boom"), gate))

        assert(Exit.isFailure(exit))
        assert.include(Cause.pretty(exit.cause), "bug")
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      })
    )

    it.effect("finds itself between two bounds", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: { min: 1, max: 8, adapt: "aimd" } })
        const concurrency = Effect.map(Gate.state(gate), ({ concurrency }) => concurrency)
        const load = (effect: Effect.Effect<unknown, unknown>) =>
          Effect.forEach(Array.from({ length: 30 }), () => Effect.exit(Gate.withPermit(effect, gate)), {
            concurrency: "unbounded",
            discard: true
          })
        const seen: Array<number> = [yield* concurrency]

        for (const effect of [
          Effect.sleep(10),
          Effect.delay(Effect.fail(new HandlerTimeout({ handler: "step", duration: Duration.millis(10) })), 10)
        ]) {
          const fiber = yield* Effect.forkChild(load(effect))
          yield* TestClock.adjust(10_000)
          yield* Fiber.join(fiber)
          seen.push(yield* concurrency)
        }

        assert.deepStrictEqual(seen, [1, 8, 1])
      })
    )
  })

  describe("rate", () => {
    it.effect("counts what a start costs, and lets nobody overtake within a key", () =>
      Effect.gen(function* () {
        const { all, starts } = through(Gate.make({ ...keyed, ...costed, rate: { limit: 10, window: 100 } }))

        const fiber = yield* all({ key: "a", cost: 6 }, { key: "a", cost: 6 }, { key: "a" }, { key: "b", cost: 6 })
        yield* TestClock.adjust(100)
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(starts, [
          [0, "a"],
          [0, "b"],
          [100, "a"],
          [100, "a"]
        ])
      })
    )

    it.effect("lets the next start at once when an expensive one before it gives up", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ ...costed, rate: { limit: 10, window: 100 } })
        const { all, go, times } = through(gate)

        const first = yield* all({ key: "a", cost: 5 })
        const expensive = yield* Effect.forkChild(go({ key: "a", cost: 10 }), { startImmediately: true })
        const cheap = yield* all({ key: "a", cost: 5 })
        yield* TestClock.adjust(10)
        yield* Fiber.interrupt(expensive)
        yield* TestClock.adjust(0)

        assert.deepStrictEqual(times(), [0, 10])
        yield* Fiber.joinAll([first, cheap])
      })
    )

    it.effect("makes room at once for what is settled downwards, and delays for a debt", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ ...costed, rate: { limit: 10, window: 100 } })
        const spend = (estimated: number, actual: number) =>
          Gate.withPermit(Effect.andThen(Gate.settle(gate, actual), Clock.currentTimeMillis), gate, {
            key: "a",
            cost: estimated
          })

        const fiber = yield* Effect.forkChild(
          Effect.all([spend(10, 1), spend(9, 9), spend(1, 15), spend(1, 1), spend(10, 10)])
        )
        yield* TestClock.adjust(1000)

        // The debt of the third has the fourth wait as if it had started then; the fifth waits for the fourth.
        assert.deepStrictEqual(yield* Fiber.join(fiber), [0, 0, 100, 200, 300])
      })
    )

    it.effect("dies where a cost makes no sense, or could never start", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ ...costed, rate: { limit: 10, window: 100 } })
        const cost = (cost: number) => Gate.withPermit(Effect.void, gate, { key: "a", cost })

        for (const [value, limit] of [
          [11, 10],
          [-1, 10],
          [Number.NaN, 10]
        ] as const) {
          const exit = yield* Effect.exit(cost(value))
          assert(Exit.isFailure(exit))
          assert.deepStrictEqual(Cause.squash(exit.cause), new InvalidCost({ cost: value, limit }))
        }
        yield* cost(10)
      })
    )
  })

  describe("close", () => {
    it.effect("keeps one key from starting, and never opens it earlier than told", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ ...keyed, jitter: 0.5 })
        const { all, starts } = through(gate)

        yield* Gate.close(gate, "a", 100)
        yield* Gate.close(gate, "a", 10)
        const fiber = yield* all("a", "b")
        yield* TestClock.adjust(200)
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(starts[0], [0, "b"])
        assert.isAtLeast(starts[1]![0], 100)
        assert.isAtMost(starts[1]![0], 150)
      }).pipe(Random.withSeed("jitter"))
    )

    it.effect("is done by an error that says when to come back", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ ...keyed, jitter: 0 })
        const { all, starts } = through(gate)
        const limited = new RateLimited({ retryAfter: Duration.millis(100) })

        const error = yield* Effect.flip(Gate.withPermit(Effect.fail(limited), gate, { key: "a" }))
        const fiber = yield* all("a", "b")
        yield* TestClock.adjust(100)
        yield* Fiber.join(fiber)

        assert.strictEqual(error, limited)
        assert.deepStrictEqual(starts, [
          [0, "b"],
          [100, "a"]
        ])
      })
    )

    it.effect("closes a gate without keys as a whole", () =>
      Effect.gen(function* () {
        const gate = Gate.make({})
        const { all, times } = through(gate)

        yield* gate.pipe(Gate.close("whatever", "1 second"))
        const fiber = yield* all("a", "b")
        yield* TestClock.adjust(999)
        assert.deepStrictEqual(times(), [])

        yield* TestClock.adjust(100)
        yield* Fiber.join(fiber)
      })
    )
  })

  describe("waiting", () => {
    it.effect("ends with an interruption, at once, and leaves nothing behind", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ ...keyed, rate: { limit: 1, window: 100 } })
        const { all, go } = through(gate)

        yield* go("a")
        const fiber = yield* all(...Array.from({ length: 100 }, () => "a"))
        assert.strictEqual((yield* Gate.state(gate)).waiting, 100)
        yield* Fiber.interrupt(fiber)

        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      })
    )

    it.effect("of 1,000 for one key does not slow another", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ ...keyed, concurrency: 1, rate: { limit: 10, window: 100 } })
        const { all, starts } = through(gate)

        const slow = yield* all(...Array.from({ length: 1000 }, () => "a"))
        const others = yield* all(...Array.from({ length: 10 }, () => "b"))

        assert.strictEqual(starts.filter(([at, key]) => at === 0 && key === "b").length, 10)
        yield* Fiber.join(others)
        yield* Fiber.interrupt(slow)
      })
    )
  })

  describe("keys", () => {
    it.effect("that are idle are forgotten, once nothing is left to know of them", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ ...keyed, rate: { limit: 1, window: 100 } })
        const { go } = through(gate)
        const keys = Effect.map(Gate.state(gate), ({ keys }) => keys)

        for (let i = 0; i < 1000; i++) {
          yield* go(`key ${i}`)
          if (i % 10 === 9) yield* TestClock.adjust(10)
        }
        // A hundred start within a window.
        assert.isAtMost(yield* keys, 200)

        yield* Gate.close(gate, "closed", 1000)
        yield* TestClock.adjust(100)
        for (let i = 0; i < 100; i++) yield* go(`other ${i}`)
        assert.isAtMost(yield* keys, 102)
        yield* TestClock.adjust(1000)
        yield* go("last")
        assert.strictEqual(yield* keys, 1)
      })
    )

    it.effect("keep their limits while they are remembered", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ ...keyed, rate: { limit: 1, window: 100 } })
        const { all, go, starts } = through(gate)

        yield* go("a")
        for (let i = 0; i < 50; i++) yield* go(`other ${i}`)
        const fiber = yield* all("a")
        yield* TestClock.adjust(100)
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(starts.at(-1), [100, "a"])
      })
    )
  })

  it.effect("counts on each clock for itself", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ rate: { limit: 1, window: "1 hour" } })
      yield* Gate.withPermit(Effect.void, gate)

      // Else this would wait for an hour.
      const other = yield* TestClock.make()
      yield* Effect.provideService(Gate.withPermit(Effect.void, gate), Clock.Clock, other)
    })
  )

  it.effect("is made anew by each build of its layer", () =>
    Effect.gen(function* () {
      class Api extends Context.Service<Api, Gate.Gate>()("Api") {}
      const layer = Gate.layer(Api, { rate: { limit: 1, window: "1 hour" } })
      const call = Effect.flatMap(Api, (gate) => Gate.withPermit(Effect.void, gate)).pipe(
        Effect.timeoutOption(1),
        Effect.provide(layer)
      )

      assert.deepStrictEqual(yield* Effect.all([call, call]), [Option.some(undefined), Option.some(undefined)])
    })
  )

  it.effect("settle outside of it dies", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Gate.settle(Gate.make({}), 1))

      assert(Exit.isFailure(exit))
      assert.match(String(Cause.squash(exit.cause)), /outside of the gate/)
    })
  )

  describe("withPermit within withPermit", () => {
    it.effect("of the same gate takes over the place, and counts as a start of its own", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ concurrency: 1, rate: { limit: 2, window: 100 } })
        const log = yield* Ref.make<ReadonlyArray<string>>([])
        const say = (text: string) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.update(log, (lines) => [...lines, `${text} ${now}`]))
        const inner = Gate.withPermit(say("inner"), gate)
        const outer = Gate.withPermit(Effect.all([inner, say("between"), inner]), gate)

        const fiber = yield* Effect.forkChild(outer)
        yield* TestClock.adjust(100)
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(yield* Ref.get(log), ["inner 0", "between 0", "inner 100"])
      })
    )

    it.effect("of two gates in opposite orders ends, and holds both limits", () =>
      Effect.gen(function* () {
        const first = Gate.make({ concurrency: 1 })
        const second = Gate.make({ concurrency: 1 })
        let running = 0
        let most = 0
        const work = Effect.acquireUseRelease(
          Effect.sync(() => (most = Math.max(most, ++running))),
          () => Effect.sleep(10),
          () => Effect.sync(() => running--)
        )
        const one = work.pipe(Gate.withPermit(first), Gate.withPermit(second))
        const other = work.pipe(Gate.withPermit(second), Gate.withPermit(first))

        const fiber = yield* Effect.forkChild(
          Effect.all([one, other, one, other], { concurrency: "unbounded", discard: true })
        )
        yield* TestClock.adjust(1000)
        yield* Fiber.join(fiber)

        assert.strictEqual(most, 1)
      })
    )
  })
})
