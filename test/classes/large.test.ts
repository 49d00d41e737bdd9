import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import {
  BatchPipeline,
  Handler,
  type HandlerOptions,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type SharedData
} from "parallel-batch-pipeline"
import { vi } from "vitest"

class Work extends Handler<HandlerParams, unknown> {
  readonly #request: (n: number) => unknown

  constructor(request: (n: number) => unknown, options?: HandlerOptions) {
    super(options)
    this.#request = request
  }

  protected handleRequest(inputs: HandlerParams): unknown {
    return this.#request(inputs["n"] as number)
  }
}

const numbers = (count: number) => () => Array.from({ length: count }, (_, n) => ({ n }))
const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

describe("100,000 items of a generator", () => {
  const count = 100_000

  it.each([
    ["values", (n: number): unknown => n, {}],
    ["promises", async (n: number): Promise<unknown> => n, {}],
    ["promises behind a policy", async (n: number): Promise<unknown> => n, { maxRetries: 2 }]
  ] as const)(
    "are read no further ahead than they are run, with %s",
    { timeout: 30_000 },
    async (_, request, options) => {
      let read = 0
      let ended = 0
      let ahead = 0
      class Ending extends Work {
        protected override processResults(): string {
          ended++
          return "ended"
        }
      }
      const params = function* (): Generator<HandlerParams> {
        for (let n = 0; n < count; n++) {
          ahead = Math.max(ahead, ++read - ended)
          yield { n }
        }
      }
      const pipeline = new Pipeline(new Ending(request, options))
      const batch = new ParallelBatchPipeline(pipeline, { params, concurrency: 50, outcomes: "none" })

      const report = await batch.runReport({})

      assert.deepStrictEqual([report.total, report.succeeded, report.outcomes.length], [count, count, 0])
      assert.isAtMost(ahead, 55)
    }
  )

  it("are closed early where one fails", async () => {
    let read = 0
    let closed = false
    const params = function* (): Generator<HandlerParams> {
      try {
        for (let n = 0; n < count; n++) {
          read++
          yield { n }
        }
      } finally {
        closed = true
      }
    }
    const work = new Work(async (n) => (n === 100 ? Promise.reject("no") : n))

    const report = await new ParallelBatchPipeline(new Pipeline(work), { params, concurrency: 10 }).runReport({})

    assert.isTrue(closed)
    assert.isAtMost(read, 200)
    assert.deepStrictEqual([report.total, report.failed, report.exhausted], [read, 1, false])
  })

  it("answer for their own params and land in the shared data", { timeout: 30_000 }, async () => {
    class Sum extends Handler<HandlerParams, number> {
      protected async handleRequest(): Promise<number> {
        return this.getParams()["n"] as number
      }
      protected override processResults(shared: SharedData, inputs: HandlerParams, outputs: number): string {
        shared["sum"] = (shared["sum"] as number) + (inputs["n"] === outputs ? 1 : 0)
        return "added"
      }
    }
    const shared = { sum: 0 }
    const batch = new ParallelBatchPipeline(new Pipeline(new Sum()), { params: numbers(count), outcomes: "none" })

    await batch.run(shared)

    assert.strictEqual(shared.sum, count)
  })
})

describe("BatchPipeline", () => {
  it("runs strictly one item after the other", async () => {
    const events: Array<string> = []
    const work = new Work(async (n) => {
      events.push(`start ${n}`)
      if (n % 2 === 0) await tick()
      events.push(`end ${n}`)
    })

    await new BatchPipeline(new Pipeline(work), { params: numbers(10) }).run({})

    const expected = numbers(10)().flatMap(({ n }) => [`start ${n}`, `end ${n}`])
    assert.deepStrictEqual(events, expected)
  })

  it("stops at the first error", async () => {
    const started: Array<number> = []
    const work = new Work(async (n) => {
      started.push(n)
      if (n === 3) throw new Error("three")
    })
    const batch = new BatchPipeline(new Pipeline(work), { params: numbers(10) })

    const thrown = await batch.run({}).catch((thrown: unknown) => thrown)
    const report = await batch.runReport({})

    assert.strictEqual((thrown as Error).message, "three")
    assert.deepStrictEqual(started, [0, 1, 2, 3, 0, 1, 2, 3])
    assert.deepStrictEqual([report.succeeded, report.failed, report.notStarted], [3, 1, 6])
  })
})

describe("concurrency", () => {
  it.each([
    [1, 1],
    [3, 3],
    [100, 20],
    ["unbounded", 20],
    [undefined, 20]
  ] as const)("of %s runs at most %d of 20 items at the same time", async (concurrency, expected) => {
    let running = 0
    let peak = 0
    const work = new Work(async () => {
      peak = Math.max(peak, ++running)
      await tick()
      running--
    })

    await new ParallelBatchPipeline(new Pipeline(work), { params: numbers(20), concurrency }).run({})

    assert.strictEqual(peak, expected)
  })
})

