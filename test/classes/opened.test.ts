/** What `executePipelineWithParams` begins ends with the lifecycle of the batch, wherever it was called. */
import { assert, describe, it } from "@effect/vitest"
import { Handler, type HandlerParams, ParallelBatchPipeline, Pipeline, type SharedData } from "parallel-batch-pipeline"

const never = new Promise<never>(() => {})
const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Waits for ever, unless it is to be fast; tells when it is interrupted. */
class Work extends Handler<HandlerParams, void> {
  readonly aborted: Array<unknown> = []

  protected handleRequest({ id, fast }: HandlerParams): void | Promise<void> {
    this.getSignal().addEventListener("abort", () => this.aborted.push(id))
    return fast === true ? undefined : never
  }
}

class Opening extends ParallelBatchPipeline {
  readonly work: Work

  constructor(work = new Work()) {
    super(new Pipeline(work), { params: () => [{ id: "own", fast: true }] })
    this.work = work
  }

  open(id: string, fast = false): Promise<string> {
    return this.executePipelineWithParams({ id, fast })
  }
}

class Failing extends Opening {
  protected override handleRequest(): Promise<void> {
    throw new Error("first way")
  }
}

describe("executePipelineWithParams", () => {
  it("is interrupted once handleError has settled, which called it", async () => {
    class Fallback extends Failing {
      protected override async handleError(): Promise<void> {
        void this.open("slow")
        await this.open("fast", true)
      }
    }
    const batch = new Fallback()

    const report = await batch.runReport({})

    assert.deepStrictEqual(batch.work.aborted, ["slow"])
    assert.deepStrictEqual(
      report.outcomes.map(({ _tag, index, params }) => [_tag, index, params["id"]]),
      [
        ["Interrupted", 0, "slow"],
        ["Succeeded", 1, "fast"]
      ]
    )
    assert.notStrictEqual(report.endedBy._tag, "Running")
  })

  it.each(["with", "without"])(
    "is interrupted with the batch where prepareBatchParams called it, %s a handleError",
    async (which) => {
      class Early extends Opening {
        protected override prepareBatchParams(shared: SharedData): ReadonlyArray<HandlerParams> {
          void this.open("early")
          return super.prepareBatchParams(shared)
        }
        protected override async handleRequest(params: Array<HandlerParams>): Promise<void> {
          // Until what was begun runs.
          await tick()
          await super.handleRequest(params)
          if (which === "with") throw new Error("no")
        }
      }
      class Caught extends Early {
        protected override handleError(): void {}
      }
      const batch = which === "with" ? new Caught() : new Early()

      const report = await batch.runReport({})

      assert.deepStrictEqual(batch.work.aborted, ["early"])
      assert.deepStrictEqual([report.succeeded, report.interrupted, report.total], [1, 1, 2])
    }
  )

  it("is interrupted where prepareBatchParams called it, and threw", async () => {
    class Early extends Opening {
      protected override prepareBatchParams(): Array<HandlerParams> {
        void this.open("early")
        throw new Error("no params")
      }
    }
    const batch = new Early()

    await batch.run({}).then(assert.fail, (thrown: Error) => assert.strictEqual(thrown.message, "no params"))

    assert.deepStrictEqual(batch.work.aborted, ["early"])
  })

  it("is interrupted with the item of another batch that called it", async () => {
    const opened = new Opening()
    class Caller extends Handler<HandlerParams, void> {
      protected async handleRequest(): Promise<void> {
        void opened.open("slow")
        await opened.open("fast", true)
      }
    }

    await new ParallelBatchPipeline(new Pipeline(new Caller()), { params: () => [{}] }).run({})

    assert.deepStrictEqual(opened.work.aborted, ["slow"])
  })

  it("can be called in each round of a loop", async () => {
    const seen: Array<string> = []
    class Round extends Opening {
      protected override async handleRequest(): Promise<void> {
        void this.open(`slow ${seen.length}`)
        seen.push(await this.open("fast", true))
      }
      protected override processBatchResults(): string {
        return seen.length < 3 ? "again" : "enough"
      }
    }
    const batch = new Round()
    batch.connectTo(batch, "again")

    assert.strictEqual(await new Pipeline(batch).run({}), "enough")

    assert.deepStrictEqual(seen, ["default", "default", "default"])
    assert.deepStrictEqual(batch.work.aborted, ["slow 0", "slow 1", "slow 2"])
  })

  it("says so where the batch has settled, also in processBatchResults", async () => {
    let refused: Promise<unknown> = never
    class Late extends Failing {
      protected override handleError(): void {}
      protected override processBatchResults(): string {
        refused = this.open("late").catch((thrown: Error) => thrown.message)
        return "done"
      }
    }

    await new Late().run({})
    await tick()

    assert.match(String(await refused), /after its run had settled/)
  })
})
