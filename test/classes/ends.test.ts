import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { Cause, Duration } from "effect"
import {
  type BatchOptions,
  BatchPipeline,
  Handler,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type Report,
  type SharedData
} from "parallel-batch-pipeline"
import { DuplicateKey, InvalidOptions } from "parallel-batch-pipeline/effect"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Item {
  readonly n: number
  /** How long the request takes. */
  readonly ms?: number
}

/** Item n takes its time and answers n; one whose n is negative fails. */
class Work extends Handler<Item & HandlerParams, number> {
  readonly calls: Array<number> = []
  readonly aborted: Array<number> = []

  protected async handleRequest({ ms = 0, n }: Item): Promise<number> {
    this.calls.push(n)
    this.getSignal().addEventListener("abort", () => this.aborted.push(n))
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    if (n < 0) throw new Error(`no ${n}`)
    return n
  }
}

const items = (count: number, ms = 0) => Array.from({ length: count }, (_, n) => ({ n, ms }))
const tags = (report: Report) => report.outcomes.map((outcome) => outcome._tag)
const counts = (report: Report) => [report.succeeded, report.failed, report.interrupted, report.notStarted]

const sequence = (work: Work, params: ReadonlyArray<HandlerParams>, options: BatchOptions = {}) =>
  new BatchPipeline(new Pipeline(work), { params: () => params, ...options })

const parallel = (
  work: Work,
  params: ReadonlyArray<HandlerParams>,
  options: ConstructorParameters<typeof ParallelBatchPipeline>[1] = {}
) => new ParallelBatchPipeline(new Pipeline(work), { params: () => params, ...options })

/** Lets so much time pass, and answers what the promise has come to. */
const after = async <A>(ms: number, promise: Promise<A>): Promise<A> => {
  promise.catch(() => {})
  await vi.advanceTimersByTimeAsync(ms)
  return promise
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail("resolved"),
    (thrown: unknown) => thrown
  )

