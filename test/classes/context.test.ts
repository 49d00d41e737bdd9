import { assert, describe, it } from "@effect/vitest"
import { AsyncLocalStorage } from "node:async_hooks"
import {
  BatchPipeline,
  Handler,
  type HandlerOptions,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type SharedData
} from "parallel-batch-pipeline"

type Request = (self: Work, inputs: HandlerParams) => unknown

/** A handler whose request is a function, with its protected methods in the open. */
class Work extends Handler<HandlerParams, unknown> {
  readonly #request: Request

  constructor(request: Request, options?: HandlerOptions) {
    super(options)
    this.#request = request
  }

  get signal(): AbortSignal {
    return this.getSignal()
  }

  protected handleRequest(inputs: HandlerParams): unknown {
    return this.#request(this, inputs)
  }
}

/** Notes the params that it sees in every phase. */
class Phases extends Handler<number, number> {
  readonly seen: Array<string> = []
  #note(phase: string): void {
    this.seen.push(`${phase} ${this.getParams()["n"]}`)
  }
  protected override prepareInputs(): number {
    this.#note("prepare")
    return this.getParams()["n"] as number
  }
  protected async handleRequest(): Promise<number> {
    await tick()
    this.#note("request")
    throw new Error("no")
  }
  protected override async handleError(): Promise<number> {
    await tick()
    this.#note("error")
    return 0
  }
  protected override processResults(): string {
    this.#note("process")
    return "done"
  }
}

class Open extends ParallelBatchPipeline {
  get shared(): SharedData {
    return this.getCurrentSharedData()
  }

  get report() {
    return this.getReport()
  }
}

const numbers = (count: number, more: HandlerParams = {}): Array<HandlerParams> =>
  Array.from({ length: count }, (_, n) => ({ n, ...more }))

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

