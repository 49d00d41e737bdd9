/** Reports of batches that still run: they add up, and can be saved. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  BatchPipeline,
  Handler,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type Report,
  type RunOptions,
  type SharedData
} from "parallel-batch-pipeline"
import { Report as Reports } from "parallel-batch-pipeline/effect"

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => ({ n: from + n }))

/** What a reader of the file finds; fails where it cannot be read. */
const saved = (report: Report) => Effect.runPromise(Reports.fromJson(Reports.toJson(report)))

const assertAddsUp = (report: Report): void => {
  const { failed, interrupted, notStarted, skipped, succeeded, total } = report
  assert.strictEqual(succeeded + failed + skipped + interrupted + notStarted, total)
  assert.strictEqual(report.outcomes.length, total)
}

/** Takes the report of its batch in each of its requests; those whose n is odd fail. */
class Work extends Handler<{ n: number }, number> {
  look: () => void = () => {}

  protected async handleRequest({ n }: { n: number }): Promise<number> {
    await tick()
    this.look()
    await tick()
    if (n % 2 === 1) throw new Error("odd")
    return n
  }
}

class Looking extends ParallelBatchPipeline {
  readonly reports: Array<Report> = []

  constructor(work: Work, count: number) {
    super(new Pipeline(work), { params: () => numbers(count), concurrency: 2, mode: "collect-all" })
    work.look = () => void this.reports.push(this.getReport())
  }
}

const batches = [
  ["BatchPipeline", BatchPipeline],
  ["ParallelBatchPipeline", ParallelBatchPipeline]
] as ReadonlyArray<readonly [string, typeof BatchPipeline]>

