import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { BatchPipeline, Handler, ParallelBatchPipeline, Pipeline, type SharedData } from "parallel-batch-pipeline"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** No index signature, as everybody writes it. */
interface Row {
  readonly id: number
}

class Work extends Handler<Row, number> {
  readonly ids: Array<number> = []
  readonly #millis: number

  constructor(millis = 0) {
    super()
    this.#millis = millis
  }
  protected async handleRequest({ id }: Row): Promise<number> {
    this.ids.push(id)
    if (this.#millis > 0) await new Promise((resolve) => setTimeout(resolve, this.#millis))
    if (id < 0) throw new Error(`no ${id}`)
    return id
  }
}

/** An input that tells what becomes of it. */
class Input {
  readonly events: Array<string> = []
  readonly #ids: ReadonlyArray<number>
  readonly #failure: Error | undefined

  constructor(ids: ReadonlyArray<number>, failure?: Error) {
    this.#ids = ids
    this.#failure = failure
  }
  async *rows(): AsyncGenerator<Row> {
    try {
      for (const id of this.#ids) {
        this.events.push(`read ${id}`)
        yield { id }
      }
      if (this.#failure !== undefined) throw this.#failure
    } finally {
      this.events.push("closed")
    }
  }
}

/** Lets time pass until the promise has settled. */
const soon = async <A>(promise: Promise<A>): Promise<A> => {
  promise.catch(() => {})
  await vi.advanceTimersByTimeAsync(100)
  return promise
}
const thrownBy = (promise: Promise<unknown>) => promise.catch((thrown: unknown) => thrown)

describe("params that are objects of any type", () => {
  const rows: ReadonlyArray<Row> = [{ id: 1 }, { id: 2 }]

  it("come from the option, from an override, and one by one", async () => {
    class Overriding extends BatchPipeline {
      protected override prepareBatchParams(): ReadonlyArray<Row> {
        return rows
      }
    }
    class OneByOne extends Overriding {
      protected override async handleRequest(): Promise<void> {
        for (const row of rows) await this.executePipelineWithParams(row)
      }
    }
    const work = new Work()
    const pipeline = new Pipeline(work)
    const batches = [new ParallelBatchPipeline(pipeline, { params: () => rows }), new Overriding(pipeline)]
    for (const batch of [...batches, new OneByOne(pipeline)]) await batch.run({})
    work.setParams(rows[0]!)
    await work.run({})

    assert.deepStrictEqual(work.ids, [1, 2, 1, 2, 1, 2, 1])
  })

  it("are what key takes, and a key that is no text fails its item", async () => {
    const batch = new ParallelBatchPipeline(new Pipeline(new Work()), {
      params: () => rows,
      key: ({ id }: Row) => `row ${id}`
    })
    const report = await batch.runReport({})
    assert.deepStrictEqual(
      report.outcomes.map(({ key }) => key),
      ["row 1", "row 2"]
    )

    const numbered = new BatchPipeline(new Pipeline(new Work()), {
      params: () => rows,
      key: ({ id }) => id,
      duplicates: "error"
    })
    const thrown = await thrownBy(numbered.run({}))
    assert.match(String(thrown), /key of a batch answered 1, expected a string/)
  })
})

describe("an AsyncIterable of params", () => {
  it("is read to its end, and closed", async () => {
    const [work, input] = [new Work(), new Input([1, 2, 3])]
    const batch = new ParallelBatchPipeline(new Pipeline(work), { params: () => input.rows() })
    const report = await soon(batch.runReport({}))

    assert.deepStrictEqual([report.succeeded, report.exhausted, report.endedBy._tag], [3, true, "Completed"])
    assert.deepStrictEqual([work.ids, input.events.at(-1)], [[1, 2, 3], "closed"])
  })

  it("is read as items are asked for, and closed where the batch ends first", async () => {
    const [work, input] = [new Work(10), new Input([1, -2, 3, 4, 5])]
    const batch = new ParallelBatchPipeline(new Pipeline(work), { params: () => input.rows(), concurrency: 1 })
    const running = batch.runReport({})

    await vi.advanceTimersByTimeAsync(5)
    assert.deepStrictEqual(input.events, ["read 1"])
    await vi.advanceTimersByTimeAsync(100)
    const report = await running

    assert.deepStrictEqual(input.events, ["read 1", "read -2", "closed"])
    assert.deepStrictEqual([report.total, report.exhausted, report.endedBy._tag], [2, false, "Failure"])
  })

  it("that fails ends the batch with what it threw, and with the report of what had ended", async () => {
    const failure = new Error("connection lost")
    const make = () => {
      const input = new Input([1, 2], failure)
      const params = () => input.rows()
      return { input, batch: new ParallelBatchPipeline(new Pipeline(new Work()), { params, mode: "collect-all" }) }
    }
    const [first, second] = [make(), make()]

    assert.strictEqual(await thrownBy(soon(first.batch.run({}))), failure)
    const report = await soon(second.batch.runReport({}))
    assert.deepStrictEqual(report.endedBy, { _tag: "InputFailure", reason: "Error: connection lost" })
    assert.deepStrictEqual([report.total, first.input.events.at(-1)], [2, "closed"])
  })

  it("is read within the batch, and not within the item that ended last", async () => {
    const seen: Array<unknown> = []
    class Reading extends BatchPipeline<SharedData> {
      constructor() {
        super(new Pipeline(new Work()), { params: () => this.rows() })
      }
      rows(): AsyncIterable<Row> {
        let id = 0
        const next = async (): Promise<IteratorResult<Row>> => {
          seen.push([this.getParams(), this.getCurrentSharedData()])
          return id++ < 3 ? { done: false, value: { id } } : { done: true, value: undefined }
        }
        return { [Symbol.asyncIterator]: () => ({ next }) }
      }
    }
    const shared = {}
    await soon(new Reading().run(shared))

    assert.strictEqual(seen.length, 4)
    for (const read of seen) assert.deepStrictEqual(read, [{}, shared])
  })
})
