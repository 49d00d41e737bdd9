/** Each item of a batch has an index of its own, however its items are begun. */
import { assert, describe, it } from "@effect/vitest"
import { Handler, type HandlerParams, ParallelBatchPipeline, Pipeline, type SharedData } from "parallel-batch-pipeline"

class Stop extends Handler<{ n: number }, void> {
  protected async handleRequest(): Promise<void> {
    await Promise.resolve()
  }
  protected override processResults(_: SharedData, { n }: { n: number }): string {
    return n === 9 ? this.stopBatch("nine") : `action ${n}`
  }
}

type Schedule = (batch: Scheduled, sets: Array<HandlerParams>) => Promise<unknown>

class Scheduled extends ParallelBatchPipeline {
  readonly #schedule: Schedule

  constructor(count: number, schedule: Schedule) {
    const params = () => Array.from({ length: count }, (_, n) => ({ n }))
    super(new Pipeline(new Stop()), { params, concurrency: 1 })
    this.#schedule = schedule
  }

  all(sets: Array<HandlerParams>): void | Promise<void> {
    return super.handleRequest(sets)
  }

  one(n: number): Promise<string> {
    return this.executePipelineWithParams({ n })
  }

  protected override async handleRequest(sets: Array<HandlerParams>): Promise<void> {
    await this.#schedule(this, sets)
  }
}

const cases: ReadonlyArray<readonly [string, Schedule]> = [
  [
    "two calls of super.handleRequest at the same time",
    (batch, sets) => Promise.all([batch.all(sets.slice(0, 2)), batch.all(sets.slice(2))])
  ],
  [
    "executePipelineWithParams before super.handleRequest, both running",
    (batch, sets) => Promise.all([batch.one(0), batch.one(1), batch.all(sets.slice(2))])
  ],
  [
    "executePipelineWithParams before and behind super.handleRequest, all running",
    (batch, sets) => Promise.all([batch.one(0), batch.all(sets.slice(1, 3)), batch.one(3), batch.one(4)])
  ]
]

describe("the index of an item", () => {
  it.each(cases)("is its own with %s", async (_, schedule) => {
    const report = await new Scheduled(5, schedule).runReport({})

    assert.deepStrictEqual(
      report.outcomes.map(({ index, params }) => [index, params["n"]]),
      [0, 1, 2, 3, 4].map((n) => [n, n])
    )
    assert.deepStrictEqual([report.total, report.succeeded], [5, 5])
  })

  it("is that of its place where a lifecycle runs itself more than once at the same time", async () => {
    class Twice extends ParallelBatchPipeline {
      protected override async executeLifecycle(shared: SharedData): Promise<string> {
        await Promise.all([super.executeLifecycle(shared), super.executeLifecycle(shared)])
        return "twice"
      }
    }
    const twice = new Twice(new Pipeline(new Stop()), { params: () => [{ n: 0 }, { n: 1 }] })

    const report = await twice.runReport({})

    assert.deepStrictEqual(report.outcomes.map(({ index }) => index).sort(), [0, 1, 2, 3])
  })
})

it("an item that stops the batch stops also what executePipelineWithParams begins later", async () => {
  const answers: Array<string> = []
  const batch = new Scheduled(2, async (batch, sets) => {
    await batch.one(9)
    await batch.all(sets)
    await batch.one(3).catch((thrown: Error) => answers.push(thrown.message))
  })

  const report = await batch.runReport({})

  assert.deepStrictEqual(answers, ["The item was not started: its batch had ended"])
  assert.deepStrictEqual(
    report.outcomes.map(({ _tag, index }) => [_tag, index]),
    [
      ["Succeeded", 0],
      ["Succeeded", 1],
      ["Succeeded", 2],
      ["NotStarted", 3]
    ]
  )
})
