import { assert, describe, it } from "@effect/vitest"
import {
  BatchPipeline,
  Handler,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type Report,
  type SharedData
} from "parallel-batch-pipeline"

interface Log extends SharedData {
  log: Array<unknown>
}

/** Logs its name and the params it sees; its action is its name. */
class Step extends Handler<HandlerParams, void, Log> {
  constructor(name: string) {
    super({ name })
  }

  protected async handleRequest(_inputs: HandlerParams): Promise<void> {}

  protected override processResults(shared: Log): string {
    const n = this.getParams()["n"]
    shared.log.push(n === undefined ? String(this) : `${this}${n}`)
    return String(this)
  }
}

const logOf = async (run: (shared: Log) => Promise<unknown>): Promise<ReadonlyArray<unknown>> => {
  const shared: Log = { log: [] }
  return [await run(shared), ...shared.log]
}

const numbers = (count: number) => () => Array.from({ length: count }, (_, n) => ({ n }))
const tick = () => new Promise<void>((resolve) => setImmediate(resolve))
const never = new Promise<never>(() => {})

describe("a pipeline in a pipeline", () => {
  class Renamed extends Pipeline<Log> {
    protected override processResults(_shared: Log, _inputs: HandlerParams, outputs: string): string {
      return `${outputs}!`
    }
  }

  class Prepared extends Pipeline<Log> {
    protected override prepareInputs(shared: Log): HandlerParams {
      shared.log.push("prepared")
      return {}
    }
  }

  class Around extends Pipeline<Log> {
    protected override async executeLifecycle(shared: Log): Promise<string> {
      shared.log.push("before")
      const action = await super.executeLifecycle(shared)
      shared.log.push("behind")
      return `${action}?`
    }
  }

  class Caught extends Pipeline<Log> {
    protected override async handleError(_inputs: HandlerParams, error: Error): Promise<string> {
      return error.message
    }
  }

  it("goes on with the successor of the action that ended it", async () => {
    const inner = new Pipeline<Log>(new Step("a"))
    inner.connectTo(new Step("b"), "a")

    assert.deepStrictEqual(await logOf((shared) => new Pipeline<Log>(inner).run(shared)), ["b", "a", "b"])
  })

  it("does not take the successors of its own handlers' actions from the graph around", async () => {
    const [a, b] = [new Step("a"), new Step("b")]
    a.connectTo(b, "a")
    const innermost = new Pipeline<Log>(a)
    const inner = new Pipeline<Log>(innermost)
    inner.connectTo(new Step("c"), "b")
    innermost.connectTo(new Step("d"), "b")

    assert.deepStrictEqual(await logOf((shared) => new Pipeline<Log>(inner).run(shared)), ["d", "a", "b", "d"])
  })

  it.each([
    ["processResults", (start: Step) => new Renamed(start), "a!", ["a"]],
    ["prepareInputs", (start: Step) => new Prepared(start), "a", ["prepared", "a"]],
    ["executeLifecycle", (start: Step) => new Around(start), "a?", ["before", "a", "behind"]]
  ] as const)("honours an override of %s", async (_, make, action, log) => {
    assert.deepStrictEqual(await logOf((shared) => make(new Step("a")).run(shared)), [action, ...log])

    const inner = make(new Step("a"))
    inner.connectTo(new Step("b"), action)

    assert.deepStrictEqual(await logOf((shared) => new Pipeline<Log>(inner).run(shared)), ["b", ...log, "b"])
  })

  it("honours an override of handleError", async () => {
    class Failing extends Step {
      protected override async handleRequest(): Promise<void> {
        throw new Error("caught")
      }
    }
    const inner = new Caught(new Failing("a"))
    inner.connectTo(new Step("b"), "caught")

    assert.deepStrictEqual(await logOf((shared) => new Pipeline<Log>(inner).run(shared)), ["b", "b"])
  })

  it("may stand at several places, and in a loop", async () => {
    const inner = new Pipeline<Log>(new Step("a"))
    const end = new Step("end")
    class Thrice extends Step {
      protected override processResults(shared: Log): string {
        return shared.log.length < 3 ? "again" : "enough"
      }
    }
    const thrice = new Thrice("thrice")
    inner.connectTo(thrice, "a").connectTo(inner, "again")
    thrice.connectTo(end, "enough")

    assert.deepStrictEqual(await logOf((shared) => new Pipeline<Log>(inner).run(shared)), ["end", "a", "a", "a", "end"])
  })
})

