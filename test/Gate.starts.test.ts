import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"

interface Call {
  readonly n: number
  readonly cost: number
}

const single = <E, R>(
  handleRequest: (call: Call) => Effect.Effect<unknown, E, R>,
  own: { gate?: Gate.Gate<Call> } = {}
) => Pipeline.make("pipeline", { handlers: { step: Handler.make("step", { handleRequest, ...own }) }, start: "step" })

describe("Gate, of concurrencyPerKey", () => {
  it.effect("counts a place that is taken again together with one of another gate", () =>
    Effect.gen(function* () {
      const first = Gate.make<string>({ concurrency: 1 })
      const second = Gate.make<string>({ concurrency: 2, concurrencyPerKey: 1, key: (key) => key })
      let running = 0
      let most = 0
      const inK = Effect.acquireUseRelease(
        Effect.sync(() => (most = Math.max(most, ++running))),
        () => Effect.sleep(100),
        () => Effect.sync(() => running--)
      )
      const fork = (effect: Effect.Effect<void>) => Effect.forkChild(effect, { startImmediately: true })

      yield* fork(Gate.withPermit(Effect.sleep(20), first, ""))
      yield* fork(Gate.withPermit(Gate.withPermit(inK, first, ""), second, "K"))
      yield* fork(Gate.withPermit(Effect.sleep(30), second, "J"))
      yield* fork(Gate.withPermit(Effect.sleep(40), second, "L"))
      yield* TestClock.adjust(1)
      yield* fork(Gate.withPermit(inK, second, "K"))
      for (let i = 0; i < 300; i++) yield* TestClock.adjust(1)

      assert.strictEqual(most, 1)
      assert.deepInclude(yield* Gate.state(second), { running: 0, waiting: 0 })
    })
  )
})

describe("Gate, of a dear start that waits for its time", () => {
  it.effect.each(["is paused", "has no place any more"] as const)("lets those behind it go once its batch %s", (what) =>
    Effect.gen(function* () {
      const gate = Gate.make<Call>({ rate: { limit: 10, window: "1 minute" }, cost: ({ cost }) => cost })
      const starts: Array<number> = []
      const cheap = single(() => Effect.map(Clock.currentTimeMillis, (at) => starts.push(at)), { gate })
      const first = Handler.make("first", {
        handleRequest: ({ n }: Call) => (n === 0 ? Effect.void : Effect.sleep("1 hour"))
      })
      const dear = Handler.make("dear", { gate, handleRequest: (_call: Call) => Effect.void })
      const routes = { first: { default: "dear" } } as const
      const params = [0, 1].map((n) => ({ n, cost: 10 }))
      yield* Gate.withPermit(Effect.void, gate, { n: 0, cost: 1 })
      const batch =
        what === "is paused"
          ? yield* Batch.fork(
              single(() => Effect.void),
              { params, gate }
            )
          : yield* Batch.fork(Pipeline.make("two", { handlers: { first, dear }, start: "first", routes }), {
              params,
              concurrency: 2
            })
      yield* TestClock.adjust(10)
      const others = Array.from({ length: 9 }, (_, n) => ({ n, cost: 1 }))
      const fiber = yield* Effect.forkChild(Batch.run(cheap, { params: others }))
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(starts, [])

      if (what === "is paused") yield* batch.pause
      else yield* batch.setConcurrency(1)
      yield* TestClock.adjust(1)

      assert.deepStrictEqual(starts, Array<number>(9).fill(20))
      yield* Fiber.join(fiber)
    }).pipe(Effect.scoped)
  )
})

describe("Gate, of a start", () => {
  it.live.each(["batch", "step"] as const)(
    "waits for no turn of the event loop before its request (gate of the %s)",
    (of) =>
      Effect.gen(function* () {
        let turns = 0
        let ended = false
        const turn = () => {
          turns++
          if (!ended) setImmediate(turn)
        }
        setImmediate(turn)
        const asked: Array<number> = []
        const made: Array<number> = []
        const gate = Gate.make<Call>({
          rate: { limit: 1000, window: 1 },
          cost: () => {
            asked.push(turns)
            // So long that the batch has to give way at every third look.
            const until = performance.now() + 3
            while (performance.now() < until);
            return 1
          }
        })
        const request = () => Effect.sync(() => made.push(turns))
        const params = Array.from({ length: 50 }, (_, n) => ({ n, cost: 1 }))

        yield* of === "batch"
          ? Batch.run(single(request), { params, gate, concurrency: 4 })
          : Batch.run(single(request, { gate }), { params, concurrency: 4 })
        ended = true

        assert.deepStrictEqual(made, asked)
        assert.isAtLeast(turns, 10)
      })
  )
})