describe("budget", () => {
  it("of calls makes no call more, retries included, in both batches", async () => {
    class Failing extends Handler<HandlerParams, void> {
      calls = 0
      protected handleRequest(): void {
        this.calls++
        throw new Error("no")
      }
    }
    for (const Batch of [BatchPipeline, ParallelBatchPipeline]) {
      const failing = new Failing({ maxRetries: 9 })
      const batch = new Batch(new Pipeline(failing), { params: () => items(3), budget: { calls: 5 } })
      const report = await after(10, batch.runReport({}))

      assert.strictEqual(failing.calls, 5)
      assert.deepStrictEqual(report.endedBy, { _tag: "Budget", bound: "calls", limit: 5, used: 5 })
      assert.deepStrictEqual([report.attempts, report.failed], [5, 0])
      assert.strictEqual(await after(10, batch.run({})), "default")
    }
  })

  it("of calls counts an overridden lifecycle as one, as the report does", async () => {
    class Twice extends Work {
      protected override async executeLifecycle(shared: SharedData): Promise<string> {
        await super.executeLifecycle(shared)
        return super.executeLifecycle(shared)
      }
    }
    const work = new Twice()
    const report = await after(10, sequence(work, items(3), { budget: { calls: 2 } }).runReport({}))

    assert.deepStrictEqual([work.calls, report.attempts], [[0, 0, 1, 1], 2])
    assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded", "Interrupted"])
  })

  it("of cost ends the batch once it is spent, and reports what was", async () => {
    const cost = (outcome: { readonly _tag: string }) => (outcome._tag === "Succeeded" ? 3 : 1)
    const batch = sequence(new Work(), items(6), { cost, budget: { cost: 7 } })
    const report = await after(10, batch.runReport({}))

    assert.deepStrictEqual([...counts(report), report.cost], [3, 0, 0, 3, 9])
    assert.deepStrictEqual(report.endedBy, { _tag: "Budget", bound: "cost", limit: 7, used: 9 })
    assert.strictEqual(await after(10, batch.run({})), "default")
  })

  it("of milliseconds ends the batch when they have passed, also before timeoutMs", async () => {
    const work = new Work()
    const batch = sequence(work, items(5, 100), { budget: { durationMs: 250 }, timeoutMs: 400 })
    const report = await after(300, batch.runReport({}))

    assert.deepStrictEqual([counts(report), work.aborted], [[2, 0, 1, 2], [2]])
    const bound = Duration.millis(250)
    assert.deepStrictEqual(report.endedBy, { _tag: "Budget", bound: "duration", limit: bound, used: bound })
  })

  it("belongs to one run, at the same time and one after the other", async () => {
    const batch = parallel(new Work(), items(2, 10), { budget: { calls: 2, cost: 5, durationMs: 50 }, cost: () => 2 })
    const together = await after(10, Promise.all([batch.runReport({}), batch.runReport({})]))
    await vi.advanceTimersByTimeAsync(40)
    const again = await after(10, batch.runReport({}))

    for (const report of [...together, again]) {
      assert.deepStrictEqual([report.endedBy._tag, report.succeeded, report.cost], ["Completed", 2, 4])
    }
  })

  it.each([Number.NaN, -1, undefined as never, Promise.resolve(1) as never])(
    "fails the item whose cost is %s, and loses nothing",
    async (amount) => {
      const batch = parallel(new Work(), items(3), {
        mode: "collect-all",
        cost: ({ index }) => (index === 1 ? amount : 1)
      })
      const report = await after(10, batch.runReport({}))

      assert.deepStrictEqual([tags(report), report.cost], [["Succeeded", "Failed", "Succeeded"], 2])
      const [, failed] = report.outcomes
      assert.isTrue(failed?._tag === "Failed" && Cause.squash(failed.cause) instanceof InvalidOptions)
    }
  )

  it("rejects with what a cost throws where the batch is fail-fast, and reports the rest", async () => {
    const bug = new Error("cost")
    const cost = ({ index }: { readonly index: number }) => {
      if (index === 1) throw bug
      return 1
    }
    const batch = sequence(new Work(), items(3), { cost })

    assert.strictEqual(await after(10, rejection(batch.run({}))), bug)
    assert.deepStrictEqual(tags(await after(10, batch.runReport({}))), ["Succeeded", "Failed", "NotStarted"])
  })
})

describe("drainMs", () => {
  const ends: ReadonlyArray<readonly [string, BatchOptions]> = [
    ["timeoutMs", { timeoutMs: 140 }],
    ["budget.durationMs", { budget: { durationMs: 140 } }],
    ["budget.cost", { budget: { cost: 1 }, cost: () => 1 }]
  ]

  it.each(ends)("lets what runs end, and starts nothing, after %s", async (_, options) => {
    const work = new Work()
    const params = [
      { n: 0, ms: 150 },
      { n: 1, ms: 200 },
      { n: 2, ms: 1 },
      { n: 3, ms: 1 }
    ]
    const batch = parallel(work, params, { concurrency: 2, drainMs: 100, ...options })
    const report = await after(300, batch.runReport({}))

    assert.deepStrictEqual([work.calls, work.aborted], [[0, 1], []])
    assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded", "NotStarted", "NotStarted"])
  })

  it("interrupts what has not ended in time", async () => {
    const work = new Work()
    const batch = parallel(work, items(2, 1000), { concurrency: 1, timeoutMs: 100, drainMs: 200 })
    const running = batch.runReport({})
    await vi.advanceTimersByTimeAsync(299)
    const before = [...work.aborted]
    const report = await after(2, running)

    assert.deepStrictEqual([before, work.aborted], [[], [0]])
    assert.deepStrictEqual([tags(report), report.endedBy._tag], [["Interrupted", "NotStarted"], "Timeout"])
  })

  it("answers processBatchResults after the drain, with the report of all", async () => {
    class Answering extends ParallelBatchPipeline {
      protected override processBatchResults(): string {
        return `${this.getReport().succeeded} by ${this.getReport().endedBy._tag}`
      }
    }
    const options = { params: () => items(3, 150), concurrency: 2, timeoutMs: 100, drainMs: 100 }

    assert.strictEqual(await after(200, new Answering(new Pipeline(new Work()), options).run({})), "2 by Timeout")
  })
})

