/** A run that is aborted has ended when it says so. */
import { assert, describe, it } from "@effect/vitest"
import { Handler, type HandlerParams, ParallelBatchPipeline, Pipeline, type SharedData } from "parallel-batch-pipeline"

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Never answers. */
class Work extends Handler<HandlerParams, void> {
  protected handleRequest(): Promise<void> {
    return new Promise(() => {})
  }
}

class Plain extends ParallelBatchPipeline {}

class Around extends ParallelBatchPipeline {
  protected override async executeLifecycle(shared: SharedData): Promise<string> {
    return super.executeLifecycle(shared)
  }
}

class Caught extends ParallelBatchPipeline {
  protected override handleError(_: Array<HandlerParams>, error: Error): void {
    throw error
  }
}

class Nested extends Pipeline {
  protected override handleError(_: HandlerParams, error: Error): string {
    throw error
  }
}

describe("a batch over an async generator that is aborted", () => {
  const start = (make: (pipeline: Pipeline, options: object) => ParallelBatchPipeline) => {
    const log: Array<string> = []
    const closing = Promise.withResolvers<void>()
    async function* params() {
      try {
        yield { n: 0 }
        yield { n: 1 }
      } finally {
        log.push("closing")
        await closing.promise
        log.push("closed")
      }
    }
    const onProgress = () => void log.push("progress")
    const batch = make(new Pipeline(new Work()), { params, concurrency: 1, onProgress })
    return { batch, closing, log }
  }

  it.each([
    ["", (pipeline: Pipeline, options: object) => new Plain(pipeline, options)],
    ["with an executeLifecycle of its own", (pipeline: Pipeline, options: object) => new Around(pipeline, options)],
    ["with a handleError", (pipeline: Pipeline, options: object) => new Caught(pipeline, options)],
    [
      "in a batch of its own",
      (pipeline: Pipeline, options: object) =>
        new Plain(new Pipeline(new Nested(new Caught(pipeline, options))), { params: () => [{}] })
    ]
  ])("answers its report once the generator is closed %s", async (_, make) => {
    const { batch, closing, log } = start(make)
    const controller = new AbortController()

    const reporting = batch.runReport({}, { signal: controller.signal }).then((report) => {
      log.push("report")
      return report
    })
    for (let i = 0; i < 5; i++) await tick()
    controller.abort("enough")
    for (let i = 0; i < 5; i++) await tick()
    const before = log.filter((event) => event !== "progress")
    closing.resolve()
    const report = await reporting
    for (let i = 0; i < 5; i++) await tick()

    assert.deepStrictEqual(before, ["closing"])
    assert.strictEqual(log.at(-1), "report")
    assert.deepStrictEqual([report.endedBy._tag, report.total, report.interrupted], ["Interruption", 1, 1])
  })
})
