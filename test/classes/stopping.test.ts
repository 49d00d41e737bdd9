import { assert, describe, it, vi } from "@effect/vitest"
import { Cause, Option } from "effect"
import {
  BatchPipeline,
  Handler,
  type HandlerParams,
  type ParallelBatchOptions,
  ParallelBatchPipeline,
  Pipeline,
  type Report
} from "parallel-batch-pipeline"

type Request = (n: number, signal: AbortSignal) => unknown

class Work extends Handler<HandlerParams, unknown> {
  readonly started: Array<number> = []
  readonly #request: Request

  constructor(request: Request) {
    super()
    this.#request = request
  }

  protected handleRequest(inputs: HandlerParams): unknown {
    this.started.push(inputs["n"] as number)
    return this.#request(inputs["n"] as number, this.getSignal())
  }
}

describe("tolerate", () => {
  const failing = () =>
    new Work((n) => {
      if (n % 2 === 1) throw new RangeError(`no ${n}`)
    })

  it("stops a collect-all batch at the first failure that is more, and counts anew in each run", async () => {
    const batch = new ParallelBatchPipeline(new Pipeline(failing()), {
      params: () => Array.from({ length: 8 }, (_, n) => ({ n })),
      mode: "collect-all",
      concurrency: 1,
      tolerate: { byTag: { RangeError: 2 } }
    })

    for (const _ of [1, 2]) {
      const report = await batch.runReport({})
      assert.deepStrictEqual([report.succeeded, report.failed, report.notStarted], [3, 3, 2])
      assert.deepInclude(report.endedBy, { _tag: "Tolerance", bound: "byTag", tag: "RangeError" })
    }
    await batch.run({}).then(assert.fail, (thrown: Error) => assert.strictEqual(thrown.message, "no 5"))
  })

  it("is checked when the batch is made", () => {
    const make = (options: ParallelBatchOptions) => () => new ParallelBatchPipeline(new Pipeline(failing()), options)

    assert.throws(make({ mode: "collect-all", tolerate: { count: -1 } }), /"tolerate.count" to be an integer/)
    assert.throws(make({ tolerate: { count: 1 } }), /"tolerate" to be left out/)
    assert.throws(make({ timeoutMs: 0 }), /"timeoutMs" to be a duration longer than zero/)
  })
})

describe("timeoutMs", () => {
  it("ends the batch without a failure, and aborts what runs", async () => {
    vi.useFakeTimers()
    try {
      const aborted: Array<number> = []
      const work = new Work((n, signal) =>
        n === 0 ? undefined : new Promise(() => signal.addEventListener("abort", () => aborted.push(n)))
      )
      const batch = new ParallelBatchPipeline(new Pipeline(work), {
        params: () => [{ n: 0 }, { n: 1 }, { n: 2 }],
        concurrency: 1,
        timeoutMs: 100
      })

      const running = batch.runReport({})
      await vi.advanceTimersByTimeAsync(101)
      const report = await running

      assert.deepStrictEqual([report.succeeded, report.interrupted, report.notStarted], [1, 1, 1])
      assert.deepStrictEqual([report.endedBy._tag, aborted], ["Timeout", [1]])
    } finally {
      vi.useRealTimers()
    }
  })
})

/** A batch that tells whether `processBatchResults` was called. */
class Watched extends ParallelBatchPipeline {
  processed = 0

  protected override processBatchResults(): string {
    this.processed++
    return "processed"
  }
}

const params = (count: number) => () => Array.from({ length: count }, (_, n) => ({ n }))
const batchOf = (work: Work, options: ParallelBatchOptions) => new Watched(new Pipeline(work), options)
const tick = () => new Promise<void>((resolve) => setImmediate(resolve))
const never = new Promise<never>(() => {})
const tags = (report: Report) => report.outcomes.map((outcome) => outcome._tag)
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail("resolved"),
    (thrown: unknown) => thrown
  )