describe("getReport while the batch runs", () => {
  it("adds up, and says that it is not all", async () => {
    const batch = new Looking(new Work(), 5)
    const last = await batch.runReport({})

    assert.deepStrictEqual(
      [batch.reports.length, last.total, last.exhausted, last.endedBy._tag],
      [5, 5, true, "Completed"]
    )
    for (const report of batch.reports) {
      assertAddsUp(report)
      assert.isBelow(report.total, 5)
      assert.deepStrictEqual([report.endedBy._tag, report.exhausted], ["Running", false])
    }
  })

  it("can be saved, and read again", async () => {
    const batch = new Looking(new Work(), 5)
    const texts: Array<string> = []
    const push = batch.reports.push.bind(batch.reports)
    batch.reports.push = (report) => {
      texts.push(Reports.toJson(report))
      return push(report)
    }
    await batch.runReport({})

    for (const [index, text] of texts.entries()) {
      const { exhausted, outcomes, succeeded, total } = await Effect.runPromise(Reports.fromJson(text))
      const live = batch.reports[index]!
      assert.deepStrictEqual([exhausted, outcomes.length, succeeded], [false, total, live.succeeded])
      assert.include(Reports.format(live), "had not ended when this report was taken")
    }
    assert.strictEqual(texts.length, 5)
  })

  it("has the outcomes of its moment, whenever they are read", async () => {
    for (const outcomes of ["all", "failures", "none"] as const) {
      const reports: Array<Report> = []
      class Big extends ParallelBatchPipeline {
        protected override processBatchResults(): string {
          reports.push(this.getReport())
          return "done"
        }
        take = () => void reports.push(this.getReport())
      }
      const work = new Work()
      let calls = 0
      const batch = new Big(new Pipeline(work), {
        params: () => numbers(2500),
        concurrency: 50,
        mode: "collect-all",
        outcomes
      })
      work.look = () => {
        if (++calls % 100 === 0) batch.take()
      }
      await batch.run({})

      assert.strictEqual(reports.length, 26)
      for (const { failed, outcomes: kept, total } of reports) {
        assert.strictEqual(kept.length, { all: total, failures: failed, none: 0 }[outcomes])
        assert.deepStrictEqual(
          kept,
          kept.toSorted((a, b) => a.index - b.index)
        )
        assert.strictEqual(kept.filter(({ _tag }) => _tag === "Failed").length, outcomes === "none" ? 0 : failed)
      }
      assert.deepStrictEqual([reports.at(-1)!.total, reports.at(-1)!.endedBy._tag], [2500, "Completed"])
    }
  })

  it.each(batches)("is that of what has ended in onProgress and the check of a canary: %s", async (_, Batch) => {
    const reports: Array<Report> = []
    class Watched extends Batch {
      constructor(work: Work) {
        const look = () => void reports.push(this.getReport())
        super(new Pipeline(work), {
          params: () => numbers(4),
          onProgress: look,
          canary: { items: 1, check: () => (look(), true) },
          cost: () => (look(), 1)
        })
      }
    }
    await new Watched(new Work()).runReport({})

    assert.isAbove(reports.length, 3)
    for (const report of reports) {
      assertAddsUp(report)
      assert.strictEqual(report.endedBy._tag === "Running", !report.exhausted)
      await saved(report)
    }
  })

  it("before its first item is that of nothing, and says so", async () => {
    let early: Report | undefined
    class Early extends ParallelBatchPipeline {
      protected override prepareBatchParams(): Array<HandlerParams> {
        early = this.getReport()
        return numbers(2)
      }
    }
    await new Early(new Pipeline(new Work())).runReport({})

    assert.deepInclude(early, { total: 0, exhausted: false, endedBy: { _tag: "Running" } })
    await saved(early!)
  })

  it("of a batch in a batch is that of each", async () => {
    const inner: Array<Report> = []
    const outer: Array<Report> = []
    const work = new Work()
    class Inner extends ParallelBatchPipeline {
      take = () => void inner.push(this.getReport())
    }
    class Outer extends ParallelBatchPipeline {
      take = () => void outer.push(this.getReport())
    }
    const within = new Inner(new Pipeline(work), { params: () => numbers(3), concurrency: 2, mode: "collect-all" })
    const around = new Outer(new Pipeline(within), { params: () => numbers(3), concurrency: 2, mode: "collect-all" })
    work.look = () => {
      within.take()
      around.take()
    }
    await around.runReport({})

    assert.deepStrictEqual([inner.length, outer.length], [9, 9])
    for (const report of [...inner, ...outer]) {
      assertAddsUp(report)
      assert.isBelow(report.total, 3)
      assert.deepStrictEqual([report.endedBy._tag, report.exhausted], ["Running", false])
      await saved(report)
    }
  })

  it("counts several batches of one handler in one run together", async () => {
    const reports: Array<Report> = []
    class Twice extends ParallelBatchPipeline {
      protected override async executeLifecycle(shared: SharedData): Promise<string> {
        const both = [1, 4].map((count) => super.executeLifecycle({ ...shared, count }))
        const state = { running: true }
        const running = Promise.all(both).finally(() => (state.running = false))
        for (; state.running; await tick()) reports.push(this.getReport())
        await running
        reports.push(this.getReport())
        return "twice"
      }
    }
    const params = (shared: SharedData) => numbers(shared["count"] as number)
    const batch = new Twice(new Pipeline(new Work()), { params, concurrency: 1, mode: "collect-all" })
    const last = await batch.runReport({})

    const totals = reports.map(({ total }) => total)
    assert.isAbove(new Set(totals).size, 3, String(totals))
    for (const report of reports) {
      assertAddsUp(report)
      assert.strictEqual(report.endedBy._tag === "Running", !report.exhausted)
      await saved(report)
    }
    assert.deepStrictEqual([last.total, last.endedBy._tag, last.exhausted], [5, "Completed", true])
  })

  it("adds up where handleRequest is overridden, and the last report has all items", async () => {
    const reports: Array<Report> = []
    class Own extends ParallelBatchPipeline {
      protected override async handleRequest(sets: Array<HandlerParams>): Promise<void> {
        const running = sets.map((set) => this.executePipelineWithParams(set).catch(() => "failed"))
        await tick()
        reports.push(this.getReport())
        await running[0]
        reports.push(this.getReport())
        await Promise.all(running)
        reports.push(this.getReport())
      }
    }
    const last = await new Own(new Pipeline(new Work()), { params: () => numbers(4) }).runReport({})

    for (const report of reports) {
      assertAddsUp(report)
      assert.strictEqual(report.endedBy._tag, "Running")
      await saved(report)
    }
    assertAddsUp(last)
    assert.deepStrictEqual([last.total, last.succeeded, last.endedBy._tag], [4, 2, "Completed"])
  })

  it("leaves runReport all items of an overridden handleRequest whose signal was aborted", async () => {
    const controller = new AbortController()
    class Own extends ParallelBatchPipeline {
      protected override async handleRequest(sets: Array<HandlerParams>): Promise<void> {
        const running = sets.map((set) => this.executePipelineWithParams(set))
        await tick()
        controller.abort()
        await Promise.all(running)
      }
    }
    const options: RunOptions = { signal: controller.signal }
    const last = await new Own(new Pipeline(new Work()), { params: () => numbers(4) }).runReport({}, options)

    assertAddsUp(last)
    assert.deepStrictEqual([last.total, last.interrupted], [4, 4])
    assert.notStrictEqual(last.endedBy._tag, "Running")
  })
})
