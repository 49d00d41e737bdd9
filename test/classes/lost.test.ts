/** What was thrown and belongs to no item is not lost, and no report looks complete that is not. */
import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { Handler, type HandlerParams, ParallelBatchPipeline, Pipeline, type SharedData } from "parallel-batch-pipeline"

class Work extends Handler<{ n: number }, void> {
  protected async handleRequest({ n }: { n: number }): Promise<void> {
    if (n === -1) throw new Error("item")
  }
}

const numbers = () => [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }]
const pipeline = () => new Pipeline(new Work())
const bug = new Error("bug")

let logged: Array<unknown> = []
beforeEach(() => {
  logged = []
  vi.spyOn(console, "log").mockImplementation((...args) => void logged.push(args.map(String).join(" ")))
})
afterEach(() => {
  vi.restoreAllMocks()
})
const said = () => logged.join("\n")

class Processing extends ParallelBatchPipeline {
  protected override processBatchResults(): string {
    throw bug
  }
}

class Around extends ParallelBatchPipeline {
  protected override async executeLifecycle(shared: SharedData): Promise<string> {
    await super.executeLifecycle(shared)
    throw bug
  }
}

class One extends ParallelBatchPipeline {
  protected override async handleRequest(sets: Array<HandlerParams>): Promise<void> {
    await this.executePipelineWithParams(sets[0]!)
    throw bug
  }
}

class Each extends ParallelBatchPipeline {
  protected override async handleRequest(sets: Array<HandlerParams>): Promise<void> {
    for (const set of sets) await this.executePipelineWithParams(set)
  }
}

describe("runReport", () => {
  it.each([
    ["processBatchResults", Processing, [4, true]],
    ["executeLifecycle behind super", Around, [4, true]],
    ["handleRequest between its items", One, [1, false]]
  ] as ReadonlyArray<readonly [string, typeof Processing, ReadonlyArray<unknown>]>)(
    "logs what was thrown in %s",
    async (_, Batch, expected) => {
      const report = await new Batch(pipeline(), { params: numbers }).runReport({})

      assert.include(said(), "could not go on")
      assert.include(said(), "bug")
      assert.deepStrictEqual([report.total, report.exhausted] as ReadonlyArray<unknown>, expected)
    }
  )

  it("does not log what an item has thrown, and tells that there was more", async () => {
    const params = () => [{ n: 0 }, { n: -1 }, { n: 2 }]

    const report = await new Each(pipeline(), { params }).runReport({})

    assert.strictEqual(said(), "")
    assert.deepStrictEqual([report.total, report.failed, report.exhausted], [2, 1, false])
    await new ParallelBatchPipeline(pipeline(), { params }).runReport({})
    assert.strictEqual(said(), "")
  })

  it("says of an input that cannot be opened what of any other that fails", async () => {
    const params = () => ({
      [Symbol.iterator](): Iterator<HandlerParams> {
        throw new Error("down")
      }
    })
    const batch = new ParallelBatchPipeline(pipeline(), { params })

    const report = await batch.runReport({})

    assert.deepStrictEqual(report.endedBy, { _tag: "InputFailure", reason: "Error: down" })
    assert.isFalse(report.exhausted)
    await batch.run({}).then(assert.fail, (thrown: Error) => assert.strictEqual(thrown.message, "down"))
  })

  it("is complete where an overridden handleRequest has no items", async () => {
    const report = await new Each(pipeline(), { params: () => [] }).runReport({})

    assert.deepStrictEqual([report.total, report.exhausted, report.endedBy], [0, true, { _tag: "Completed" }])
  })
})