describe("an overridden executeLifecycle of a handler", () => {
  class Times extends Step {
    readonly #times: number
    constructor(name: string, times: number) {
      super(name)
      this.#times = times
    }
    protected override async executeLifecycle(shared: Log): Promise<string> {
      for (let i = 0; i < this.#times; i++) {
        await super.executeLifecycle(shared)
        await tick()
      }
      return `times${this.#times}`
    }
  }

  it.each([0, 1, 2])("is honoured within a graph, super called %d times", async (times) => {
    const first = new Step("first")
    first.connectTo(new Times("a", times), "first").connectTo(new Step("last"), `times${times}`)
    const expected = ["last", "first", ...Array(times).fill("a"), "last"]

    assert.deepStrictEqual(await logOf((shared) => new Pipeline<Log>(first).run(shared)), expected)
  })

  it("is honoured alone, and sees the params of its item", async () => {
    assert.deepStrictEqual(await logOf((shared) => new Times("a", 2).run(shared)), ["times2", "a", "a"])

    const batch = new ParallelBatchPipeline<Log>(new Pipeline(new Times("a", 2)), { params: numbers(2) })
    assert.deepStrictEqual(await logOf((shared) => batch.run(shared)), ["default", "a0", "a1", "a0", "a1"])
  })

  it("gives its params after super.executeLifecycle as before", async () => {
    const seen: Array<unknown> = []
    class Twice extends Step {
      protected override async executeLifecycle(shared: Log): Promise<string> {
        const before = this.getParams()["n"]
        const action = await super.executeLifecycle(shared)
        seen.push(this.getParams()["n"] === before)
        return action
      }
    }

    await new ParallelBatchPipeline<Log>(new Pipeline(new Twice("a")), { params: numbers(3) }).run({ log: [] })

    assert.deepStrictEqual(seen, [true, true, true])
  })
})

describe("a batch in a pipeline", () => {
  it("is a step like any other", async () => {
    const first = new Step("first")
    const batch = new BatchPipeline<Log>(new Pipeline(new Step("item")), { params: numbers(2) })
    first.connectTo(batch, "first").connectTo(new Step("last"))

    const log = await logOf((shared) => new Pipeline<Log>(first).run(shared))

    assert.deepStrictEqual(log, ["last", "first", "item0", "item1", "last"])
  })

  it("answers the action of processBatchResults", async () => {
    class Counting extends ParallelBatchPipeline<Log> {
      protected override processBatchResults(_shared: Log, inputs: Array<HandlerParams>): string {
        return `${inputs.length}/${this.getReport().succeeded}`
      }
    }
    const batch = new Counting(new Pipeline(new Step("item")), { params: numbers(3) })
    batch.connectTo(new Step("all"), "3/3")

    const log = await logOf((shared) => new Pipeline<Log>(batch).run(shared))

    assert.deepStrictEqual(log, ["all", "item0", "item1", "item2", "all"])
  })

  it("is interrupted with it", async () => {
    const controller = new AbortController()
    const aborted: Array<unknown> = []
    class Wait extends Step {
      protected override handleRequest(): Promise<void> {
        const { n } = this.getParams()
        this.getSignal().addEventListener("abort", () => aborted.push(n))
        return never
      }
    }
    const batch = new ParallelBatchPipeline<Log>(new Pipeline(new Wait("wait")), { params: numbers(3) })
    const run = new Pipeline<Log>(batch).run({ log: [] }, { signal: controller.signal })
    await tick()

    controller.abort("stop")

    assert.strictEqual(await run.catch((thrown: unknown) => thrown), "stop")
    assert.deepStrictEqual(aborted, [0, 1, 2])
  })

  it("with a handleError takes its failure for itself, and has its report", async () => {
    let message: string | undefined
    let reported: Report<Log> | undefined
    class Failing extends Step {
      protected override async handleRequest(): Promise<void> {
        if (this.getParams()["n"] === 1) throw new Error("no")
      }
    }
    class Tolerant extends ParallelBatchPipeline<Log> {
      protected override handleError(_inputs: Array<HandlerParams>, error: Error): void {
        message = error.message
      }
      protected override processBatchResults(): string {
        reported = this.getReport()
        return "tolerated"
      }
    }
    const tolerant = new Tolerant(new Pipeline(new Failing("item")), { params: numbers(3) })

    assert.strictEqual(await tolerant.run({ log: [] }), "tolerated")
    const report = await tolerant.runReport({ log: [] })

    assert.deepStrictEqual(
      [message, reported?.total, reported?.failed, report.total, report.failed],
      ["no", 3, 1, 3, 1]
    )
  })
})

