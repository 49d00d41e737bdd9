import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import {
  BatchPipeline,
  Handler,
  type HandlerParams,
  type ParallelBatchOptions,
  ParallelBatchPipeline,
  Pipeline,
  type Report,
  type SharedData
} from "parallel-batch-pipeline"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Item {
  readonly n: number
}

/** Item n takes n times ten milliseconds; item 1 stops the batch. */
class Work extends Handler<Item, number> {
  readonly calls: Array<number> = []
  readonly aborted: Array<number> = []

  protected override prepareInputs(): Item {
    return { n: Number(this.getParams()["n"]) }
  }
  protected async handleRequest({ n }: Item): Promise<number> {
    this.calls.push(n)
    this.getSignal().addEventListener("abort", () => this.aborted.push(n))
    await new Promise((resolve) => setTimeout(resolve, n * 10))
    return n
  }
  protected override processResults(_shared: SharedData, { n }: Item, _outputs: number): string {
    return n === 1 ? this.stopBatch("enough") : "default"
  }
}

const numbers = (...ns: ReadonlyArray<number>) => ns.map((n) => ({ n }))
const tags = (report: Pick<Report, "outcomes">) => report.outcomes.map((outcome) => outcome._tag)
const batchOf = (handler: Handler<any, any> | Pipeline, params: HandlerParams[], options: ParallelBatchOptions = {}) =>
  new ParallelBatchPipeline(new Pipeline(handler), { params: () => params, ...options })

/** Lets so much time pass, and answers what the promise has come to. */
const after = async <A>(ms: number, promise: Promise<A>): Promise<A> => {
  promise.catch(() => {})
  await vi.advanceTimersByTimeAsync(ms)
  return promise
}

const stopped = { _tag: "Stop", reason: "enough" } as const

describe("stopBatch", () => {
  it("ends the batch with its item, which succeeds, and interrupts what else runs", async () => {
    const work = new Work()
    const batch = batchOf(work, numbers(0, 1, 5, 6, 7), { concurrency: 3 })
    const report = await after(100, batch.runReport({}))

    assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded", "Interrupted", "Interrupted", "NotStarted"])
    assert.deepStrictEqual([report.endedBy, work.aborted.toSorted()], [stopped, [5, 6]])
    assert.deepInclude(report.outcomes[1], { action: "stop", output: 1 })
    assert.strictEqual(await after(100, batch.run({})), "default")
  })

  it("ends a BatchPipeline, and leaves processBatchResults the report", async () => {
    class Answering extends BatchPipeline {
      protected override processBatchResults(): string {
        const { endedBy, notStarted } = this.getReport()
        return `${endedBy._tag}, ${notStarted} left`
      }
    }
    const batch = new Answering(new Pipeline(new Work()), { params: () => numbers(0, 1, 2, 3) })

    assert.strictEqual(await after(100, batch.run({})), "Stop, 2 left")
  })

  it("lets what runs end, where the batch drains", async () => {
    const work = new Work()
    const batch = batchOf(work, numbers(1, 5, 50, 7), { concurrency: 3, drainMs: 100 })
    const report = await after(1000, batch.runReport({}))

    assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded", "Interrupted", "NotStarted"])
    assert.deepStrictEqual([report.endedBy, work.aborted], [stopped, [50]])
  })

  it("takes no route, where an action of that name takes one and stops nothing", async () => {
    class Plain extends Work {
      protected override processResults(shared: SharedData, inputs: Item, outputs: number): string {
        return inputs.n === 0 ? "stop" : super.processResults(shared, inputs, outputs)
      }
    }
    const [plain, next] = [new Plain(), new Plain()]
    plain.connectTo(next, "stop")
    const report = await after(100, batchOf(plain, numbers(0, 1, 2), { concurrency: 1 }).runReport({}))

    assert.deepStrictEqual([plain.calls, next.calls], [[0, 1], [0]])
    assert.deepStrictEqual([tags(report), report.endedBy], [["Succeeded", "Succeeded", "NotStarted"], stopped])
  })

  it("is heard from a nested pipeline, and from one that overrides its lifecycle", async () => {
    class Loud extends Pipeline {
      protected override executeLifecycle(shared: SharedData): Promise<string> {
        return super.executeLifecycle(shared)
      }
    }
    for (const nested of [new Pipeline(new Work()), new Loud(new Work()), new Loud(new Loud(new Work()))]) {
      const last = new Work()
      nested.connectTo(last)
      const report = await after(100, batchOf(nested, numbers(0, 1, 2), { concurrency: 1 }).runReport({}))

      assert.deepStrictEqual([tags(report), report.endedBy], [["Succeeded", "Succeeded", "NotStarted"], stopped])
      assert.deepStrictEqual(last.calls, [0])
    }
  })

  it("may be said by an overridden lifecycle, before and after an await", async () => {
    for (const early of [true, false]) {
      class Own extends Work {
        protected override async executeLifecycle(shared: SharedData): Promise<string> {
          if (early && this.getParams()["n"] === 3) return this.stopBatch("enough")
          await super.executeLifecycle(shared)
          return this.getParams()["n"] === 3 ? this.stopBatch("enough") : "default"
        }
      }
      const report = await after(100, batchOf(new Own(), numbers(2, 3, 4), { concurrency: 1 }).runReport({}))

      assert.deepStrictEqual([tags(report), report.endedBy], [["Succeeded", "Succeeded", "NotStarted"], stopped])
    }
  })

  it("counts for nothing where an overridden lifecycle answers something else", async () => {
    class Deaf extends Work {
      protected override async executeLifecycle(shared: SharedData): Promise<string> {
        await super.executeLifecycle(shared)
        return "on"
      }
    }
    const report = await after(100, batchOf(new Deaf(), numbers(0, 1, 2)).runReport({}))

    assert.deepStrictEqual([report.succeeded, report.endedBy._tag], [3, "Completed"])
  })

  it("stops only the batch of its item, where that stands in a pipeline of another", async () => {
    const reports: Array<Report> = []
    class Inner extends ParallelBatchPipeline {
      protected override processBatchResults(): string {
        reports.push(this.getReport())
        // An action like any other.
        return "stop"
      }
    }
    const inner = new Inner(new Pipeline(new Work()), { params: () => numbers(1, 2), concurrency: 1 })
    const last = new Work()
    inner.connectTo(last, "stop")
    const outer = new ParallelBatchPipeline(new Pipeline(inner), { params: () => numbers(7, 8) })
    const report = await after(200, outer.runReport({}))

    for (const { outcomes } of reports) assert.deepStrictEqual(tags({ outcomes }), ["Succeeded", "NotStarted"])
    assert.deepStrictEqual(
      reports.map(({ endedBy }) => endedBy),
      [stopped, stopped]
    )
    assert.deepStrictEqual([tags(report), report.endedBy._tag], [["Succeeded", "Succeeded"], "Completed"])
    assert.deepStrictEqual(last.calls, [7, 8])
  })

  it("stops the batch around, where the batch within says so itself", async () => {
    class Inner extends ParallelBatchPipeline {
      protected override processBatchResults(): string {
        return this.stopBatch("enough")
      }
    }
    const inner = new Inner(new Pipeline(new Work()), { params: () => numbers(0) })
    const report = await after(100, batchOf(inner as never, numbers(7, 8, 9), { concurrency: 1 }).runReport({}))

    assert.deepStrictEqual([tags(report), report.endedBy], [["Succeeded", "NotStarted", "NotStarted"], stopped])
  })

  it("ends one run, and not another of the same instance", async () => {
    const batch = new ParallelBatchPipeline<{ [key: string]: unknown; ns: number[] }>(new Pipeline(new Work()), {
      params: ({ ns }) => numbers(...ns)
    })
    const [first, second] = await after(
      100,
      Promise.all([batch.runReport({ ns: [1, 5] }), batch.runReport({ ns: [2, 5] })])
    )

    assert.deepStrictEqual([first.endedBy, second.endedBy._tag, second.succeeded], [stopped, "Completed", 2])
  })

  it("answers the action where there is no batch, and throws outside of a run", async () => {
    class Open extends Work {
      sayStop() {
        return this.stopBatch("no")
      }
    }
    const open = new Open()
    open.setParams({ n: 1 })

    assert.strictEqual(await after(10, open.run({})), "stop")
    assert.throws(() => open.sayStop(), /stopBatch of Open was called outside of a run/)
  })
})