/** Rejects as `fetch` does when its signal is aborted. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))

describe("fail-fast", () => {
  it("aborts the signals of what runs, starts nothing more, and rejects with the first value", async () => {
    const aborted: Array<number> = []
    const work = new Work(async (n, signal) => {
      signal.addEventListener("abort", () => aborted.push(n))
      await tick()
      if (n === 1) throw new Error("first")
      return untilAborted(signal)
    })
    const batch = batchOf(work, { params: params(10), concurrency: 3 })

    const thrown = await rejection(batch.run({}))
    await tick()

    assert.strictEqual((thrown as Error).message, "first")
    assert.deepStrictEqual(aborted, [0, 2])
    assert.deepStrictEqual(work.started, [0, 1, 2])
    assert.strictEqual(batch.processed, 0)
  })

  it.each([
    ["first", 0, ["Failed", "NotStarted", "NotStarted"]],
    ["in the middle", 1, ["Succeeded", "Failed", "NotStarted"]],
    ["last", 2, ["Succeeded", "Succeeded", "Failed"]]
  ] as const)("accounts for every item where one fails %s", async (_, failing, expected) => {
    const work = new Work(async (n) => {
      if (n === failing) throw new Error("no")
    })

    const report = await batchOf(work, { params: params(3), concurrency: 1 }).runReport({})

    assert.deepStrictEqual(tags(report), [...expected])
    assert.strictEqual(report.total, 3)
  })

  it("reports what was interrupted, and what never started", async () => {
    const work = new Work(async (n) => {
      await tick()
      if (n === 1) throw new Error("no")
      return n === 0 ? 0 : never
    })

    const report = await batchOf(work, { params: params(5), concurrency: 3 }).runReport({})

    assert.deepStrictEqual(tags(report), ["Succeeded", "Failed", "Interrupted", "Interrupted", "NotStarted"])
    const { failed, interrupted, notStarted, succeeded } = report
    assert.deepStrictEqual([succeeded, failed, interrupted, notStarted], [1, 1, 2, 1])
  })

  it("takes the first of several that fail in the same tick", async () => {
    const together = tick()
    const work = new Work(async (n) => {
      await together
      throw n
    })

    assert.strictEqual(await rejection(batchOf(work, { params: params(4) }).run({})), 0)
  })

  it("starts nothing more where the first item fails at once", async () => {
    const work = new Work(() => {
      throw new Error("at once")
    })

    await rejection(batchOf(work, { params: params(1000), concurrency: 100 }).run({}))

    assert.deepStrictEqual(work.started, [0])
  })
})

describe("collect-all", () => {
  it("runs every item, and the report has them all", async () => {
    const work = new Work(async (n) => {
      if (n % 2 === 1) throw n
      return n * 10
    })
    const batch = batchOf(work, { params: params(4), mode: "collect-all" })

    assert.strictEqual(await batch.run({}), "processed")
    const report = await batch.runReport({})

    const ends = report.outcomes.map((outcome) =>
      outcome._tag === "Succeeded"
        ? outcome.output
        : outcome._tag === "Failed"
          ? [outcome.handler, Option.getOrUndefined(Cause.findErrorOption(outcome.cause))]
          : outcome._tag
    )
    assert.deepStrictEqual(ends, [0, ["Work", 1], 20, ["Work", 3]])
    assert.deepStrictEqual([report.succeeded, report.failed, batch.processed], [2, 2, 2])
  })

  it("resolves without items", async () => {
    const report = await batchOf(new Work(() => {}), { params: () => [], mode: "collect-all" }).runReport({})

    assert.deepStrictEqual([report.total, report.outcomes.length, report.exhausted], [0, 0, true])
  })
})

describe("an aborted signal", () => {
  const reasons: ReadonlyArray<readonly [string, unknown]> = [
    ["its AbortError", undefined],
    ["a custom reason", { because: 1 }],
    ["a string", "stop"]
  ]

  it.each(reasons)("rejects with %s where it was aborted before the start", async (_, reason) => {
    const work = new Work(() => {})
    const batch = batchOf(work, { params: params(3) })
    const signal = AbortSignal.abort(reason)

    assert.strictEqual(await rejection(batch.run({}, { signal })), signal.reason)
    const report = await batch.runReport({}, { signal })

    assert.deepStrictEqual([work.started, report.succeeded, batch.processed], [[], 0, 0])
  })

  it.each(reasons)("rejects with %s where it is aborted while items run", async (_, reason) => {
    const controller = new AbortController()
    const aborted: Array<number> = []
    const work = new Work((n, signal) => {
      signal.addEventListener("abort", () => aborted.push(n))
      if (n === 2) controller.abort(reason)
      return n === 0 ? n : untilAborted(signal)
    })
    const batch = batchOf(work, { params: params(6), concurrency: 2 })

    const thrown = await rejection(batch.run({}, { signal: controller.signal }))

    assert.strictEqual(thrown, controller.signal.reason)
    assert.deepStrictEqual(aborted, [1, 2])
    assert.deepStrictEqual([work.started, batch.processed], [[0, 1, 2], 0])
  })

  it("leaves the report of what had finished", async () => {
    const controller = new AbortController()
    const work = new Work((n) => (n < 2 ? n : never))
    const batch = batchOf(work, { params: params(6), concurrency: 2 })

    const reporting = batch.runReport({}, { signal: controller.signal })
    await tick()
    controller.abort()
    const report = await reporting

    const expected = ["Succeeded", "Succeeded", "Interrupted", "Interrupted", "NotStarted", "NotStarted"]
    assert.deepStrictEqual(tags(report), expected)
    assert.deepStrictEqual([report.total, report.interrupted, report.notStarted], [6, 2, 2])
  })

  it("changes nothing where it is aborted after the end", async () => {
    const controller = new AbortController()
    const batch = batchOf(new Work((n) => n), { params: params(2) })

    const action = await batch.run({}, { signal: controller.signal })
    controller.abort()
    await tick()

    assert.strictEqual(action, "processed")
  })

  it("interrupts a handler and a pipeline as well", async () => {
    const controller = new AbortController()
    const work = new Work((_, signal) => untilAborted(signal))
    const runs = [work, new Pipeline(work), new BatchPipeline(new Pipeline(work), { params: params(2) })].map(
      (handler) => rejection(handler.run({}, { signal: controller.signal }))
    )

    await tick()
    controller.abort("stop")

    assert.deepStrictEqual(await Promise.all(runs), ["stop", "stop", "stop"])
    assert.strictEqual(work.started.length, 3)
  })

  it("interrupts one run and leaves another of the same instance alone", async () => {
    const controller = new AbortController()
    const gate = Promise.withResolvers<void>()
    const batch = batchOf(new Work(() => gate.promise), { params: params(2) })

    const stopped = rejection(batch.run({}, { signal: controller.signal }))
    const other = batch.run({})
    await tick()
    controller.abort("stop")
    const thrown = await stopped
    gate.resolve()

    assert.deepStrictEqual([thrown, await other], ["stop", "processed"])
  })

  it("leaves no rejection behind where the call that fails has stopped its run", async () => {
    const unhandled: Array<unknown> = []
    const listen = (reason: unknown) => unhandled.push(reason)
    process.on("unhandledRejection", listen)
    const controller = new AbortController()
    let calls = 0
    class Ask extends Handler<HandlerParams, void> {
      protected async handleRequest(): Promise<void> {
        if (++calls === 2) controller.abort()
        await tick()
        throw new Error("too late")
      }
    }
    const batch = new ParallelBatchPipeline(new Pipeline(new Ask({ maxRetries: 3 })), {
      params: params(2),
      concurrency: 1,
      mode: "collect-all"
    })

    const report = await batch.runReport({}, { signal: controller.signal })
    await tick()
    await tick()
    process.off("unhandledRejection", listen)

    assert.deepStrictEqual([report.interrupted, report.notStarted, unhandled], [1, 1, []])
  })
})
