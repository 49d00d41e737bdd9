/** Batches of the classes that go on from a report, live and as it stands in a file. */
import { assert, describe, it, vi } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { AsyncLocalStorage } from "node:async_hooks"
import {
  type BatchOptions,
  BatchPipeline,
  type BatchRunOptions,
  Gate,
  Handler,
  type HandlerParams,
  IncompleteReport,
  InvalidOptions,
  type ParallelBatchOptions,
  ParallelBatchPipeline,
  Pipeline,
  PipelineChanged,
  type Progress,
  type Report as BatchReport
} from "parallel-batch-pipeline"
import { Report } from "parallel-batch-pipeline/effect"

type Page = { readonly id: number; readonly rev?: number }
type Site = { ids: Array<number> }

/** Pages of which some are down; a negative one takes until it is aborted. */
class Fetch extends Handler<Page, string, Site> {
  readonly down: Set<number>
  asked: Array<number> = []

  constructor(...down: ReadonlyArray<number>) {
    super()
    this.down = new Set(down)
  }

  protected async handleRequest({ id }: Page): Promise<string> {
    this.asked.push(id)
    if (id < 0) return new Promise(() => {})
    if (this.down.has(id)) throw new Error(`page ${id} is down`)
    return `page ${id}`
  }

  protected override processResults(shared: Site, { id }: Page): string {
    shared.ids.push(id)
    return "fetched"
  }
}

class Pages extends ParallelBatchPipeline<Site> {}

const pages = (...ids: ReadonlyArray<number>): Array<HandlerParams> => ids.map((id) => ({ id }))
const key = ({ id }: HandlerParams) => `page ${String(id)}`
const batchOf = (fetch: Fetch, params: Iterable<HandlerParams>, options: ParallelBatchOptions<Site> = {}) =>
  new Pages(new Pipeline(fetch), { params: () => params, mode: "collect-all", key, ...options })

const fresh = (): Site => ({ ids: [] })
const saved = (report: BatchReport) => Effect.runPromise(Report.fromJson(Report.toJson(report)))
const tags = (report: BatchReport) =>
  report.outcomes.map((outcome) => (outcome._tag === "Succeeded" && outcome.reused ? "Reused" : outcome._tag))
const keys = (report: BatchReport) => report.outcomes.map((outcome) => outcome.key)
const tick = () => new Promise<void>((resolve) => setImmediate(resolve))
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail("resolved"),
    (thrown: unknown) => thrown
  )

/** A first run over pages 1 to 3, of which the second failed, and the handler with nothing asked. */
const first = async (options: ParallelBatchOptions<Site> = {}) => {
  const fetch = new Fetch(2)
  const report = await batchOf(fetch, pages(1, 2, 3), options).runReport(fresh())
  fetch.asked = []
  fetch.down.clear()
  return { fetch, report }
}

