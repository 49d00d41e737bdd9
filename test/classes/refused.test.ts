/** What a run of the classes says where an open circuit has sent items away. */
import { assert, describe, it } from "@effect/vitest"
import {
  BatchPipeline,
  Gate,
  Handler,
  type HandlerParams,
  ItemsRefused,
  ParallelBatchPipeline,
  Pipeline
} from "parallel-batch-pipeline"
import { Breaker } from "parallel-batch-pipeline/effect"

const reason = 'The circuit of its gate is open for "a"'

/** A handler behind a gate whose circuit is open for the host `a`, and for no host. */
const asking = async () => {
  let isDown = true
  class Ask extends Handler<HandlerParams, string> {
    protected override async handleRequest(): Promise<string> {
      if (isDown) throw new Error("down")
      return "answer"
    }
  }
  const gate = Gate.make({
    key: ({ host }: HandlerParams) => String(host ?? "none"),
    breaker: Breaker.make({ failures: 1, openFor: "1 hour" })
  })
  const ask = new Ask({ gate })
  await new ParallelBatchPipeline(new Pipeline(ask), {
    params: () => [{ host: "a" }, {}],
    mode: "collect-all"
  }).runReport({})
  isDown = false
  return ask
}

const hosts = (...names: ReadonlyArray<string>) => ({ params: () => names.map((host) => ({ host })) })

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (answer) => assert.fail(`It answered ${String(answer)}`),
    (thrown: unknown) => thrown
  )

const kinds = [
  ["ParallelBatchPipeline", (pipeline: Pipeline) => new ParallelBatchPipeline(pipeline, hosts("b", "a", "a"))],
  ["BatchPipeline", (pipeline: Pipeline) => new BatchPipeline(pipeline, hosts("b", "a", "a"))]
] as const

describe("an open circuit", () => {
  it.each(kinds)("rejects run of a %s with the report, and has runReport answer it", async (_, make) => {
    const batch = make(new Pipeline(await asking()))

    const error = await rejection(batch.run({}))
    const report = await batch.runReport({})

    assert.instanceOf(error, ItemsRefused)
    assert.strictEqual(error.message, `2 of 3 items were left undone: ${reason}`)
    for (const one of [error.report, report]) {
      assert.deepInclude(one, { succeeded: 1, notStarted: 2, endedBy: { _tag: "Completed" } })
      assert.deepStrictEqual(
        one.outcomes.map(({ _tag }) => _tag),
        ["Succeeded", "NotStarted", "NotStarted"]
      )
    }
  })

  it("rejects also where the report keeps no outcomes", async () => {
    const options = { ...hosts("a", "b"), outcomes: "none" } as const
    const error = await rejection(new ParallelBatchPipeline(new Pipeline(await asking()), options).run({}))

    assert.instanceOf(error, ItemsRefused)
    assert.strictEqual(error.refused, 1)
  })

  it("does not reject run of a batch that collects all, as no item does", async () => {
    const options = { ...hosts("a", "b"), mode: "collect-all" } as const
    const batch = new ParallelBatchPipeline(new Pipeline(await asking()), options)

    assert.strictEqual(await batch.run({}), "default")
    assert.deepInclude(await batch.runReport({}), { succeeded: 1, notStarted: 1 })
  })

  it("fails the item of another batch in which the batch stands", async () => {
    const inner = new ParallelBatchPipeline(new Pipeline(await asking()), hosts("a"))
    const outer = new ParallelBatchPipeline(new Pipeline(inner), { params: () => [{}] })

    assert.instanceOf(await rejection(outer.run({})), ItemsRefused)
  })

  it("rejects run of a handler, and executePipelineWithParams, with the reason", async () => {
    const ask = await asking()
    class Own extends ParallelBatchPipeline {
      protected override async handleRequest(params: Array<HandlerParams>): Promise<void> {
        for (const one of params) await this.executePipelineWithParams(one)
      }
    }

    const alone = await rejection(ask.run({}))
    const own = await rejection(new Own(new Pipeline(ask), hosts("a")).run({}))

    assert.strictEqual((alone as Error).message, 'The circuit of its gate is open for "none"')
    assert.strictEqual((own as Error).message, `The item was not started: ${reason}`)
  })
})
