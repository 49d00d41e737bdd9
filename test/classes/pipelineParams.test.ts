/** The params of nested pipelines are found by what a handler in them leaves behind. */
import { assert, describe, it } from "@effect/vitest"
import {
  BatchPipeline,
  Handler,
  type HandlerOptions,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline
} from "parallel-batch-pipeline"

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

class Work extends Handler<HandlerParams, unknown> {
  readonly #request: (self: Work) => unknown

  constructor(request: (self: Work) => unknown, options?: HandlerOptions) {
    super(options)
    this.#request = request
  }

  get signal(): AbortSignal {
    return this.getSignal()
  }

  protected handleRequest(): unknown {
    return this.#request(this)
  }
}

/** Pipelines with params behind each other, and a handler without. */
const chain = (
  request: (self: Work) => unknown,
  regions: ReadonlyArray<string | undefined>,
  options?: HandlerOptions
) => {
  const pipelines = regions.map((region) => {
    const pipeline = new Pipeline(new Work(request, options))
    if (region !== undefined) pipeline.setParams({ region })
    return pipeline
  })
  pipelines.reduce((last, next) => last.connectTo(next))
  return new Pipeline(pipelines[0]!)
}

describe("the params of nested pipelines", () => {
  const expected = [{ region: "eu", id: 1 }, { id: 1 }, { region: "us", id: 1 }]

  it.each([
    ["synchronous", undefined, {}],
    ["promised", tick, {}],
    ["retried", tick, { maxRetries: 2 }]
  ])("are those of the step in late callbacks, %s", async (_, wait, options) => {
    const done = Promise.withResolvers<void>()
    const late: Array<Promise<unknown>> = []
    const request = (self: Work) => {
      late.push(done.promise.then(() => self.getParams()))
      return wait?.()
    }

    await new BatchPipeline(chain(request, ["eu", undefined, "us"], options), { params: () => [{ id: 1 }] }).run({})
    done.resolve()

    assert.deepStrictEqual(await Promise.all(late), expected)
  })

  it("are those of the step in retryIf and in handleError", async () => {
    const seen: Array<unknown> = []
    class Failing extends Work {
      protected override handleError(): void {
        seen.push(this.getParams())
      }
    }
    const failing: Failing = new Failing(
      async () => {
        throw new Error("no")
      },
      { maxRetries: 2, retryIf: () => seen.push(failing.getParams()) > 0 }
    )
    const pipeline = new Pipeline(failing)
    pipeline.setParams({ region: "eu" })

    await new BatchPipeline(new Pipeline(pipeline), { params: () => [{ id: 1 }] }).run({})

    assert.isAtLeast(seen.length, 2)
    for (const params of seen) assert.deepStrictEqual(params, { region: "eu", id: 1 })
  })

  it("are those of the step in the listeners of its signal", async () => {
    const seen: Array<unknown> = []
    const controller = new AbortController()
    const request = (self: Work) => {
      self.signal.addEventListener("abort", () => seen.push(self.getParams()))
      return self.getParams()["region"] === "us" ? new Promise(() => {}) : undefined
    }
    const batch = new ParallelBatchPipeline(chain(request, ["eu", undefined, "us"]), { params: () => [{ id: 1 }] })

    const reporting = batch.runReport({}, { signal: controller.signal })
    await tick()
    controller.abort()
    await reporting

    assert.sameDeepMembers(seen, expected)
  })

  it("do not hide what is begun in an overridden request within them", async () => {
    class Open extends ParallelBatchPipeline {
      protected override async handleRequest(): Promise<void> {
        await this.executePipelineWithParams({ n: 1 })
      }
      protected override processBatchResults(): string {
        return `${this.getReport().succeeded}`
      }
    }
    const seen: Array<unknown> = []
    const open = new Open(new Pipeline(new Work((self) => seen.push(self.getParams()))), { params: () => [] })
    const pipeline = new Pipeline(open)
    pipeline.setParams({ region: "eu" })

    assert.strictEqual(await new Pipeline(pipeline).run({}), "1")
    assert.deepStrictEqual(seen, [{ region: "eu", n: 1 }])
  })
})