describe("getParams", () => {
  it("answers for its own item after several awaits", async () => {
    const seen: Array<unknown> = []
    const work = new Work(async (self, { n }) => {
      for (let i = 0; i < 3; i++) {
        await (i === 1 ? tick() : Promise.resolve())
        seen.push(self.getParams()["n"] === n)
      }
    })

    await new ParallelBatchPipeline(new Pipeline(work), { params: () => numbers(20) }).run({})

    assert.deepStrictEqual(seen, Array(60).fill(true))
  })

  it("answers in every phase, also of a handler with retries, timeout and fallback", async () => {
    const phases = new Phases({ maxRetries: 2, timeoutMs: 10_000 })
    phases.connectTo(new Work((self) => phases.seen.push(`next ${self.getParams()["n"]}`)), "done")

    await new ParallelBatchPipeline(new Pipeline(phases), { params: () => numbers(3) }).run({})

    for (const n of [0, 1, 2]) {
      const own = phases.seen.filter((line) => line.endsWith(String(n)))
      const expected = ["prepare", "request", "request", "error", "process", "next"]
      assert.deepStrictEqual(
        own,
        expected.map((phase) => `${phase} ${n}`)
      )
    }
  })

  it("answers for its own run where two runs of one batch interleave", async () => {
    const mixed: Array<unknown> = []
    class Batch extends Open {
      protected override prepareBatchParams(shared: SharedData): Array<HandlerParams> {
        return numbers(10, { run: shared["run"] })
      }
    }
    const work: Work = new Work(async (self, inputs) => {
      for (let i = 0; i < 5; i++) {
        await tick()
        const params = self.getParams()
        if (params["run"] !== inputs["run"] || params["n"] !== inputs["n"]) mixed.push(params)
        const { outcomes, shared } = batch.report
        const runs = [batch.shared, shared, ...outcomes.map((outcome) => outcome.params as HandlerParams)]
        if (runs.some(({ run }) => run !== inputs["run"])) mixed.push(runs)
      }
    })
    const batch = new Batch(new Pipeline(work), { concurrency: 10 })

    await Promise.all([batch.run({ run: "a" }), batch.run({ run: "b" })])

    assert.deepStrictEqual(mixed, [])
  })

  it("answers for its own item with 1,000 items at concurrency 100 that settle in random order", async () => {
    let right = 0
    const waiting: Array<() => void> = []
    const work = new Work(async (self, { n }) => {
      await new Promise<void>((resolve) => waiting.push(resolve))
      if (self.getParams()["n"] === n) right++
      await Promise.resolve()
      if (self.getParams()["n"] === n) right++
    })
    const batch = new ParallelBatchPipeline(new Pipeline(work), { params: () => numbers(1000), concurrency: 100 })

    const state = { running: true }
    const run = batch.run({}).finally(() => (state.running = false))
    while (state.running) {
      waiting.splice(Math.floor(Math.random() * waiting.length), 1)[0]?.()
      await tick()
    }
    await run

    assert.strictEqual(right, 2000)
  })

  it("answers in late callbacks of an item that has ended", async () => {
    const late: Array<Promise<unknown>> = []
    const work = new Work((self, { n }) => {
      late.push(
        new Promise((resolve) => {
          setTimeout(() => resolve([n, self.getParams()["n"], batch.shared, batch.report.succeeded]), 2)
        })
      )
    })
    const batch = new Open(new Pipeline(work), { params: () => numbers(2), concurrency: 1 })
    const shared = {}

    await batch.run(shared)

    const answers = await Promise.all(late)
    assert.deepStrictEqual(answers, [
      [0, 0, shared, 2],
      [1, 1, shared, 2]
    ])
    assert.strictEqual((answers[0] as Array<unknown>)[2], shared)
  })

  it("answers the handler's own params outside of a run", () => {
    const work = new Work(() => {})
    assert.deepStrictEqual(work.getParams(), {})

    work.setParams({ own: 1 })

    assert.deepStrictEqual(work.getParams(), { own: 1 })
  })

  it("overlays the handler's own by the batch's own, and those by the item's", async () => {
    let seen: HandlerParams = {}
    const work = new Work((self) => {
      seen = self.getParams()
    })
    work.setParams({ a: "handler", b: "handler", c: "handler" })
    const batch = new BatchPipeline(new Pipeline(work), { params: () => [{ c: "item" }] })
    batch.setParams({ b: "batch", c: "batch" })

    await batch.run({})

    assert.deepStrictEqual(seen, { a: "handler", b: "batch", c: "item" })
  })

  it("finds the params of the pipelines around, and only in them", async () => {
    const seen: Array<unknown> = []
    const note = () => new Work((self) => seen.push(self.getParams()))
    const inner = new Pipeline(note())
    inner.setParams({ inner: 1 })
    const last = note()
    inner.connectTo(last)
    const outer = new Pipeline(inner)
    outer.setParams({ outer: 1 })

    await new BatchPipeline(outer, { params: () => [{ n: 0 }] }).run({})

    assert.deepStrictEqual(seen, [
      { outer: 1, inner: 1, n: 0 },
      { outer: 1, n: 0 }
    ])
  })

  it("finds the params of the pipelines around also inside of a pipeline with overrides", async () => {
    let seen: HandlerParams = {}
    class Renamed extends Pipeline {
      protected override processResults(): string {
        return "renamed"
      }
    }
    const inner = new Renamed(new Work((self) => (seen = self.getParams())))
    inner.setParams({ inner: 1 })
    const outer = new Pipeline(inner)
    outer.setParams({ outer: 1 })

    await new BatchPipeline(outer, { params: () => [{ n: 0 }] }).run({})

    assert.deepStrictEqual(seen, { outer: 1, inner: 1, n: 0 })
  })

  it("finds the params of the pipeline around in a handler that overrides executeLifecycle", async () => {
    let seen: HandlerParams = {}
    class Twice extends Work {
      protected override async executeLifecycle(shared: SharedData): Promise<string> {
        return super.executeLifecycle(shared)
      }
    }
    const outer = new Pipeline(new Twice((self) => (seen = self.getParams())))
    outer.setParams({ outer: 1 })

    await outer.run({})

    assert.deepStrictEqual(seen, { outer: 1 })
  })

  it("finds the params of the pipeline around in the items of a batch that stands in it", async () => {
    let seen: HandlerParams = {}
    const batch = new BatchPipeline(new Pipeline(new Work((self) => (seen = self.getParams()))), {
      params: () => [{ n: 0 }]
    })
    const outer = new Pipeline(batch)
    outer.setParams({ outer: 1 })

    await outer.run({})

    assert.deepStrictEqual(seen, { outer: 1, n: 0 })
  })

  it("leaves the shared data alone", async () => {
    const shared = {}
    const work = new Work(() => {})
    work.setParams({ own: 1 })
    const batch = new ParallelBatchPipeline(new Pipeline(work), { params: () => numbers(3) })
    batch.setParams({ batch: 1 })

    await batch.run(shared)

    assert.deepStrictEqual(shared, {})
  })
})

