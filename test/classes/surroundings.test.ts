/** Asynchronous contexts of the caller, where only the library has values of its own: then no map of them is copied. */
import { assert, describe, it } from "@effect/vitest"
import { AsyncLocalStorage } from "node:async_hooks"
import { execFileSync } from "node:child_process"
import { Handler, type HandlerParams, ParallelBatchPipeline, Pipeline } from "parallel-batch-pipeline"

const tenant = new AsyncLocalStorage<string>()

/** Notes what it finds, does something, and looks again behind an await. */
class Look extends Handler<HandlerParams, void> {
  readonly seen: Array<string | undefined> = []
  readonly #work: (n: unknown) => unknown

  constructor(work: (n: unknown) => unknown = () => {}) {
    super()
    this.#work = work
  }

  protected async handleRequest(): Promise<void> {
    this.seen.push(tenant.getStore())
    await this.#work(this.getParams()["n"])
    await Promise.resolve()
    this.seen.push(tenant.getStore())
  }
}

const batchOf = (look: Look, params: () => Array<HandlerParams> = () => [{ n: 1 }, { n: 2 }]) =>
  new ParallelBatchPipeline(new Pipeline(look), { params, concurrency: 1 })

describe("the asynchronous context of an item", () => {
  it("has nothing of what the item before has entered", async () => {
    const look = new Look((n) => tenant.enterWith(`item ${n}`))

    await batchOf(look).run({})

    assert.deepStrictEqual(look.seen, [undefined, "item 1", undefined, "item 2"])
    assert.isUndefined(tenant.getStore())
  })

  it("has what the params of the batch have entered", async () => {
    const look = new Look()

    await batchOf(look, () => {
      tenant.enterWith("batch")
      return [{ n: 1 }, { n: 2 }]
    }).run({})

    assert.deepStrictEqual(look.seen, ["batch", "batch", "batch", "batch"])
  })

  it("has what the item around has entered, in a batch within an item", async () => {
    const inner = new Look()
    const outer = new Look((n) => {
      if (n === 2) tenant.enterWith("outer")
      return batchOf(inner, () => [{ n: "inner" }]).run({})
    })

    await batchOf(outer, () => [{ n: 1 }, { n: 2 }, { n: 3 }]).run({})

    assert.deepStrictEqual(inner.seen, [undefined, undefined, "outer", "outer", undefined, undefined])
  })
})

describe("the asynchronous context of a lazy input", () => {
  it("is that of the batch, whatever the items before have entered", async () => {
    const seen: Array<string | undefined> = []
    function* params() {
      try {
        for (const n of [1, 2, 3]) {
          seen.push(tenant.getStore())
          yield { n }
        }
      } finally {
        seen.push(tenant.getStore())
      }
    }
    const look = new Look((n) => {
      tenant.enterWith(`item ${n}`)
      if (n === 2) throw new Error("enough")
    })
    const batch = new ParallelBatchPipeline(new Pipeline(look), { params, concurrency: 1 })

    await tenant.run("caller", () => batch.run({}).catch(() => {}))

    assert.deepStrictEqual(seen, ["caller", "caller", "caller"])
  })
})

describe("the asynchronous context of executePipelineWithParams", () => {
  it("is that of its item, also for what comes behind an await, and when it is aborted", async () => {
    const aborted: Array<string | undefined> = []
    class Listening extends Look {
      protected override async handleRequest(): Promise<void> {
        this.getSignal().addEventListener("abort", () => aborted.push(tenant.getStore()))
        await super.handleRequest()
        if (this.getParams()["n"] === 3) await new Promise(() => {})
      }
    }
    const look = new Listening()
    const last = new Look()
    look.connectTo(last)
    class Spans extends ParallelBatchPipeline {
      protected override async handleRequest(sets: Array<HandlerParams>): Promise<void> {
        const items = sets.map((set) => tenant.run(`span ${set["n"]}`, () => this.executePipelineWithParams(set)))
        await Promise.all(items.slice(0, 2))
      }
    }
    const batch = new Spans(new Pipeline(look), { params: () => [{ n: 1 }, { n: 2 }, { n: 3 }] })

    await tenant.run("caller", () => batch.run({}))

    assert.deepStrictEqual(look.seen.toSorted(), ["span 1", "span 1", "span 2", "span 2", "span 3", "span 3"])
    assert.deepStrictEqual(last.seen.toSorted(), ["span 1", "span 1", "span 2", "span 2"])
    assert.deepStrictEqual(aborted, ["span 3"])
  })
})

/** Runs two items, each of which enters something, and prints what they find. */
const program = `
  import { AsyncLocalStorage } from "node:async_hooks"
  import { Handler, ParallelBatchPipeline, Pipeline } from "parallel-batch-pipeline"

  const tenant = new AsyncLocalStorage()
  const seen = []
  class Enter extends Handler {
    async handleRequest() {
      const { n } = this.getParams()
      seen.push(tenant.getStore())
      tenant.enterWith("item " + n)
      await undefined
      seen.push(tenant.getStore(), this.getParams().n)
    }
  }
  const params = () => [{ n: 1 }, { n: 2 }]
  await new ParallelBatchPipeline(new Pipeline(new Enter()), { params, concurrency: 1 }).run({})
  console.log(JSON.stringify(seen))
`

describe("the asynchronous context of an item, as Node 22 keeps it", () => {
  it("has nothing of what the item before has entered", () => {
    const flags = ["--no-async-context-frame", "--conditions=parallel-batch-pipeline/source", "--input-type=module"]

    // A process of its own: how contexts are kept is chosen when Node starts.
    const output = execFileSync(process.execPath, [...flags, "--eval", program], { encoding: "utf8" })

    assert.deepStrictEqual(JSON.parse(output), [null, "item 1", 1, null, "item 2", 2])
  })
})