describe("under fake timers", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  class Fallback extends Work {
    protected override async handleError(): Promise<unknown> {
      return "fallback"
    }
  }

  it.each([
    ["values", () => new Work((n) => n)],
    ["promises", () => new Work(async (n) => n)],
    ["promises behind a timeout", () => new Work(async (n) => n, { timeoutMs: 1000 })],
    ["promises that reject, with a fallback", () => new Fallback(async () => Promise.reject("no"))]
  ] as const)("a run whose handlers wait for nothing completes, with %s", async (_, make) => {
    const handler = make()
    const pipeline = new Pipeline(handler)

    assert.strictEqual(await handler.run({}), "default")
    assert.strictEqual(await pipeline.run({}), "default")
    assert.strictEqual(await new ParallelBatchPipeline(pipeline, { params: numbers(50) }).run({}), "default")
    assert.strictEqual(await new BatchPipeline(pipeline, { params: numbers(50) }).run({}), "default")
    assert.strictEqual(vi.getTimerCount(), 0)
  })

  it("a failing run rejects, and an aborted one", async () => {
    const failing = new Pipeline(new Work(async () => Promise.reject("no")))
    const controller = new AbortController()
    const waiting = new Pipeline(new Work(() => new Promise(() => {})))
    const rejected = (run: Promise<unknown>) => run.catch((thrown: unknown) => thrown)

    const failed = rejected(new ParallelBatchPipeline(failing, { params: numbers(3) }).run({}))
    const aborted = rejected(
      new ParallelBatchPipeline(waiting, { params: numbers(3) }).run({}, { signal: controller.signal })
    )
    controller.abort("stop")

    assert.deepStrictEqual(await Promise.all([failed, aborted]), ["no", "stop"])
  })

  it("a run that retries at once completes", async () => {
    let attempts = 0
    const work = new Work(async () => (++attempts < 3 ? Promise.reject("no") : "yes"), { maxRetries: 3 })

    const run = work.run({})
    // A retry gives way.
    for (let i = 0; i < 5; i++) await vi.advanceTimersByTimeAsync(1)

    assert.strictEqual(await run, "default")
    assert.strictEqual(attempts, 3)
  })

  it("an item that waits completes in the millisecond in which its timer ends", async () => {
    const work = new Work(() => new Promise((resolve) => setTimeout(resolve, 60_000)))
    let ended = false
    const batch = new ParallelBatchPipeline(new Pipeline(work), { params: numbers(1) })
    void batch.run({}).then(() => (ended = true))

    await vi.advanceTimersByTimeAsync(59_999)
    assert.isFalse(ended)
    await vi.advanceTimersByTimeAsync(1)

    assert.isTrue(ended)
  })

  it("items that wait complete when the clock is advanced", async () => {
    const work = new Work(() => new Promise((resolve) => setTimeout(resolve, 60_000)))
    const run = new ParallelBatchPipeline(new Pipeline(work), { params: numbers(4), concurrency: 2 }).run({})

    await vi.advanceTimersByTimeAsync(120_000)
    await vi.advanceTimersByTimeAsync(10)

    assert.strictEqual(await run, "default")
  })

  it("items one after the other take as long as their timers", async () => {
    const work = new Work(() => new Promise((resolve) => setTimeout(resolve, 50)))
    let ended = false
    const batch = new ParallelBatchPipeline(new Pipeline(work), { params: numbers(20), concurrency: 1 })
    void batch.run({}).then(() => (ended = true))

    await vi.advanceTimersByTimeAsync(999)
    assert.isFalse(ended)
    // The time that a test lets pass has kept no event loop waiting, so no item has given way.
    await vi.advanceTimersByTimeAsync(1)

    assert.isTrue(ended)
  })

  it("a run that has to give way goes on when the clock is advanced", async () => {
    // Real time tells a run that it has to give way; the timer by which it goes on is a fake one.
    vi.useFakeTimers({ toFake: ["setTimeout", "setImmediate", "clearTimeout", "clearImmediate"] })
    const busy = () => {
      const until = performance.now() + 15
      while (performance.now() < until);
    }
    let ended = false
    const run = new ParallelBatchPipeline(new Pipeline(new Work(busy)), { params: numbers(20), concurrency: 2 })
      .run({})
      .then(() => (ended = true))

    for (let i = 0; i < 50; i++) await vi.advanceTimersByTimeAsync(1)

    await run
    assert.isTrue(ended)
  })
})
