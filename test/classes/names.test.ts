import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { BatchPipeline, Handler, InvalidOptions, ParallelBatchPipeline, Pipeline } from "parallel-batch-pipeline"
import { Report } from "parallel-batch-pipeline/effect"

class Step extends Handler<{ n: number }, void> {
  protected handleRequest({ n }: { n: number }): void {
    if (n === 2) throw new Error("no")
  }
}
class Nightly extends ParallelBatchPipeline {}
/** A pipeline whose lifecycle is its own is a step by itself. */
class Loud extends Pipeline {
  protected override executeLifecycle(shared: { [key: string]: unknown }): Promise<string> {
    return super.executeLifecycle(shared)
  }
}

const params = () => [{ n: 1 }, { n: 2 }]
const thrownBy = (promise: Promise<unknown>) => promise.catch((thrown: unknown) => String(thrown))

describe("the name of a batch", () => {
  it("is that of its options, or of its class", () => {
    const pipeline = new Pipeline(new Step())

    assert.strictEqual(String(new ParallelBatchPipeline(pipeline, { name: "crawl" })), "crawl")
    assert.strictEqual(String(new BatchPipeline(pipeline, { name: "crawl" })), "crawl")
    assert.strictEqual(String(new Nightly(pipeline)), "Nightly")
  })

  it("is that of its pipeline, where neither it nor its class has one", () => {
    const pipeline = new Pipeline(new Step(), { name: "crawl" })

    assert.strictEqual(String(new ParallelBatchPipeline(pipeline)), "crawl")
    assert.strictEqual(String(new BatchPipeline(pipeline)), "crawl")
    assert.strictEqual(String(new Nightly(pipeline)), "Nightly")
    assert.strictEqual(String(new BatchPipeline(pipeline, { name: "other" })), "other")
  })

  it("is shown in its report, and as a step of another one", async () => {
    const batch = new BatchPipeline(new Pipeline(new Step()), { name: "inner", params })
    const report = await batch.runReport({})
    const outer = new ParallelBatchPipeline(new Pipeline(batch), { params, mode: "collect-all" })
    const [failed] = Report.failures(await outer.runReport({}))

    assert.strictEqual(report.pipeline.name, "inner")
    assert.include(Report.toJson(report), '"name":"inner"')
    assert.deepInclude(failed, { handler: "inner", path: ["inner"] })
  })

  it("is shown in errors, beside that of the class where a method is missing there", async () => {
    const batch = new ParallelBatchPipeline(new Pipeline(new Step()), { name: "crawl" })
    const said = "Error: crawl (ParallelBatchPipeline) needs the method prepareBatchParams, or the option params"

    assert.strictEqual(await thrownBy(batch.run({})), said)
    assert.throws(() => batch.connectTo(undefined as never), "connectTo of crawl needs a handler, got undefined")
  })
})

describe("the name of a pipeline", () => {
  it("is that of its options, or of its class", () => {
    assert.strictEqual(String(new Pipeline(new Step(), { name: "crawl" })), "crawl")
    assert.strictEqual(String(new Loud(new Step())), "Loud")
  })

  it("is shown in errors, and where it is a step", async () => {
    const loud = new Loud(new Step({ name: "step" }), { name: "crawl" })
    const batch = new ParallelBatchPipeline(new Pipeline(loud), { params, mode: "collect-all" })
    const [failed] = Report.failures(await batch.runReport({}))
    const error = await Effect.runPromise(Effect.flip(batchOf(loud).toEffect({})))

    assert.deepInclude(failed, { handler: "crawl", path: ["crawl"] })
    assert.strictEqual(error.message, 'Handler "all of them" failed: no')
  })
})

const batchOf = (pipeline: Pipeline) => new BatchPipeline(pipeline, { params, name: "all of them" })

describe("a name that is none", () => {
  it.each([5, "", null])("is refused: %j", (name) => {
    const bad = { name } as never
    const expected = /"name" of \w+ to be a text that is not empty, got/

    assert.throws(() => new Step(bad), InvalidOptions, expected)
    assert.throws(() => new Pipeline(new Step(), bad), InvalidOptions, expected)
    assert.throws(() => new BatchPipeline(new Pipeline(new Step()), bad), InvalidOptions, expected)
  })

  it("is found where it is misspelt", () => {
    const misspelt = { nmae: "crawl" } as never

    assert.throws(() => new Pipeline(new Step(), misspelt), InvalidOptions, /"nmae" of Pipeline.*did you mean "name"/)
    assert.throws(() => new Pipeline(new Step(), "crawl" as never), InvalidOptions, /an object such as \{ name/)
  })
})
