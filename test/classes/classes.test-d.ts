import type { Effect } from "effect"
import {
  type ActionResult,
  type BaseHandler,
  type BatchOutcome,
  BatchPipeline,
  type BatchRunOptions,
  Handler,
  type HandlerError,
  type HandlerOptions,
  type HandlerParams,
  type ParallelBatchOptions,
  ParallelBatchPipeline,
  Pipeline,
  type Report,
  type RunOptions,
  type SharedData
} from "parallel-batch-pipeline"
import type { Batch, Report as SavedReport } from "parallel-batch-pipeline/effect"
import { describe, expectTypeOf, it } from "vitest"

interface FileData extends SharedData {
  filenames: Array<string>
  results: Record<string, number>
}

class Read extends Handler<{ readonly filename: string }, number, FileData> {
  protected override prepareInputs(shared: Readonly<FileData>): { readonly filename: string } {
    expectTypeOf(shared.filenames).toEqualTypeOf<Array<string>>()
    expectTypeOf(this.getSignal()).toEqualTypeOf<AbortSignal>()
    return { filename: String(this.getParams()["filename"]) }
  }
  protected async handleRequest(inputs: { readonly filename: string }): Promise<number> {
    return inputs.filename.length
  }
  protected override processResults(shared: FileData, inputs: { readonly filename: string }, outputs: number): string {
    shared.results[inputs.filename] = outputs
    return "read"
  }
  protected override handleError(_inputs: { readonly filename: string }, error: Error): number {
    return error.message.length
  }
}

class ReadAll extends ParallelBatchPipeline<FileData> {
  protected override prepareBatchParams(shared: Readonly<FileData>): Array<HandlerParams> {
    // @ts-expect-error -- the shared data is read-only here
    shared.filenames = []
    return shared.filenames.map((filename) => ({ filename }))
  }
  // As the document writes it.
  protected override processBatchResults(
    _shared: FileData & SharedData,
    inputs: HandlerParams[],
    outputs: void
  ): ActionResult {
    expectTypeOf(outputs).toEqualTypeOf<void>()
    expectTypeOf(this.getCurrentSharedData()).toEqualTypeOf<FileData>()
    expectTypeOf(this.getReport()).toEqualTypeOf<Report<FileData>>()
    return `${inputs.length} files`
  }
  protected override async handleRequest(params: HandlerParams[]): Promise<void> {
    expectTypeOf(this.executePipelineWithParams(params[0]!)).toEqualTypeOf<Promise<string>>()
  }
}

const read = new Read()
const pipeline = new Pipeline<FileData>(read)
const all = new ReadAll(pipeline)
const data: FileData = { filenames: [], results: {} }

describe("shared data", () => {
  it("is what run and runReport take", () => {
    expectTypeOf(read.run).parameter(0).toEqualTypeOf<FileData>()
    expectTypeOf(read.run).parameter(1).toEqualTypeOf<RunOptions | undefined>()
    expectTypeOf(all.run(data)).toEqualTypeOf<Promise<string>>()
    expectTypeOf(all.run({ filenames: [], results: {}, more: 1 })).toEqualTypeOf<Promise<string>>()
    expectTypeOf(all.runReport(data, { signal: AbortSignal.abort() })).toEqualTypeOf<Promise<Report<FileData>>>()

    // @ts-expect-error -- results are missing
    void all.run({ filenames: [] })
    // @ts-expect-error -- filenames are strings
    void read.run({ filenames: [1], results: {} })
    // @ts-expect-error -- no signal
    void read.run(data, { signal: true })
  })

  it("is any record where nothing is said", () => {
    class Plain extends Handler<unknown, void> {
      protected handleRequest(): void {}
    }

    expectTypeOf(new Plain().run).parameter(0).toEqualTypeOf<SharedData>()
  })

  it("is the report's", async () => {
    const report = await all.runReport(data)

    expectTypeOf(report.shared).toEqualTypeOf<FileData>()
    expectTypeOf(report.outcomes[0]!.params).toEqualTypeOf<HandlerParams>()
    expectTypeOf(report.outcomes[0]!._tag).toEqualTypeOf<
      "Succeeded" | "Failed" | "Skipped" | "Interrupted" | "NotStarted"
    >()
  })
})

