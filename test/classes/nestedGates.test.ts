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

const params = (count: number): Array<HandlerParams> => Array.from({ length: count }, (_, n) => ({ n }))

class Call extends Handler<HandlerParams, unknown> {
  running = 0
  most = 0
  calls = 0
  readonly #request: () => unknown

  constructor(options: ConstructorParameters<typeof Handler>[0], request: () => unknown = () => undefined) {
    super(options)
    this.#request = request
  }

  protected async handleRequest(): Promise<unknown> {
    this.calls++
    this.most = Math.max(this.most, ++this.running)
    await new Promise((resolve) => setImmediate(resolve))
    const answer = await this.#request()
    this.running--
    return answer
  }
}

/** Resolves as the promise does, or says that it did not. */
const inTime = (promise: Promise<unknown>) =>
  Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 2000, "a deadlock"))])

describe("gates of classes inside of each other", () => {
  const inners = {
    "ParallelBatchPipeline.run": (inner: Call) =>
      new ParallelBatchPipeline(new Pipeline(inner), { params: () => params(3) }).run({}),
    "BatchPipeline.runReport": (inner: Call) =>
      new BatchPipeline(new Pipeline(inner), { params: () => params(3) }).runReport({}),
    "Handler.run": (inner: Call) => Promise.all([inner.run({}), inner.run({}), inner.run({})]),
    "toEffect, run as a promise": (inner: Call) =>
      Effect.runPromise(new ParallelBatchPipeline(new Pipeline(inner), { params: () => params(3) }).toEffect({}))
  }

  const cases = Object.keys(inners).flatMap((kind) =>
    (["handler", "batch"] as const).map((place) => [kind as keyof typeof inners, place] as const)
  )

  it.each(cases)("%s reuses the place that the item around holds at the gate of its %s", async (kind, place) => {
    const gate = Gate.make({ concurrency: 2 })
    const inner = new Call({ gate })
    const outer = new Call(place === "handler" ? { gate } : {}, () => inners[kind](inner))
    const batch = new ParallelBatchPipeline(new Pipeline(outer), {
      params: () => params(4),
      gate: place === "batch" ? gate : undefined
    })

    assert.strictEqual(await inTime(batch.run({})), "default")

    assert.strictEqual(inner.calls, 12)
    assert.isAtMost(inner.most, 2)
    assert.deepInclude(await Effect.runPromise(Gate.state(gate)), { running: 0, waiting: 0 })
  })

  it.effect("a class inside of an effect that holds a place takes that over", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ concurrency: 1 })
      const inner = new ParallelBatchPipeline(new Pipeline(new Call({ gate })), { params: () => params(3) })

      const action = yield* Gate.withPermit(inner.toEffect({}), gate)

      assert.strictEqual(action, "default")
      assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )

  it("two gates in opposite orders both end", async () => {
    const first = Gate.make({ concurrency: 1 })
    const second = Gate.make({ concurrency: 1 })
    const through = (around: Gate.Gate, within: Gate.Gate) => {
      const inner = new BatchPipeline(new Pipeline(new Call({ gate: within })), { params: () => params(2) })
      return new ParallelBatchPipeline(new Pipeline(new Call({ gate: around }, () => inner.run({}))), {
        params: () => params(3)
      })
    }

    const batches = Promise.all([through(first, second).run({}), through(second, first).run({})])

    assert.deepStrictEqual(await inTime(batches), ["default", "default"])
  })

  it.effect("what is run inside of an item is on its clock, and so behind the same gate", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ rate: { limit: 2, window: 1000 } })
      const inner = new Call({ gate })
      const outer = new Call({ gate }, () => inner.run({}))
      const batch = new ParallelBatchPipeline(new Pipeline(outer), { params: () => params(1) })
      const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      const turns = Effect.repeat(turn, { times: 10 })

      yield* batch.toEffect({})
      const fiber = yield* Effect.forkChild(batch.toEffect({}))
      yield* turns
      yield* TestClock.adjust(999)
      yield* turns
      const before = [outer.calls, inner.calls]
      yield* TestClock.adjust(1)
      yield* Fiber.join(fiber)

      assert.deepStrictEqual([before, outer.calls, inner.calls], [[1, 1], 2, 2])
    })
  )
})
