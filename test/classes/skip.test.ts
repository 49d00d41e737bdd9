import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import {
  type BatchOutcome,
  Handler,
  type HandlerOptions,
  type HandlerParams,
  type ParallelBatchOptions,
  ParallelBatchPipeline,
  Pipeline,
  type Report,
  type SharedData
} from "parallel-batch-pipeline"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Item {
  readonly n: number
}
type Say = (self: Saying, n: number, attempt: number) => unknown
interface Phases {
  readonly inputs?: Say
  readonly request?: Say
  readonly fallback?: Say
  readonly results?: Say
}

/** Says what it is told to; what a phase answers is answered. */
class Saying extends Handler<Item, unknown> {
  readonly calls: Array<number> = []
  readonly #phases: Phases

  constructor(phases: Phases, options?: HandlerOptions) {
    super(options)
    this.#phases = phases
  }
  sayStop(): string {
    return this.stopBatch("enough")
  }
  saySkip(): string {
    return this.skip("unchanged")
  }
  protected override prepareInputs(): Item {
    const n = Number(this.getParams()["n"])
    this.#phases.inputs?.(this, n, 0)
    return { n }
  }
  protected async handleRequest({ n }: Item): Promise<unknown> {
    this.calls.push(n)
    await pause(n)
    return this.#phases.request?.(this, n, this.calls.filter((other) => other === n).length)
  }
  protected override async handleError({ n }: Item, error: Error): Promise<unknown> {
    if (this.#phases.fallback === undefined) throw error
    return this.#phases.fallback(this, n, 0)
  }
  protected override processResults(_shared: SharedData, { n }: Item): string {
    return this.#phases.results === undefined ? "default" : (this.#phases.results(this, n, 0) as string)
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const numbers = (...ns: ReadonlyArray<number>) => ns.map((n) => ({ n }))
const short = (outcome: BatchOutcome) =>
  outcome._tag === "Skipped" ? `Skipped by ${outcome.handler}: ${outcome.reason}` : outcome._tag
const batchOf = (handler: Handler<any, any> | Pipeline, params: HandlerParams[], options: ParallelBatchOptions = {}) =>
  new ParallelBatchPipeline(new Pipeline(handler), { params: () => params, concurrency: 1, ...options })

/** Lets so much time pass, and answers what the promise has come to. */
const after = async <A>(ms: number, promise: Promise<A>): Promise<A> => {
  promise.catch(() => {})
  await vi.advanceTimersByTimeAsync(ms)
  return promise
}
const reportOf = (handler: Handler<any, any> | Pipeline, params: HandlerParams[], options?: ParallelBatchOptions) =>
  after(1000, batchOf(handler, params, options).runReport({}))
const shorts = (report: Report) => report.outcomes.map(short)

const skipped = "Skipped by Saying: unchanged"
const stopped = { _tag: "Stop", reason: "enough" } as const
const fail = () => {
  throw new Error("no")
}

describe("skip", () => {
  it("ends its item as skipped, with the reason, and the others go on", async () => {
    const first = new Saying({ results: (self, n) => (n === 1 ? self.saySkip() : "default") })
    const next = new Saying({}, { name: "next" })
    first.connectTo(next)
    const report = await reportOf(first, numbers(0, 1, 2))

    assert.deepStrictEqual(shorts(report), ["Succeeded", skipped, "Succeeded"])
    assert.deepStrictEqual([report.skipped, report.succeeded, report.endedBy._tag], [1, 2, "Completed"])
    assert.deepStrictEqual(next.calls, [0, 2])
  })

  it("takes no route, where an action of that name takes one and skips nothing", async () => {
    const first = new Saying({ results: (self, n) => (n === 1 ? self.saySkip() : "skip") })
    const next = new Saying({})
    first.connectTo(next, "skip")

    assert.deepStrictEqual(shorts(await reportOf(first, numbers(0, 1))), ["Succeeded", skipped])
    assert.deepStrictEqual(next.calls, [0])
  })

  it("is heard from a nested pipeline, and from one that overrides its lifecycle", async () => {
    class Loud extends Pipeline {
      protected override executeLifecycle(shared: SharedData): Promise<string> {
        return super.executeLifecycle(shared)
      }
    }
    const make = () => new Saying({ results: (self, n) => (n === 1 ? self.saySkip() : "default") })
    for (const nested of [new Pipeline(make()), new Loud(make()), new Loud(new Loud(make()))]) {
      const last = new Saying({})
      nested.connectTo(last)
      const report = await reportOf(nested, numbers(0, 1, 2))

      assert.deepStrictEqual([report.succeeded, report.skipped, last.calls], [2, 1, [0, 2]])
    }
  })

  it("is the action of a run of its own, and throws outside of one", async () => {
    const saying = new Saying({ results: (self) => self.saySkip() })
    saying.setParams({ n: 1 })

    assert.strictEqual(await after(10, saying.run({})), "skip")
    assert.strictEqual(await after(10, new Pipeline(saying).run({})), "skip")
    assert.throws(() => saying.saySkip(), /skip of Saying was called outside of a run/)
  })

  it("is the answer of executePipelineWithParams", async () => {
    class ByHand extends ParallelBatchPipeline {
      readonly answers: Array<string> = []
      protected override async handleRequest(items: HandlerParams[]): Promise<void> {
        for (const item of items) this.answers.push(await this.executePipelineWithParams(item))
      }
    }
    const saying = new Saying({ results: (self, n) => (n === 1 ? self.saySkip() : "default") })
    const batch = new ByHand(new Pipeline(saying), { params: () => numbers(1, 2) })
    const report = await after(100, batch.runReport({}))

    assert.deepStrictEqual(
      [batch.answers, shorts(report)],
      [
        ["skip", "default"],
        [skipped, "Succeeded"]
      ]
    )
  })

  it("leaves no trace where every item works on its own copy", async () => {
    class Counting extends Handler<Item, void, { count: number }> {
      protected handleRequest(): void {}
      protected override processResults(shared: { count: number }, { n }: Item): string {
        shared.count++
        return n === 1 ? this.skip("unchanged") : "default"
      }
    }
    const shared = { count: 0 }
    const params = () => numbers(0, 1, 2)
    const batch = new ParallelBatchPipeline<{ count: number }>(new Pipeline(new Counting()), {
      params,
      isolation: "snapshot",
      concurrency: 1
    })
    await after(10, batch.run(shared))

    assert.deepStrictEqual(shared, { count: 2 })
  })
})

describe("stopBatch and skip that are called and not answered", () => {
  const phases = ["inputs", "request", "results"] as const

  for (const options of [undefined, { maxRetries: 2 }, { timeoutMs: 500 }]) {
    it.each(phases)(`count in the %s of a step with ${JSON.stringify(options)}`, async (phase) => {
      const skipping = new Saying({ [phase]: (self: Saying, n: number) => (n === 1 && self.saySkip(), "on") }, options)
      const stopping = new Saying({ [phase]: (self: Saying, n: number) => (n === 1 && self.sayStop(), "on") }, options)
      const next = new Saying({})
      for (const saying of [skipping, stopping]) {
        saying.connectTo(next)
        saying.connectTo(next, "on")
      }

      const [skips, stops] = [await reportOf(skipping, numbers(0, 1, 2)), await reportOf(stopping, numbers(0, 1, 2))]

      assert.deepStrictEqual(shorts(skips), ["Succeeded", skipped, "Succeeded"])
      assert.deepStrictEqual([shorts(stops), stops.endedBy], [["Succeeded", "Succeeded", "NotStarted"], stopped])
      assert.deepInclude(stops.outcomes[1], { action: "stop" })
      assert.deepStrictEqual(next.calls, [0, 2, 0])
    })
  }

  it("count where processResults answers nothing at all", async () => {
    const saying = new Saying({ results: (self) => void self.saySkip() })

    assert.deepStrictEqual(shorts(await reportOf(saying, numbers(1))), [skipped])
  })

  it("count after an await, and by a fallback", async () => {
    const late = new Saying({ request: (self) => pause(5).then(() => self.saySkip()) })
    const fallback = new Saying({ request: fail, fallback: (self) => self.saySkip() })

    assert.deepStrictEqual(shorts(await reportOf(late, numbers(1))), [skipped])
    assert.deepStrictEqual(shorts(await reportOf(fallback, numbers(1))), [skipped])
  })

  it("count for nothing in a step that fails", async () => {
    for (const phase of phases) {
      const say = (self: Saying) => {
        self.sayStop()
        self.saySkip()
        return fail()
      }
      const report = await reportOf(new Saying({ [phase]: say }), numbers(1, 2), { mode: "collect-all" })

      assert.deepStrictEqual([shorts(report), report.endedBy._tag], [["Failed", "Failed"], "Completed"])
    }
  })

  it("count for nothing in an attempt that fails, or that is too late", async () => {
    const failing = new Saying(
      { request: (self, _n, attempt) => attempt === 1 && (self.saySkip(), fail()) },
      { maxRetries: 2 }
    )
    const slow = new Saying(
      { request: (self, _n, attempt) => (attempt === 1 ? pause(20).then(() => self.sayStop()) : pause(5)) },
      { maxRetries: 2, timeoutMs: 10 }
    )
    const recovered = new Saying({ request: (self) => (self.sayStop(), fail()), fallback: () => "recovered" })
    for (const saying of [failing, slow, recovered]) {
      saying.connectTo(new Saying({ request: () => pause(100) }))
      const report = await reportOf(saying, numbers(1, 2))

      assert.deepStrictEqual([shorts(report), report.endedBy._tag], [["Succeeded", "Succeeded"], "Completed"])
    }
  })

  it("count for nothing once the item has ended", async () => {
    const said: Array<string> = []
    const saying = new Saying({
      results: (self) => {
        void pause(5).then(() => said.push(self.saySkip(), self.sayStop()))
        return "default"
      }
    })
    const report = await reportOf(saying, numbers(0, 10, 20))

    assert.deepStrictEqual(
      [shorts(report), report.endedBy._tag],
      [["Succeeded", "Succeeded", "Succeeded"], "Completed"]
    )
    assert.strictEqual(said.length, 6)
  })

  it("count in the step that runs by then, where the item goes on", async () => {
    const saying = new Saying({
      results: (self) => {
        void pause(5).then(() => self.saySkip())
        return "default"
      }
    })
    const last = new Saying({}, { name: "last" })
    saying.connectTo(new Saying({ request: () => pause(20) }, { name: "slow" })).connectTo(last)

    assert.deepStrictEqual(shorts(await reportOf(saying, numbers(1))), ["Skipped by slow: unchanged"])
    assert.deepStrictEqual(last.calls, [])
  })

  it("count as the last of them says", async () => {
    const both = new Saying({ request: (self) => self.saySkip(), results: (self) => self.sayStop() })
    const report = await reportOf(both, numbers(1, 2))

    assert.deepStrictEqual([shorts(report), report.endedBy], [["Succeeded", "NotStarted"], stopped])
  })

  it("end a run within a request, and not the item that asked for it", async () => {
    const inner = new Saying({ results: (self) => (self.saySkip(), "on") })
    const actions: Array<string> = []
    const outer = new Saying({
      request: async () => void actions.push(await inner.run({})),
      results: (_self, n) => (n === 1 ? "on" : "default")
    })
    // The word of the run within is forgotten with the step.
    outer.connectTo(new Saying({ results: () => "skip" }), "on")

    assert.deepStrictEqual(shorts(await reportOf(outer, numbers(1, 2))), ["Succeeded", "Succeeded"])
    assert.deepStrictEqual(actions, ["skip", "skip"])
  })

  it("are the lifecycle's to answer, where that is overridden", async () => {
    class Deaf extends Saying {
      protected override async executeLifecycle(shared: SharedData): Promise<string> {
        await super.executeLifecycle(shared)
        return "on"
      }
    }
    class Own extends Saying {
      protected override async executeLifecycle(shared: SharedData): Promise<string> {
        const action = await super.executeLifecycle(shared)
        this.saySkip()
        return action
      }
    }
    const deaf = new Deaf({ results: (self) => self.saySkip() })

    assert.deepStrictEqual(shorts(await reportOf(deaf, numbers(1))), ["Succeeded"])
    assert.deepStrictEqual(shorts(await reportOf(new Own({}), numbers(1))), ["Skipped by Own: unchanged"])
  })
})