describe("params", () => {
  /** No index signature, as everybody writes it. */
  interface Row {
    readonly id: string
    readonly size?: number
  }
  const rows: Array<Row> = []

  it("are objects of any type, from any iterable", () => {
    void new ParallelBatchPipeline(pipeline, { params: () => rows })
    void new ParallelBatchPipeline(pipeline, { params: (): ReadonlyArray<Row> => rows })
    void new ParallelBatchPipeline(pipeline, { params: () => new Set(rows) })
    void new BatchPipeline(pipeline, {
      params: async function* () {
        yield* rows
      }
    })
    void new BatchPipeline(pipeline, { params: (): Array<HandlerParams> => [] })
    read.setParams(rows[0]!)

    // @ts-expect-error -- a text is no parameter set
    void new BatchPipeline(pipeline, { params: () => ["a"] })
    // @ts-expect-error -- nobody waits for them
    void new BatchPipeline(pipeline, { params: async () => rows })
  })

  it("may be answered by an override, as an array that may be read-only", () => {
    class Mutable extends BatchPipeline {
      protected override prepareBatchParams(): Array<Row> {
        return rows
      }
    }
    class ReadOnly extends BatchPipeline {
      protected override prepareBatchParams(): ReadonlyArray<Row> {
        return rows
      }
      protected override async handleRequest(): Promise<void> {
        await this.executePipelineWithParams(rows[0]!)
      }
    }
    class AsDocumented extends BatchPipeline {
      protected override prepareBatchParams(shared: Readonly<SharedData>): HandlerParams[] {
        return super.prepareBatchParams(shared).slice(0, 1)
      }
    }
    class Wrong extends BatchPipeline {
      // @ts-expect-error -- numbers are no parameter sets
      protected override prepareBatchParams(): Array<number> {
        return []
      }
    }
    expectTypeOf<[Mutable, ReadOnly, AsDocumented, Wrong]>().not.toBeNever()
  })

  it("are what key takes", () => {
    void new BatchPipeline(pipeline, { params: () => rows, key: ({ id }) => id })
    void new BatchPipeline(pipeline, { params: () => rows, key: ({ id }: Row) => id })
    void new BatchPipeline(pipeline, { params: () => rows, key: (params: HandlerParams) => String(params["id"]) })

    // @ts-expect-error -- a key is a text
    void new BatchPipeline(pipeline, { params: () => rows, key: () => 5 })
  })
})

describe("a handler", () => {
  it("gives read-only params", () => {
    expectTypeOf(read.getParams()).toEqualTypeOf<Readonly<HandlerParams>>()

    // @ts-expect-error -- params are never written
    read.getParams()["filename"] = "a"
  })

  it("answers the target of connectTo as it is", () => {
    expectTypeOf(read.connectTo(pipeline, "read")).toEqualTypeOf<Pipeline<FileData>>()
    expectTypeOf(read.connectTo(new Read())).toEqualTypeOf<Read>()
    expectTypeOf(read.getNextHandler("read")).toEqualTypeOf<BaseHandler<any, any, any> | undefined>()
    expectTypeOf(read.getAvailableActions()).toEqualTypeOf<Array<string>>()

    // @ts-expect-error -- no handler
    read.connectTo({})
    // @ts-expect-error -- no handler
    read.connectTo("read")
    // @ts-expect-error -- an action is a string
    read.connectTo(read, 1)
  })

  it("is an Effect with a typed error", () => {
    expectTypeOf(read.toEffect(data)).toEqualTypeOf<Effect.Effect<string, HandlerError>>()
    expectTypeOf<HandlerError["handler"]>().toEqualTypeOf<string>()
    expectTypeOf<HandlerError["cause"]>().toEqualTypeOf<unknown>()
  })

  it("keeps its inputs and outputs in its overrides", () => {
    class WrongInputs extends Handler<{ readonly id: number }, number> {
      // @ts-expect-error -- the inputs are { id: number }
      protected handleRequest(inputs: { readonly id: string }): number {
        return inputs.id.length
      }
    }
    class WrongOutputs extends Handler<unknown, number> {
      // @ts-expect-error -- the outputs are a number
      protected handleRequest(): string {
        return "no"
      }
    }
    class WrongAction extends Handler<unknown, void> {
      protected handleRequest(): void {}
      // @ts-expect-error -- an action is a string, and no promise
      protected override async processResults(): Promise<string> {
        return "done"
      }
    }
    expectTypeOf<[WrongInputs, WrongOutputs, WrongAction]>().not.toBeNever()
  })

  it("hides its lifecycle", () => {
    // @ts-expect-error -- protected
    void read.handleRequest
    // @ts-expect-error -- protected
    void read.getSignal
    // @ts-expect-error -- protected
    void all.getReport
    // @ts-expect-error -- protected
    void all.executePipelineWithParams
  })

  it("is abstract", () => {
    // @ts-expect-error -- handleRequest is missing
    expectTypeOf(new Handler()).not.toBeNever()
  })
})