describe("redrive of a batch", () => {
  it.each([
    ["live", async (report: BatchReport) => report],
    ["read back", saved]
  ])("runs what has not succeeded, and what is new, from a report that is %s", async (_, read) => {
    const { fetch, report } = await first()
    const redrive = await read(report)
    const shared = fresh()

    const again = await batchOf(fetch, pages(4, 3, 2)).runReport(shared, { redrive })

    assert.deepStrictEqual(fetch.asked, [4, 2])
    assert.deepStrictEqual(tags(again), ["Succeeded", "Reused", "Succeeded"])
    assert.deepStrictEqual(keys(again), ["page 4", "page 3", "page 2"])
    assert.deepStrictEqual([again.total, again.succeeded, again.reused, again.exhausted], [3, 3, 1, true])
    assert.deepStrictEqual(again.endedBy, { _tag: "Completed" })
    assert.deepStrictEqual(
      again.outcomes.map((outcome) => outcome._tag === "Succeeded" && outcome.output),
      ["page 4", "page 3", "page 2"]
    )
    assert.strictEqual(again.shared, shared)
    assert.deepStrictEqual(shared.ids, [4, 2])
  })

  it("is itself redriven from its file, until there is nothing left to run", async () => {
    const fetch = new Fetch(2, 3)
    const batch = batchOf(fetch, pages(1, 2, 3))
    let report = await batch.runReport(fresh())
    fetch.down.delete(2)
    report = await batch.runReport(fresh(), { redrive: await saved(report) })
    assert.deepStrictEqual(tags(report), ["Reused", "Succeeded", "Failed"])
    fetch.down.clear()
    report = await batch.runReport(fresh(), { redrive: await saved(report) })
    assert.deepStrictEqual(tags(report), ["Reused", "Reused", "Succeeded"])
    fetch.asked = []
    report = await batch.runReport(fresh(), { redrive: await saved(report) })

    assert.deepStrictEqual([tags(report), fetch.asked], [["Reused", "Reused", "Reused"], []])
    assert.deepStrictEqual([report.attempts, report.cost, report.endedBy._tag], [0, 0, "Completed"])
  })

  it("tells onOutcome what ran, and not what was taken over", async () => {
    const { fetch, report } = await first()
    const told: Array<unknown> = []
    const options: ParallelBatchOptions<Site> = { onOutcome: ({ _tag, key }) => told.push([key, _tag]) }

    await batchOf(fetch, pages(1, 2, 3, 4), options).run(fresh(), { redrive: report })

    assert.sameDeepMembers(told, [
      ["page 2", "Succeeded"],
      ["page 4", "Succeeded"]
    ])
  })

  it("answers its action from run, one item after the other as well", async () => {
    const { fetch, report } = await first()
    const batch = new (class Pages extends BatchPipeline<Site> {
      protected override processBatchResults(shared: Site, inputs: Array<HandlerParams>): string {
        return `${shared.ids.length} of ${inputs.length}`
      }
    })(new Pipeline(fetch), { params: () => pages(1, 2, 3), key })

    assert.strictEqual(await batch.run(fresh(), { redrive: report }), "1 of 3")
    assert.deepStrictEqual(fetch.asked, [2])
  })

  it("reads lazy and async params to their end first, in the context of the batch", async () => {
    const { fetch, report } = await first()
    class Lazy extends Pages {
      protected override prepareBatchParams(): Array<HandlerParams> {
        const read = (id: number) => ({ id: (this.getCurrentSharedData().ids, id) })
        return (function* () {
          for (const id of [1, 2, 3, 4]) yield fetch.asked.length === 0 ? read(id) : assert.fail("read too late")
        })() as never
      }
    }
    const lazy = await new (class Pages extends Lazy {})(new Pipeline(fetch), { key }).runReport(fresh(), {
      redrive: report
    })
    const stream = async function* () {
      yield* pages(1, 2)
      await tick()
      yield* pages(5)
    }
    const async = await batchOf(fetch, stream() as never).runReport(fresh(), { redrive: lazy })

    assert.deepStrictEqual(tags(lazy), ["Reused", "Succeeded", "Reused", "Succeeded"])
    assert.deepStrictEqual(tags(async), ["Reused", "Reused", "Succeeded"])
    assert.deepStrictEqual([lazy.exhausted, async.exhausted], [true, true])
  })

  it("runs its items where the batch was begun, however long its params were read", async () => {
    const { fetch, report } = await first()
    const where = new AsyncLocalStorage<string>()
    const found: Array<string | undefined> = []
    class Look extends Fetch {
      protected override async handleRequest(page: Page): Promise<string> {
        found.push(where.getStore())
        return super.handleRequest(page)
      }
    }
    let go = (): void => {}
    const slow: AsyncIterable<HandlerParams> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise((resolve) => (go = () => resolve({ done: true, value: undefined })))
      })
    }
    const lazy = async function* () {
      yield* pages(2, 4)
      yield* slow
    }
    const running = where.run("begun", () => batchOf(new Look(), lazy() as never).run(fresh(), { redrive: report }))
    await tick()
    where.run("elsewhere", () => go())
    await running

    assert.deepStrictEqual([found, fetch.asked], [["begun", "begun"], []])
  })

  it("matches items with one key by their params, and takes each outcome once", async () => {
    const params = [{ id: 1, rev: 1 }, { id: 1, rev: 2 }, { id: 3 }, { id: 3 }]
    const fetch = new Fetch(3)
    const report = await batchOf(fetch, params).runReport(fresh())
    fetch.asked = []
    fetch.down.clear()

    const now = [{ id: 1, rev: 2 }, { id: 1, rev: 3 }, { id: 1, rev: 2 }, { id: 3 }]
    const again = await batchOf(fetch, now).runReport(fresh(), { redrive: await saved(report) })

    assert.deepStrictEqual(tags(again), ["Reused", "Succeeded", "Succeeded", "Succeeded"])
    assert.deepStrictEqual(fetch.asked, [1, 1, 3])
  })

  it("takes over what items with one key had shared, and shares again", async () => {
    const fetch = new Fetch(2)
    const batch = batchOf(fetch, pages(1, 2, 1, 2), { duplicates: "share" })
    const report = await batch.runReport(fresh())
    fetch.asked = []
    fetch.down.clear()

    const again = await batch.runReport(fresh(), { redrive: await saved(report) })

    assert.deepStrictEqual([fetch.asked, again.succeeded, again.reused], [[2], 4, 2])
  })

  it("runs successes again that rerun names, such as those of a fallback", async () => {
    class Careful extends Fetch {
      protected override handleError({ id }: Page): string {
        return `old page ${id}`
      }
    }
    const fetch = new Careful(2)
    const batch = batchOf(fetch, pages(1, 2, 3))
    const report = await batch.runReport(fresh())
    fetch.asked = []
    fetch.down.clear()
    const rerun: BatchRunOptions["rerun"] = ({ output, params }) =>
      typeof params["id"] === "number" && String(output).startsWith("old")

    assert.deepStrictEqual([report.succeeded, report.failed], [3, 0])
    const again = await batch.runReport(fresh(), { redrive: await saved(report), rerun })
    assert.deepStrictEqual([tags(again), fetch.asked], [["Reused", "Succeeded", "Reused"], [2]])

    const boom = new Error("boom")
    const thrown = batch.runReport(fresh(), {
      redrive: report,
      rerun: () => {
        throw boom
      }
    })
    assert.strictEqual(await rejection(thrown), boom)
  })

  it("keeps all outcomes where it ends early, and can be gone on from", async () => {
    const ids = [1, 2, 3, 4, 5]
    const fetch = new Fetch(2, 4)
    const report = await batchOf(fetch, pages(...ids)).runReport(fresh())
    fetch.asked = []

    const failed = await batchOf(fetch, pages(...ids), { mode: "fail-fast", concurrency: 1 }).runReport(fresh(), {
      redrive: report
    })
    assert.deepStrictEqual(tags(failed), ["Reused", "Failed", "Reused", "NotStarted", "Reused"])
    assert.strictEqual(failed.endedBy._tag, "Failure")

    fetch.down.clear()
    class Stopping extends Fetch {
      protected override processResults(): string {
        return this.stopBatch("enough")
      }
    }
    const stopped = await batchOf(new Stopping(), pages(...ids), { concurrency: 1 }).runReport(fresh(), {
      redrive: await saved(failed)
    })
    assert.deepStrictEqual(tags(stopped), ["Reused", "Succeeded", "Reused", "NotStarted", "Reused"])

    const last = await batchOf(fetch, pages(...ids)).runReport(fresh(), { redrive: await saved(stopped) })
    assert.deepStrictEqual([last.succeeded, last.reused, fetch.asked], [5, 4, [2, 4]])
  })

  it("rejects with what an item threw, and so does not hide it", async () => {
    const { fetch, report } = await first()
    fetch.down.add(2)
    const thrown = await rejection(
      batchOf(fetch, pages(1, 2, 3), { mode: "fail-fast" }).run(fresh(), { redrive: report })
    )
    assert.strictEqual((thrown as Error).message, "page 2 is down")
  })

  it("neither asks the gate nor spends the budget for what is taken over", async () => {
    const { fetch, report } = await first()
    const again = await batchOf(fetch, pages(1, 2, 3), {
      gate: Gate.make({ rate: { limit: 1, window: "1 hour" } }),
      budget: { calls: 1, cost: 10 },
      cost: () => 5
    }).runReport(fresh(), { redrive: report })

    assert.deepStrictEqual([again.succeeded, again.cost, again.endedBy._tag], [3, 5, "Completed"])
  })

  it("counts what is taken over in progress and in getReport", async () => {
    vi.useFakeTimers()
    try {
      const { fetch, report } = await first()
      const seen: Array<Progress> = []
      const during: Array<ReadonlyArray<number>> = []
      class Slow extends Fetch {
        protected override async handleRequest(page: Page): Promise<string> {
          await new Promise((resolve) => setTimeout(resolve, 250))
          const { reused, total } = batch.look()
          during.push([reused, total])
          return super.handleRequest(page)
        }
      }
      class Pages extends ParallelBatchPipeline<Site> {
        look(): BatchReport {
          return this.getReport()
        }
      }
      const batch = new Pages(new Pipeline(new Slow()), {
        params: () => pages(1, 2, 4, 3),
        concurrency: 1,
        key,
        onProgress: (progress) => void seen.push(progress)
      })
      const running = batch.runReport(fresh(), { redrive: report })
      await vi.advanceTimersByTimeAsync(1000)
      const again = await running

      assert.deepStrictEqual([again.succeeded, again.reused, fetch.asked], [4, 2, []])
      assert.deepStrictEqual(during, [
        [1, 1],
        [1, 2]
      ])
      const counted = seen.map(({ running, succeeded, total }) => [total, succeeded, running])
      assert.deepStrictEqual(counted[1], [4, 1, 1])
      assert.deepStrictEqual(counted.at(-1), [4, 4, 0])
      // The first of two that run took 250 ms, and what is taken over takes no time.
      const later = seen.find(({ succeeded }) => succeeded === 2)
      assert.approximately(Duration.toMillis(later!.eta!), 300, 100)
    } finally {
      vi.useRealTimers()
    }
  })

  it("numbers the items of a lifecycle that runs the batch twice", async () => {
    const { fetch, report } = await first()
    class Twice extends ParallelBatchPipeline<Site> {
      protected override async executeLifecycle(shared: Site): Promise<string> {
        await super.executeLifecycle(shared)
        return super.executeLifecycle(shared)
      }
      override toString(): string {
        return "Pages"
      }
    }
    const again = await new Twice(new Pipeline(fetch), { params: () => pages(1, 2), key }).runReport(fresh(), {
      redrive: report
    })

    assert.deepStrictEqual(tags(again), ["Reused", "Succeeded", "Reused", "Succeeded"])
    assert.deepStrictEqual([again.reused, again.outcomes.map(({ index }) => index)], [2, [0, 1, 2, 3]])
  })

  it("belongs to the batch that is run, not to those inside of it", async () => {
    const { fetch, report } = await first()
    const inner = batchOf(fetch, pages(1, 3))
    const outer = new Pages(new Pipeline(inner), { params: () => pages(1, 2), key })
    const again = await outer.runReport(fresh(), { redrive: report })
    assert.deepStrictEqual(
      [tags(again), fetch.asked],
      [
        ["Reused", "Succeeded"],
        [1, 3]
      ]
    )

    fetch.asked = []
    class Nest extends Handler<Page, void, Site> {
      protected async handleRequest(): Promise<void> {
        await batch.run(fresh())
        await batch.run(fresh(), { redrive: report })
      }
    }
    const nest = new Nest()
    const batch: Pages = batchOf(fetch, pages(1))
    const around = new Pages(new Pipeline(nest), { params: () => pages(7), key })
    await around.run(fresh(), { redrive: report })
    assert.deepStrictEqual(fetch.asked, [1])
  })

  it("has a run of the same batch inside of an item begin afresh", async () => {
    const { report } = await first()
    const asked: Array<number> = []
    class Deep extends Handler<Page, void, Site> {
      protected async handleRequest({ id }: Page): Promise<void> {
        asked.push(id)
        if (asked.length === 1) await batch.run(fresh())
      }
    }
    const batch = new Pages(new Pipeline(new Deep()), { params: () => pages(1, 2), key, mode: "collect-all" })
    await batch.run(fresh(), { redrive: report })
    assert.deepStrictEqual(asked, [2, 1, 2])
  })
})

