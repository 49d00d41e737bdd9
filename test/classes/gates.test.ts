import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import {
  BatchPipeline,
  Gate,
  Handler,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline
} from "parallel-batch-pipeline"

/** Turns of the event loop, in which promises settle, and of the clock. */
const pass = (millis: number, step = 5): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let passed = 0; passed < millis; passed += step) {
      yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
      yield* TestClock.adjust(step)
    }
    yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
  })

const params = (count: number): Array<HandlerParams> => Array.from({ length: count }, (_, n) => ({ n }))

class Call extends Handler<HandlerParams, unknown> {
  calls = 0
  readonly #answer: (call: number, inputs: HandlerParams) => unknown

  constructor(
    options: ConstructorParameters<typeof Handler>[0],
    answer: (call: number, inputs: HandlerParams) => unknown
  ) {
    super(options)
    this.#answer = answer
  }

  protected async handleRequest(inputs: HandlerParams): Promise<unknown> {
    return this.#answer(++this.calls, inputs)
  }
}

/** Says what its start has really cost. */
class Settling extends Call {
  readonly #cost: number

  constructor(
    options: ConstructorParameters<typeof Handler>[0],
    answer: (call: number, inputs: HandlerParams) => unknown,
    cost = 1
  ) {
    super(options, answer)
    this.#cost = cost
  }