describe("a batch in a batch", () => {
  it("gives params and report of its own", async () => {
    const params = new Set<string>()
    class Seen extends Step {
      protected override async handleRequest(): Promise<void> {
        await tick()
        params.add(JSON.stringify(this.getParams()))
      }
    }
    const reports: Array<Report<Log>> = []
    class Inner extends ParallelBatchPipeline<Log> {
      protected override prepareBatchParams(): Array<HandlerParams> {
        return Array.from({ length: (this.getParams()["n"] as number) + 1 }, (_, inner) => ({ inner }))
      }
      protected override processBatchResults(): string {
        reports.push(this.getReport())
        return "inner"
      }
    }
    const outer = new ParallelBatchPipeline<Log>(new Pipeline(new Inner(new Pipeline(new Seen("seen")))), {
      params: numbers(3)
    })

    const report = await outer.runReport({ log: [] })

    const expected = [0, 1, 2].flatMap((n) => numbers(n + 1)().map(({ n: inner }) => JSON.stringify({ n, inner })))
    assert.deepStrictEqual(Array.from(params).toSorted(), expected.toSorted())
    assert.deepStrictEqual(reports.map(({ total }) => total).toSorted(), [1, 2, 3])
    assert.deepStrictEqual([report.total, report.succeeded], [3, 3])
  })

  it("lets the items of the inner one win over those of the outer", async () => {
    const inner = new BatchPipeline<Log>(new Pipeline(new Step("item")), { params: () => [{ n: "inner" }] })
    const outer = new BatchPipeline<Log>(new Pipeline(inner), { params: numbers(1) })

    assert.deepStrictEqual(await logOf((shared) => outer.run(shared)), ["default", "iteminner"])
  })

  it("fails its item, and only that, in collect-all", async () => {
    class Odd extends Step {
      protected override async handleRequest(): Promise<void> {
        if ((this.getParams()["n"] as number) % 2 === 1) throw new Error("odd")
      }
    }
    const inner = new ParallelBatchPipeline<Log>(new Pipeline(new Odd("odd")), { params: () => [{}, {}] })
    const outer = new ParallelBatchPipeline<Log>(new Pipeline(inner), { params: numbers(4), mode: "collect-all" })

    const report = await outer.runReport({ log: [] })

    assert.deepStrictEqual(
      report.outcomes.map(({ _tag }) => _tag),
      ["Succeeded", "Failed", "Succeeded", "Failed"]
    )
  })
})

describe("an overridden executeLifecycle of a batch", () => {
  interface Items extends Log {
    items: Array<number>
  }

  class Chunked extends ParallelBatchPipeline<Items> {
    protected override prepareBatchParams(shared: Readonly<Items>): Array<HandlerParams> {
      return shared.items.map((n) => ({ n }))
    }
    protected override async executeLifecycle(shared: Items): Promise<string> {
      const all = shared.items
      for (let i = 0; i < all.length; i += 2) {
        shared.items = all.slice(i, i + 2)
        await super.executeLifecycle(shared)
        await tick()
      }
      return "chunks"
    }
  }

  it("runs chunks, and runReport sums them up", async () => {
    const chunked = new Chunked(new Pipeline(new Step("item")))

    const report = await chunked.runReport({ items: [0, 1, 2, 3, 4], log: [] })

    assert.deepStrictEqual([report.total, report.succeeded, report.exhausted], [5, 5, true])
    assert.deepStrictEqual(
      report.outcomes.map(({ index, params }) => [index, params["n"]]),
      [0, 1, 2, 3, 4].map((n) => [n, n])
    )
  })

  it("leaves outcomes whole behind the first chunk", async () => {
    const chunked = new Chunked(new Pipeline(new Step("item")), { key: ({ n }) => `key ${n}` })

    const { outcomes } = await chunked.runReport({ items: [0, 1, 2], log: [] })

    const last = outcomes[2]!
    assert.strictEqual(last.key, "key 2")
    assert.deepInclude(JSON.parse(JSON.stringify(last)), { index: 2, key: "key 2", action: "item", path: ["item"] })
    assert.deepInclude({ ...last }, { index: 2, _tag: "Succeeded" })
  })

  it("stops at the chunk in which an item fails, and reports the chunks before", async () => {
    class Failing extends Step {
      protected override async handleRequest(inputs: HandlerParams): Promise<void> {
        if (inputs["n"] === 2) throw new Error("two")
      }
    }
    const chunked = new Chunked(new Pipeline(new Failing("item")))

    const error = await chunked.run({ items: [0, 1, 2, 3, 4], log: [] }).catch((thrown: unknown) => thrown)
    const report = await chunked.runReport({ items: [0, 1, 2, 3, 4], log: [] })

    assert.strictEqual((error as Error).message, "two")
    assert.deepStrictEqual([report.total, report.succeeded, report.failed], [4, 2, 1])
  })

  it("starts no chunk once its run is interrupted", async () => {
    const controller = new AbortController()
    const shared: Items = { items: [0, 1, 2, 3], log: [] }
    class Late extends Chunked {
      protected override async executeLifecycle(shared: Items): Promise<string> {
        await tick()
        return super.executeLifecycle(shared)
      }
    }

    const run = new Late(new Pipeline(new Step("item"))).run(shared, { signal: controller.signal })
    controller.abort("stop")
    const thrown = await run.catch((thrown: unknown) => thrown)
    for (let i = 0; i < 10; i++) await tick()

    assert.strictEqual(thrown, "stop")
    assert.deepStrictEqual(shared.log, [])
  })
})