describe("an AsyncLocalStorage of the caller", () => {
  it("is for each item as the batch found it, whatever the item before has entered", async () => {
    const tenant = new AsyncLocalStorage<string>()
    const seen: Array<string | undefined> = []
    class Enter extends Handler<{ n: number }, void> {
      protected override async handleRequest({ n }: { n: number }): Promise<void> {
        seen.push(tenant.getStore())
        tenant.enterWith(`item ${n}`)
        await Promise.resolve()
      }
    }
    const batch = new ParallelBatchPipeline(new Pipeline(new Enter()), {
      params: () => [{ n: 1 }, { n: 2 }, { n: 3 }],
      concurrency: 1
    })

    await tenant.run("caller", () => batch.run({}))

    assert.deepStrictEqual(seen, ["caller", "caller", "caller"])
  })
})

describe("getSignal", () => {
  it("never aborts outside of a run", () => {
    assert.isFalse(new Work(() => {}).signal.aborted)
  })

  it("is another one for each item, and the same one throughout it", async () => {
    const signals = new Set<AbortSignal>()
    const work = new Work(async (self) => {
      const signal = self.signal
      signals.add(signal)
      await tick()
      signals.add(self.signal)
    })

    await new ParallelBatchPipeline(new Pipeline(work), { params: () => numbers(4) }).run({})

    assert.strictEqual(signals.size, 4)
    assert.isFalse(Array.from(signals).some((signal) => signal.aborted))
  })

  it("calls its listeners in the context of their own item", async () => {
    const seen: Array<unknown> = []
    const work = new Work(async (self, { n }) => {
      self.signal.addEventListener("abort", () => seen.push(self.getParams()["n"]))
      await tick()
      if (n === 1) throw new Error("no")
      await new Promise(() => {})
    })

    await new ParallelBatchPipeline(new Pipeline(work), { params: () => numbers(3) }).run({}).catch(() => {})

    assert.deepStrictEqual(seen, [0, 2])
  })

  it("is aborted also where it is first asked for after the interruption", async () => {
    const failed = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<boolean>()
    const work = new Work(async (self, { n }) => {
      if (n === 0) throw new Error("no")
      await failed.promise
      asked.resolve(self.signal.aborted)
    })
    const run = new ParallelBatchPipeline(new Pipeline(work), { params: () => numbers(2) }).run({})

    await run.catch(() => {})
    failed.resolve()

    assert.isTrue(await asked.promise)
  })
})

describe("getCurrentSharedData and getReport", () => {
  it("throw an error that says so outside of a run", () => {
    const batch = new Open(new Pipeline(new Work(() => {})))

    assert.throws(() => batch.shared, /getCurrentSharedData of Open .*outside of a run/)
    assert.throws(() => batch.report, /getReport of Open .*outside of a run/)
  })

  it("answer in prepareBatchParams and processBatchResults", async () => {
    const seen: Array<unknown> = []
    class Batch extends Open {
      protected override prepareBatchParams(): Array<HandlerParams> {
        seen.push(this.shared, this.report.total)
        return numbers(3)
      }
      protected override processBatchResults(): string {
        seen.push(this.shared, this.report.succeeded)
        return "done"
      }
    }
    const shared = {}

    await new Batch(new Pipeline(new Work(() => {}))).run(shared)

    assert.deepStrictEqual(seen, [shared, 0, shared, 3])
  })
})

describe("a handler instance", () => {
  it("keeps #private fields, counters and closures over all items and runs", async () => {
    let outside = 0
    class Count extends Handler<HandlerParams, void> {
      count = 0
      #hidden = 0
      get hidden(): number {
        return this.#hidden
      }
      protected async handleRequest(): Promise<void> {
        await tick()
        this.count++
        this.#hidden++
        outside++
      }
    }
    const count = new Count()
    const batch = new ParallelBatchPipeline(new Pipeline(count), { params: () => numbers(50) })

    await Promise.all([batch.run({}), batch.run({})])

    assert.deepStrictEqual([count.count, count.hidden, outside], [100, 100, 100])
  })
})