  protected override async handleRequest(inputs: HandlerParams): Promise<unknown> {
    const answer = await super.handleRequest(inputs)
    this.settleCost(this.#cost)
    return answer
  }
}

const retryAfter = (answer: (call: number) => unknown) =>
  Effect.gen(function* () {
    const handler = new Call({ gate: Gate.make({ jitter: 0 }) }, answer)
    const batch = new ParallelBatchPipeline(new Pipeline(handler), { params: () => params(1) })

    const fiber = yield* Effect.forkChild(batch.toEffect({}))
    yield* pass(900, 100)
    const before = handler.calls
    yield* pass(200, 100)
    yield* Fiber.join(fiber)

    assert.deepStrictEqual([before, handler.calls], [1, 2])
  })

describe("gates of the classes", () => {
  it.effect("hold the rate of a handler", () =>
    Effect.gen(function* () {
      const handler = new Call({ rate: { limit: 2, window: 50 } }, () => "done")
      const batch = new ParallelBatchPipeline(new Pipeline(handler), { params: () => params(5) })

      const fiber = yield* Effect.forkChild(batch.toEffect({}))
      const counts: Array<number> = []
      for (let i = 0; i < 3; i++) {
        yield* pass(45)
        counts.push(handler.calls)
        yield* pass(5)
      }
      yield* Fiber.join(fiber)

      assert.deepStrictEqual(counts, [2, 4, 5])
    })
  )

  it.effect("hold the rate of a batch", () =>
    Effect.gen(function* () {
      const handler = new Call({}, () => "done")
      const batch = new BatchPipeline(new Pipeline(handler), {
        params: () => params(3),
        rate: { limit: 1, window: 50 }
      })

      const fiber = yield* Effect.forkChild(batch.toEffect({}))
      yield* pass(45)
      const first = handler.calls
      yield* pass(100)
      yield* Fiber.join(fiber)

      assert.deepStrictEqual([first, handler.calls], [1, 3])
    })
  )

  it.effect("close for a thrown error with `retryAfter`, in seconds", () =>
    retryAfter((call) => {
      if (call === 1) throw Object.assign(new Error("slow down"), { retryAfter: 1 })
      return "done"
    })
  )

  it.effect.each([429, 503])("close for a thrown Response %s with the header", (status) =>
    retryAfter((call) => {
      if (call === 1) throw new Response(null, { status, headers: { "Retry-After": "1" } })
      return "done"
    })
  )

  const tooMuch: ReadonlyArray<readonly [name: string, answer: () => unknown]> = [
    ["a thrown Response 429 without the header", () => Promise.reject(new Response(null, { status: 429 }))],
    ["a thrown error with status 503", () => Promise.reject(Object.assign(new Error("busy"), { status: 503 }))],
    ["a timeout", () => new Promise(() => {})]
  ]

  it.effect.each(tooMuch)("that adapt halve on %s", ([, answer]) =>
    Effect.gen(function* () {
      const gate = Gate.make({ concurrency: { min: 1, max: 8, adapt: "aimd" } })
      const handler = new Call({ gate, timeoutMs: 20 }, (_call, { n }) => (n === 30 ? answer() : undefined))
      const batch = new ParallelBatchPipeline(new Pipeline(handler), { params: () => params(31), mode: "collect-all" })

      const fiber = yield* Effect.forkChild(batch.toEffect({}))
      yield* pass(100)
      yield* Fiber.join(fiber)

      assert.deepInclude(yield* Gate.state(gate), { running: 0, concurrency: 4 })
    })
  )

  it.effect("use up none of maxRetries", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ jitter: 0 })
      const handler = new Call({ gate, maxRetries: 2 }, (call) => {
        if (call <= 3) throw Object.assign(new Error("slow down"), { retryAfter: 0.01 })
        throw new Error("boom")
      })
      const batch = new ParallelBatchPipeline(new Pipeline(handler), { params: () => params(1), mode: "collect-all" })

      const fiber = yield* Effect.forkChild(batch.toEffect({}))
      yield* pass(100)
      yield* Fiber.join(fiber)

      assert.strictEqual(handler.calls, 5)
    })
  )

  it.effect("are shared by batches, and by what runs inside of them", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ concurrency: 1 })
      const inner = new Call({ gate }, () => "done")
      const nested = new ParallelBatchPipeline(new Pipeline(inner), { params: () => params(3) })
      const outer = new Call({ gate }, () => nested.run({}))
      const batch = new ParallelBatchPipeline(new Pipeline(outer), { params: () => params(4), concurrency: 4 })

      yield* Effect.all([batch.toEffect({}), batch.toEffect({})], { concurrency: 2 })

      assert.strictEqual(inner.calls, 24)
      assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )

  it.effect.each(["handler", "batch"] as const)("settle costs that are known afterwards (%s)", (place) =>
    Effect.gen(function* () {
      const gate = Gate.make({ rate: { limit: 10, window: 50 }, cost: () => 10 })
      const handler = new Settling(place === "handler" ? { gate } : {}, () => "done")
      const batch = new BatchPipeline(new Pipeline(handler), {
        params: () => params(2),
        gate: place === "batch" ? gate : undefined
      })

      const fiber = yield* Effect.forkChild(batch.toEffect({}))
      yield* pass(45)
      const first = handler.calls
      yield* pass(10)
      yield* Fiber.join(fiber)

      // One unit is left of the first, so ten have no room yet.
      assert.deepStrictEqual([first, handler.calls], [1, 2])
    })
  )

  it.effect("add up what the requests of an item have cost at the gate of its batch", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ rate: { limit: 14, window: 50 } })
      const first = new Settling({}, () => "done", 6)
      const second = new Settling({}, () => "done", 6)
      const pipeline = new Pipeline(first)
      first.connectTo(second)
      const batch = new BatchPipeline(pipeline, { params: () => params(4), gate })

      const fiber = yield* Effect.forkChild(batch.toEffect({}))
      yield* pass(45)
      const calls = first.calls
      yield* pass(200)
      yield* Fiber.join(fiber)

      // Each item costs twelve, so the second is the last one for which there is room.
      assert.deepStrictEqual([calls, second.calls], [2, 4])
    })
  )

  it.effect("settle at their own gate, where the batch has one too", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ rate: { limit: 10, window: 50 }, cost: () => 10 })
      const handler = new Settling({ gate: Gate.make({}) }, () => "done", 0)
      const batch = new BatchPipeline(new Pipeline(handler), { params: () => params(2), gate })

      const fiber = yield* Effect.forkChild(batch.toEffect({}))
      yield* pass(45)
      const first = handler.calls
      yield* pass(10)
      yield* Fiber.join(fiber)

      assert.deepStrictEqual([first, handler.calls], [1, 2])
    })
  )

  it("settle nothing where there is no gate, and say so", async () => {
    const handler = new Settling({ name: "Ask" }, () => "done")

    const thrown: unknown = await handler.run({}).catch((error: unknown) => error)

    assert.match(String(thrown), /settleCost of Ask.*neither it nor its batch has a gate/)
  })

  it("take a gate or a rate, and say so", () => {
    const gate = Gate.make({})
    const rate = { limit: 1, window: 10 }

    assert.throws(() => new Call({ gate, rate }, () => {}), /"rate" of Call.*left out where there is a gate/)
    assert.throws(() => new Call({ rate: { limit: 0, window: 10 } }, () => {}), /rate.limit.*greater than 0, got 0/)
    assert.throws(
      () => new ParallelBatchPipeline(new Pipeline(new Call({}, () => {})), { gate: {} as never }),
      /"gate" of ParallelBatchPipeline.*made by Gate.make/
    )
  })
})