describe("executePipelineWithParams", () => {
  class ByHand extends ParallelBatchPipeline {
    readonly answers: Array<string> = []

    protected override async handleRequest(paramSets: HandlerParams[]): Promise<void> {
      for (const params of paramSets) {
        await this.executePipelineWithParams(params).then(
          (action) => this.answers.push(action),
          (thrown: Error) => this.answers.push(thrown.message)
        )
      }
    }
  }

  it("starts nothing after an item has stopped the batch, and accounts for all", async () => {
    const work = new Work()
    const batch = new ByHand(new Pipeline(work), { params: () => numbers(0, 1, 2, 3) })
    const report = await after(100, batch.runReport({}))

    const left = "The item was not started: its batch had ended"
    assert.deepStrictEqual(batch.answers, ["default", "stop", left, left])
    assert.deepStrictEqual([work.calls, report.endedBy], [[0, 1], stopped])
    assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded", "NotStarted", "NotStarted"])
  })

  it("interrupts what runs beside the item that stops the batch", async () => {
    class AtOnce extends ParallelBatchPipeline {
      settled: ReadonlyArray<string> = []
      protected override async handleRequest(paramSets: HandlerParams[]): Promise<void> {
        const runs = await Promise.allSettled(paramSets.map((params) => this.executePipelineWithParams(params)))
        this.settled = runs.map(({ status }) => status)
      }
    }
    const work = new Work()
    const batch = new AtOnce(new Pipeline(work), { params: () => numbers(1, 5, 6) })
    const report = await after(100, batch.runReport({}))

    assert.deepStrictEqual(
      [batch.settled, work.aborted],
      [
        ["fulfilled", "rejected", "rejected"],
        [5, 6]
      ]
    )
    assert.deepStrictEqual(tags(report), ["Succeeded", "Interrupted", "Interrupted"])
  })

  it("is not touched by the options for the end of a batch", async () => {
    const onProgress = vi.fn()
    const cost = vi.fn(() => 1)
    const batch = new ByHand(new Pipeline(new Work()), {
      params: () => numbers(2, 3, 2),
      budget: { calls: 1, cost: 1, durationMs: 15 },
      timeoutMs: 15,
      drainMs: 1,
      duplicates: "error",
      canary: { items: 1, check: () => false },
      cost,
      onProgress
    })
    const report = await after(100, batch.runReport({}))

    assert.deepStrictEqual([tags(report), report.endedBy._tag], [Array(3).fill("Succeeded"), "Completed"])
    assert.deepStrictEqual([onProgress.mock.calls.length, cost.mock.calls.length], [0, 0])
  })
})
