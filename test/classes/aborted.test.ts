/** What `runReport` answers where its signal was aborted before the call: nothing runs, and nothing is forgotten. */
import { assert, describe, it } from "@effect/vitest"
import {
  Handler,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type Progress,
  type Report,
  type SharedData
} from "parallel-batch-pipeline"

class Work extends Handler<{ n: number }, number> {
  started = 0

  protected handleRequest({ n }: { n: number }): number {
    this.started++
    return n
  }
}

const signal = AbortSignal.abort("late")
const items = [{ n: 1 }, { n: 2 }, { n: 3 }]
const tags = (report: Report) => report.outcomes.map(({ _tag }) => _tag)
const said = ({ endedBy, exhausted, total }: Report) => [total, exhausted, endedBy._tag]

describe("runReport with a signal that was aborted before", () => {
  it("has every item of known params, none of them started", async () => {
    const work = new Work()
    const seen: Array<Progress> = []
    const batch = new ParallelBatchPipeline(new Pipeline(work), {
      params: () => items,
      onProgress: (progress) => void seen.push(progress)
    })

    const report = await batch.runReport({}, { signal })

    assert.deepStrictEqual(tags(report), ["NotStarted", "NotStarted", "NotStarted"])
    assert.deepStrictEqual([said(report), work.started], [[3, true, "Interruption"], 0])
    assert.deepStrictEqual(seen.at(-1)?.notStarted, 3)
    assert.strictEqual(await batch.run({}, { signal }).catch((thrown: unknown) => thrown), "late")
  })

  it("prepares the params as always: with the shared data, in the context of the run", async () => {
    let aborted: boolean | undefined
    class Counted extends ParallelBatchPipeline {
      protected override prepareBatchParams(shared: Readonly<SharedData>): Array<HandlerParams> {
        aborted = this.getSignal().aborted
        assert.strictEqual(this.getCurrentSharedData(), shared)
        return Array.from({ length: shared["count"] as number }, (_, n) => ({ n }))
      }
    }
    const report = await new Counted(new Pipeline(new Work())).runReport({ count: 2 }, { signal })

    assert.deepStrictEqual([tags(report), aborted], [["NotStarted", "NotStarted"], true])
  })

  it("reads nothing of lazy params, and says that there may be more", async () => {
    let read = 0
    let closed = 0
    const lazy: Iterable<HandlerParams> = {
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: { n: read++ } }),
        return: () => ({ done: true, value: closed++ })
      })
    }
    const batch = new ParallelBatchPipeline(new Pipeline(new Work()), { params: () => lazy })

    assert.deepStrictEqual(said(await batch.runReport({}, { signal })), [0, false, "Interruption"])
    assert.deepStrictEqual([read, closed], [0, 1])
  })

  it("does not call an overridden handleRequest or executeLifecycle", async () => {
    let called = 0
    class Own extends ParallelBatchPipeline {
      protected override async handleRequest(): Promise<void> {
        called++
      }
    }
    class Around extends ParallelBatchPipeline {
      protected override async executeLifecycle(shared: SharedData): Promise<string> {
        called++
        return super.executeLifecycle(shared)
      }
    }
    const params = () => items
    const own = await new Own(new Pipeline(new Work()), { params }).runReport({}, { signal })
    const around = await new Around(new Pipeline(new Work()), { params }).runReport({}, { signal })

    assert.deepStrictEqual([said(own), tags(own).length], [[3, true, "Interruption"], 3])
    assert.deepStrictEqual(said(around), [0, false, "Interruption"])
    assert.strictEqual(called, 0)
  })

  it("says that there may be more where the params cannot be prepared", async () => {
    const params = () => {
      throw new Error("no list")
    }
    const report = await new ParallelBatchPipeline(new Pipeline(new Work()), { params }).runReport({}, { signal })

    assert.deepStrictEqual(said(report), [0, false, "Interruption"])
  })

  it("has every item as well where it is aborted while the params are prepared", async () => {
    const controller = new AbortController()
    const batch = new ParallelBatchPipeline(new Pipeline(new Work()), {
      params: () => (controller.abort(), items),
      concurrency: 1
    })
    const report = await batch.runReport({}, { signal: controller.signal })

    assert.deepStrictEqual([report.total, report.exhausted, report.outcomes.length], [3, true, 3])
  })
})