describe("a redrive is refused, with nothing run", () => {
  const refused = async (
    options: (report: BatchReport) => BatchRunOptions | Promise<BatchRunOptions>,
    of: ParallelBatchOptions<Site> = {},
    first_: ParallelBatchOptions<Site> = {}
  ) => {
    const { fetch, report } = await first(first_)
    const given = await options(report)
    const batch = batchOf(fetch, pages(1, 2, 3), of)
    const [ran, reported] = [
      await rejection(batch.run(fresh(), given)),
      await rejection(batch.runReport(fresh(), given))
    ]
    assert.deepStrictEqual([fetch.asked, String(reported)], [[], String(ran)])
    return ran
  }

  it.each([
    ["none", /it keeps 0 of 3 outcomes; run the batch with outcomes: "all"/],
    ["failures", /it keeps 1 of 3 outcomes/]
  ] as const)("where the report keeps outcomes: %s", async (outcomes, message) => {
    const error = await refused((redrive) => ({ redrive }), {}, { outcomes })
    assert.instanceOf(error, IncompleteReport)
    assert.match(error.message, message)
  })

  it("where the key is another one, or shared data were kept as text", async () => {
    const error = await refused((redrive) => ({ redrive }), { key: undefined })
    assert.instanceOf(error, IncompleteReport)
    assert.match(error.message, /the key of item 0 is "page 1" in the report and "[0-9a-f]{32}" now/)

    const { fetch, report } = await first()
    const read = await saved({ ...report, shared: { ids: [], connection: new WeakSet() } })
    const text = await rejection(batchOf(fetch, pages(1)).runReport(read.shared as Site, { redrive: read }))
    assert.instanceOf(text, IncompleteReport)
    assert.include(text.message, "its shared data were kept as text in part")
  })

  it("where the report is of another batch, unless that is allowed", async () => {
    const { fetch, report } = await first()
    class Others extends ParallelBatchPipeline<Site> {}
    const batch = new Others(new Pipeline(fetch), { params: () => pages(1, 2), key })

    const error = await rejection(batch.runReport(fresh(), { redrive: report }))
    const again = await batch.runReport(fresh(), { redrive: report, allowChanges: true })

    assert.instanceOf(error, PipelineChanged)
    assert.include(error.message, 'another "Others": its name was "Pages" and is "Others"')
    assert.deepStrictEqual(tags(again), ["Reused", "Succeeded"])
  })

  it.each([
    ["a text", (report: BatchReport) => Report.toJson(report), /a report, not its text.*Report\.fromJson/],
    ["what JSON.parse makes", (report: BatchReport) => JSON.parse(Report.toJson(report)), /not JSON\.parse/],
    ["a promise", (report: BatchReport) => Promise.resolve(report), /a report: await the promise/],
    ["an effect", (report: BatchReport) => Report.fromJson(Report.toJson(report)), /await Effect\.runPromise\(/],
    ["outcomes", (report: BatchReport) => report.outcomes, /a report \(what runReport answers/],
    ["nothing", () => null, /a report \(.*, got null/]
  ])("where it is %s", async (_, make, message) => {
    const error = await refused((report) => ({ redrive: make(report) as never }))
    assert.instanceOf(error, InvalidOptions)
    assert.match(error.message, message)
    assert.match(error.message, /^Expected option "redrive" of a run of Pages to be /)
    assert.isBelow(error.message.length, 400)
  })

  it.each([
    ["rerun is no function", { rerun: 5 }, /"rerun" of a run of Pages to be a function, got 5/],
    ["allowChanges is no flag", { allowChanges: "yes" }, /"allowChanges".* true or false, got "yes"/],
    ["its name is misspelt", { redrives: 5 }, /"redrives".*did you mean "redrive"/]
  ])("where %s", async (_, options, message) => {
    const error = await refused((redrive) => ({ redrive, ...options }) as never)
    assert.instanceOf(error, InvalidOptions)
    assert.match(error.message, message)
  })

  it.each([{ rerun: () => true }, { allowChanges: true }])("where there is no report beside %o", async (options) => {
    const error = await refused(() => options)
    assert.match((error as Error).message, /of a run of Pages to be left out \(it goes with redrive\)/)
  })

  it("where handleRequest is overridden, which would run all", async () => {
    const { fetch, report } = await first()
    class Own extends ParallelBatchPipeline<Site> {
      protected override async handleRequest(sets: Array<HandlerParams>): Promise<void> {
        for (const set of sets) await this.executePipelineWithParams(set)
      }
    }
    const batch = new Own(new Pipeline(fetch), { params: () => pages(1, 2) })
    const error = await rejection(batch.runReport(fresh(), { redrive: report }))
    assert.instanceOf(error, InvalidOptions)
    assert.match(error.message, /"redrive" of a run of Own to be left out \(its handleRequest is overridden/)
    assert.deepStrictEqual(fetch.asked, [])
  })

  it("by what is no batch, and as an option of a batch", async () => {
    const { fetch, report } = await first()
    for (const handler of [fetch, new Pipeline(fetch)]) {
      const error = await rejection(handler.run(fresh(), { redrive: report } as never))
      assert.match(String(error), /"redrive" of a run of \w+ to be left out \(only a batch goes on from a report/)
    }
    const options = { redrive: report } as BatchOptions<any>
    assert.throws(
      () => new Pages(new Pipeline(fetch), options),
      /"redrive" of Pages to be left out \(give it to run or runReport, as \{ redrive \}\)/
    )
  })

  it("where it was taken while the batch was running", async () => {
    let taken: BatchReport | undefined
    const { fetch } = await first()
    await batchOf(fetch, pages(1, 2), {
      canary: { items: 1, check: (report) => ((taken = report), true) }
    }).run(fresh())
    const error = await refused(() => ({ redrive: taken! }))
    assert.match(String(error), /the batch was still running when it was taken/)
  })
})

describe("a redrive that is interrupted", () => {
  it("has what was taken over, whatever ran, and can be gone on from", async () => {
    const { fetch, report } = await first()
    const controller = new AbortController()
    const batch = batchOf(fetch, pages(1, 2, -1, 3, 4), { concurrency: 1 })
    const running = batch.runReport(fresh(), { redrive: report, signal: controller.signal })
    await tick()
    controller.abort("stop")
    const again = await running

    assert.deepStrictEqual(tags(again), ["Reused", "Succeeded", "Interrupted", "Reused", "NotStarted"])
    assert.deepStrictEqual([again.reused, again.total, again.endedBy._tag], [2, 5, "Interruption"])
    const last = await batchOf(fetch, pages(1, 2, 3, 4)).runReport(fresh(), { redrive: await saved(again) })
    assert.deepStrictEqual([last.succeeded, last.reused], [4, 3])
    const ran = batch.run(fresh(), { redrive: report, signal: AbortSignal.abort("late") })
    assert.strictEqual(await rejection(ran), "late")
  })

  it("has it also where the signal was aborted before the call", async () => {
    const { fetch, report } = await first()
    const signal = AbortSignal.abort()
    const lazy = function* () {
      yield* pages(1, 2, 5)
    }
    for (const params of [pages(1, 2, 5), lazy()]) {
      const again = await batchOf(fetch, params).runReport(fresh(), { redrive: report, signal })
      assert.deepStrictEqual(tags(again), ["Reused", "NotStarted", "NotStarted"])
      assert.deepStrictEqual([again.total, again.exhausted, again.endedBy._tag], [3, true, "Interruption"])
    }
    assert.deepStrictEqual(fetch.asked, [])
  })

  it.each([true, false])(
    "keeps the items of the report where params are not read to their end (late: %s)",
    async (late) => {
      const { fetch, report } = await first()
      let closed = 0
      const controller = new AbortController()
      const stuck = async function* () {
        try {
          yield* pages(3)
          await tick()
          controller.abort()
          yield* pages(4)
        } finally {
          closed++
        }
      }
      if (late) controller.abort()
      const again = await batchOf(fetch, stuck() as never).runReport(fresh(), {
        redrive: report,
        signal: controller.signal
      })
      await tick()
      await tick()

      assert.deepStrictEqual(tags(again), ["Reused", "NotStarted", "Reused"])
      assert.deepStrictEqual([again.total, again.exhausted, again.endedBy._tag], [3, false, "Interruption"])
      assert.deepStrictEqual([fetch.asked, closed], [[], late ? 0 : 1])
      const last = await batchOf(fetch, pages(1, 2, 3)).runReport(fresh(), { redrive: await saved(again) })
      assert.deepStrictEqual([last.succeeded, last.reused], [3, 2])
    }
  )

  it("keeps them where the params throw", async () => {
    const { fetch, report } = await first()
    const broken = () =>
      (function* () {
        yield* pages(3)
        throw new Error("unreadable")
      })()
    const again = await batchOf(fetch, broken()).runReport(fresh(), { redrive: report })

    assert.deepStrictEqual(tags(again), ["Reused", "NotStarted", "Reused"])
    assert.deepStrictEqual(
      [again.exhausted, again.endedBy],
      [false, { _tag: "InputFailure", reason: "Error: unreadable" }]
    )
    const thrown = await rejection(batchOf(fetch, broken()).run(fresh(), { redrive: report }))
    assert.strictEqual((thrown as Error).message, "unreadable")
  })

  it("rejects where its params cannot be prepared, so that no report takes the place of the old one", async () => {
    const { fetch, report } = await first()
    const thrown = new Error("no list")
    const batch = new Pages(new Pipeline(fetch), {
      params: () => {
        throw thrown
      }
    })
    for (const signal of [undefined, AbortSignal.abort()]) {
      assert.strictEqual(await rejection(batch.runReport(fresh(), { redrive: report, signal })), thrown)
    }
  })
})