describe("options", () => {
  it("are those that the document names, and those of gates and retries", () => {
    expectTypeOf<keyof HandlerOptions>().toEqualTypeOf<
      "maxRetries" | "retryDelayMs" | "retryIf" | "timeoutMs" | "name" | "gate" | "rate"
    >()
    expectTypeOf<ParallelBatchOptions["concurrency"]>().toEqualTypeOf<number | "unbounded" | undefined>()
    expectTypeOf<ParallelBatchOptions["mode"]>().toEqualTypeOf<"fail-fast" | "collect-all" | undefined>()
    expectTypeOf<ParallelBatchOptions["isolation"]>().toEqualTypeOf<"none" | "snapshot" | undefined>()
  })

  it("are checked", () => {
    void new ParallelBatchPipeline<FileData>(pipeline, {
      params: (shared) => shared.filenames.map((filename) => ({ filename })),
      concurrency: "unbounded",
      key: ({ filename }) => String(filename)
    })
    // @ts-expect-error -- no concurrency
    void new ParallelBatchPipeline(pipeline, { concurrency: "all" })
    // @ts-expect-error -- no mode
    void new ParallelBatchPipeline(pipeline, { mode: "collect" })
    // @ts-expect-error -- an iterable, not a number
    void new ParallelBatchPipeline(pipeline, { params: () => 5 })
    // @ts-expect-error -- a batch takes a pipeline, no handler
    void new ParallelBatchPipeline(read)
    // @ts-expect-error -- sequential
    void new BatchPipeline(pipeline, { concurrency: 2 })
    // @ts-expect-error -- milliseconds
    void new Read({ timeoutMs: "1 second" })
    void new Read({ retryDelayMs: (attempt) => 100 * 2 ** attempt })
    void new Read({ retryDelayMs: (_attempt, error) => (expectTypeOf(error).toEqualTypeOf<unknown>(), 100) })
    // @ts-expect-error -- nobody waits for it
    void new Read({ retryDelayMs: async () => 100 })
  })

  it("of a pipeline are a start handler, which it needs", () => {
    expectTypeOf(all.getTemplatePipeline()).toExtend<Pipeline<any>>()

    // @ts-expect-error -- a start handler is missing
    void new Pipeline()
    // @ts-expect-error -- no handler
    void new Pipeline({})
    // @ts-expect-error -- a name is a text
    void new Pipeline(read, { name: 5 })
  })
})

describe("options for the end of a batch", () => {
  it("are given the outcomes, the report and the progress of the batch", () => {
    void new ParallelBatchPipeline<FileData>(pipeline, {
      budget: { calls: 10, cost: 2.5, durationMs: 1000 },
      cost: (outcome) => {
        expectTypeOf(outcome).toEqualTypeOf<Report["outcomes"][number]>()
        return outcome._tag === "Succeeded" ? outcome.attempts : 0
      },
      drainMs: 100,
      duplicates: "share",
      canary: {
        items: 1,
        check: (report) => {
          expectTypeOf(report).toEqualTypeOf<Report<FileData>>()
          return report.failed === 0
        }
      },
      onProgress: (progress) => expectTypeOf(progress).toEqualTypeOf<Batch.Progress>(),
      onOutcome: (outcome) => expectTypeOf(outcome).toEqualTypeOf<Report["outcomes"][number]>()
    })
    void new BatchPipeline(pipeline, { canary: { items: 1, check: async () => true }, duplicates: "error" })
    void new BatchPipeline(pipeline, { onOutcome: async () => {} })
  })

  it("are checked", () => {
    // @ts-expect-error -- a number of calls
    void new BatchPipeline(pipeline, { budget: { calls: "10" } })
    // @ts-expect-error -- milliseconds
    void new BatchPipeline(pipeline, { budget: { duration: "1 second" } })
    // @ts-expect-error -- milliseconds
    void new ParallelBatchPipeline(pipeline, { drainMs: "1 second" })
    // @ts-expect-error -- the outcome alone
    void new BatchPipeline(pipeline, { onOutcome: (_outcome: BatchOutcome, _index: number) => {} })
    // @ts-expect-error -- no such policy
    void new ParallelBatchPipeline(pipeline, { duplicates: "skip" })
    // @ts-expect-error -- yes or no
    void new ParallelBatchPipeline(pipeline, { canary: { items: 1, check: () => "yes" } })
    // @ts-expect-error -- a cost is known at once
    void new ParallelBatchPipeline(pipeline, { cost: async () => 1 })
    // @ts-expect-error -- for the handlers themselves
    void read.stopBatch("enough")
    // @ts-expect-error -- for the handlers themselves
    void read.skip("unchanged")
  })
})

describe("the options of a run", () => {
  const batch = new BatchPipeline<FileData>(new Pipeline(new Read()), { params: () => [] })
  const shared: FileData = { filenames: [], results: {} }

  it("have a batch go on from a report, live or read from a file", () => {
    expectTypeOf(batch.runReport(shared, { redrive: {} as Report<FileData> })).toEqualTypeOf<
      Promise<Report<FileData>>
    >()
    expectTypeOf(batch.run(shared, { redrive: {} as SavedReport.Any })).toEqualTypeOf<Promise<string>>()
    expectTypeOf(batch.runReport).parameter(1).toEqualTypeOf<BatchRunOptions | undefined>()
    void batch.runReport(shared, {
      redrive: {} as SavedReport.Any,
      rerun: (outcome) => {
        expectTypeOf(outcome.params).toEqualTypeOf<HandlerParams>()
        expectTypeOf(outcome.output).toEqualTypeOf<unknown>()
        return outcome.action === "failed"
      }
    })
  })

  it("have no other handler do so", () => {
    // @ts-expect-error only a batch goes on from a report
    void new Read().run(shared, { redrive: {} as Report<FileData> })
  })
})