describe("a signal that is aborted", () => {
  it("while the batch drains, interrupts at once and rejects with the reason", async () => {
    const work = new Work()
    const options = { timeoutMs: 100, drainMs: 10_000 }
    const controllers = [new AbortController(), new AbortController()] as const
    const batch = parallel(work, items(1, 1000), options)
    const run = rejection(batch.run({}, { signal: controllers[0].signal }))
    const reporting = batch.runReport({}, { signal: controllers[1].signal })
    await vi.advanceTimersByTimeAsync(200)
    for (const controller of controllers) controller.abort("now")
    const report = await after(0, reporting)

    assert.strictEqual(await run, "now")
    assert.deepStrictEqual([work.aborted, tags(report), report.endedBy._tag], [[0, 0], ["Interrupted"], "Interruption"])
  })

  it("by an item that spends the budget, counts for nothing less", async () => {
    const controller = new AbortController()
    const cost = () => {
      controller.abort("spent")
      return 1
    }
    const batch = sequence(new Work(), items(3), { cost, budget: { cost: 1 } })
    const report = await after(10, batch.runReport({}, { signal: controller.signal }))

    assert.deepStrictEqual([report.total, report.succeeded + report.interrupted + report.notStarted], [3, 3])
  })
})

describe("duplicates", () => {
  const twice = [
    { n: 1, ms: 10 },
    { n: 2, ms: 10 },
    { n: 1, ms: 10 }
  ]

  it("run unless told otherwise", async () => {
    const work = new Work()
    await after(10, parallel(work, twice).run({}))
    await after(30, sequence(work, twice, { duplicates: "run" }).run({}))

    assert.deepStrictEqual(work.calls, [1, 2, 1, 1, 2, 1])
  })

  it("share the outcome of the first, in each run anew", async () => {
    for (const make of [sequence, parallel]) {
      const work = new Work()
      const batch = make(work, twice, { duplicates: "share" })
      const reports = await after(20, Promise.all([batch.runReport({}), batch.runReport({})]))
      await after(20, batch.run({}))

      assert.deepStrictEqual(work.calls.toSorted(), [1, 1, 1, 2, 2, 2])
      for (const { outcomes } of reports) {
        assert.deepStrictEqual(
          outcomes.map((outcome) => (outcome._tag === "Succeeded" ? [outcome.index, outcome.output] : [])),
          [
            [0, 1],
            [1, 2],
            [2, 1]
          ]
        )
      }
    }
  })

  it("fail with DuplicateKey, with which run rejects", async () => {
    const batch = sequence(new Work(), twice, { duplicates: "error", key: ({ n }) => `number ${n}` })
    const report = await after(20, batch.runReport({}))
    const thrown = await after(20, rejection(batch.run({})))

    assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded", "Failed"])
    assert.deepStrictEqual(thrown, new DuplicateKey({ key: "number 1", index: 2, first: 0 }))
  })

  it("have a key that throws fail its item alone", async () => {
    const work = new Work()
    const key = ({ n }: HandlerParams) => {
      if (n === 1) throw new Error("key")
      return "same"
    }
    const batch = parallel(work, items(4), { duplicates: "share", mode: "collect-all", key })
    const report = await after(10, batch.runReport({}))

    assert.deepStrictEqual([work.calls, counts(report)], [[0], [3, 1, 0, 0]])
  })

  it("leave params and getReport those of each item", async () => {
    const seen: Array<unknown> = []
    class Seeing extends Work {
      protected override processResults(): string {
        seen.push(this.getParams()["n"])
        return "seen"
      }
    }
    const params = [0, 1, 0, 2, 1].map((n) => ({ n, ms: 10 - n }))
    await after(10, parallel(new Seeing(), params, { duplicates: "share" }).run({}))

    assert.deepStrictEqual(seen, [2, 1, 0])
  })
})
