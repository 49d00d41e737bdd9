import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { Duration } from "effect"
import {
  type BatchOptions,
  BatchPipeline,
  Handler,
  type HandlerParams,
  type ParallelBatchOptions,
  ParallelBatchPipeline,
  Pipeline,
  type Report,
  type SharedData
} from "parallel-batch-pipeline"
import { type Batch, InvalidOptions } from "parallel-batch-pipeline/effect"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Item {
  readonly n: number
  /** How long the request takes. */
  readonly ms?: number
}

/** Item n takes its time and answers n; one whose n is negative fails. */
class Work extends Handler<Item & HandlerParams, number> {
  readonly calls: Array<number> = []

  protected async handleRequest({ ms = 0, n }: Item): Promise<number> {
    this.calls.push(n)
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    if (n < 0) throw new Error(`no ${n}`)
    return n
  }
}

const items = (count: number, ms = 0) => Array.from({ length: count }, (_, n) => ({ n, ms }))
const tags = (report: Report) => report.outcomes.map((outcome) => outcome._tag)
const batchOf = (work: Work, params: Iterable<HandlerParams>, options: ParallelBatchOptions = {}) =>
  new ParallelBatchPipeline(new Pipeline(work), { params: () => params, ...options })

/** Lets so much time pass, and answers what the promise has come to. */
const after = async <A>(ms: number, promise: Promise<A>): Promise<A> => {
  promise.catch(() => {})
  await vi.advanceTimersByTimeAsync(ms)
  return promise
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail("resolved"),
    (thrown: unknown) => thrown
  )

describe("canary", () => {
  it("runs the first items alone, and then the others", async () => {
    const work = new Work()
    const running = batchOf(work, items(5, 100), { canary: { items: 2 } }).runReport({})
    await vi.advanceTimersByTimeAsync(50)
    const alone = [...work.calls]
    const report = await after(200, running)

    assert.deepStrictEqual(
      [alone, work.calls.toSorted()],
      [
        [0, 1],
        [0, 1, 2, 3, 4]
      ]
    )
    assert.deepStrictEqual([report.succeeded, report.endedBy._tag], [5, "Completed"])
  })

  it("ends the batch without a failure where one of them fails", async () => {
    const batch = batchOf(new Work(), [{ n: -1 }, { n: 1 }, { n: 2 }], { mode: "collect-all", canary: { items: 2 } })
    const report = await after(10, batch.runReport({}))

    assert.deepStrictEqual(tags(report), ["Failed", "Succeeded", "NotStarted"])
    assert.deepStrictEqual(report.endedBy, { _tag: "Canary", items: 2 })
    assert.strictEqual(await after(10, batch.run({})), "default")
  })

  it.each([
    ["true", true, 3],
    ["false", false, 1],
    ["a promise of true", Promise.resolve(true), 3],
    ["a promise of false", Promise.resolve(false), 1]
  ] as const)("asks a check that answers %s, with the report so far", async (_, answer, succeeded) => {
    for (const Batch of [BatchPipeline, ParallelBatchPipeline]) {
      const seen: Array<unknown> = []
      const shared: SharedData = { some: "data" }
      const check = (report: Report) => {
        seen.push(report.succeeded, report.total, report.endedBy._tag, report.shared === shared)
        return answer
      }
      const options = { params: () => items(3), canary: { items: 1, check } }
      const report = await after(10, new Batch(new Pipeline(new Work()), options).runReport(shared))

      assert.deepStrictEqual([seen, report.succeeded], [[1, 1, "Running", true], succeeded])
    }
  })

  it("waits for what the check promises, and a signal ends the wait", async () => {
    const gate = Promise.withResolvers<boolean>()
    const controller = new AbortController()
    const work = new Work()
    const batch = batchOf(work, items(3), { canary: { items: 1, check: () => gate.promise } })
    const patient = batch.runReport({})
    const impatient = batch.runReport({}, { signal: controller.signal })
    await vi.advanceTimersByTimeAsync(1000)
    controller.abort()
    const aborted = await after(0, impatient)
    gate.resolve(true)

    assert.deepStrictEqual([tags(aborted), work.calls.length], [["Succeeded", "NotStarted", "NotStarted"], 2])
    assert.deepStrictEqual(tags(await after(10, patient)), ["Succeeded", "Succeeded", "Succeeded"])
  })

  const bug = new Error("check")
  const broken: ReadonlyArray<readonly [string, () => boolean | Promise<boolean>]> = [
    [
      "throws",
      () => {
        throw bug
      }
    ],
    ["rejects", () => Promise.reject(bug)]
  ]

  it.each(broken)("rejects with what a check %s, and reports what had finished", async (_, check) => {
    const batch = batchOf(new Work(), items(3), { canary: { items: 1, check } })
    const report = await after(10, batch.runReport({}))

    assert.strictEqual(await after(10, rejection(batch.run({}))), bug)
    assert.deepStrictEqual([tags(report), report.endedBy._tag], [["Succeeded", "NotStarted", "NotStarted"], "Canary"])
  })

  it.each([undefined, "yes", Promise.resolve("yes")])("takes %s for no answer", async (answer) => {
    const batch = batchOf(new Work(), items(3), { canary: { items: 1, check: () => answer as never } })
    const thrown = await after(10, rejection(batch.run({})))

    assert.match(String(thrown), /"canary.check" to be a function that answers a boolean/)
  })
})

describe("onProgress", () => {
  const sum = (progress: Batch.Progress) =>
    progress.succeeded + progress.failed + progress.skipped + progress.interrupted + progress.notStarted

  const ways: ReadonlyArray<readonly [string, BatchOptions]> = [
    ["completes", {}],
    ["runs out of time", { timeoutMs: 450 }],
    ["drains", { timeoutMs: 450, drainMs: 100 }],
    ["spends its budget", { budget: { calls: 3 } }],
    ["shares outcomes", { duplicates: "share", key: ({ n }) => String(Number(n) % 2) }],
    ["fails its canary", { canary: { items: 2, check: () => false } }]
  ]

  it.each(ways)("tells counts that add up, and the final ones last, where the batch %s", async (_, options) => {
    for (const Batch of [BatchPipeline, ParallelBatchPipeline]) {
      const told: Array<Batch.Progress> = []
      const onProgress = (progress: Batch.Progress) => void told.push(progress)
      const batch = new Batch(new Pipeline(new Work()), {
        params: () => items(7, 150),
        ...options,
        ...(Batch === BatchPipeline ? undefined : { concurrency: 2 }),
        onProgress
      })
      const report = await after(2000, batch.runReport({}))

      const last = told.at(-1)!
      const { attempts, endedBy, failed, interrupted, notStarted, skipped, succeeded, total } = report
      assert.deepInclude(last, { succeeded, failed, skipped, interrupted, notStarted, attempts, total, endedBy })
      assert.deepInclude(last, { running: 0, state: "ended" })
      assert.deepStrictEqual([told[0]!.state, told[0]!.elapsed], ["running", Duration.zero])
      assert.strictEqual(told.filter(({ state }) => state === "ended").length, 1)
      for (const progress of told) assert.isAtMost(sum(progress) + progress.running, 7)
      assert.strictEqual(sum(last), 7)
      assert.isAtLeast(told.length, Duration.toMillis(report.duration) / 100)
    }
  })

  it("counts every item of a lazy input that was read, each in one place", async () => {
    let read = 0
    function* lazy() {
      for (const item of items(5, 130)) {
        read++
        yield item
      }
    }
    const sums: Array<readonly [number, number]> = []
    const onProgress = (progress: Batch.Progress) => void sums.push([sum(progress) + progress.running, read])
    await after(2000, batchOf(new Work(), lazy(), { concurrency: 2, onProgress }).run({}))

    assert.isAbove(sums.length, 4)
    for (const [counted, taken] of sums) assert.strictEqual(counted, taken)
  })

  it.each([
    ["fails", { n: -1, ms: 10 }, ["Failure", 1, 0]],
    ["is aborted", { n: 1, ms: 1000 }, ["Interruption", 0, 1]]
  ] as const)("tells the end of a batch that %s", async (_, item, expected) => {
    const controller = new AbortController()
    const told: Array<Batch.Progress> = []
    const batch = batchOf(new Work(), [{ n: 0 }, item], { onProgress: (progress) => void told.push(progress) })
    const running = rejection(batch.run({}, { signal: controller.signal }))
    await vi.advanceTimersByTimeAsync(50)
    controller.abort()
    await running

    const { endedBy, failed, interrupted, state, succeeded } = told.at(-1)!
    assert.deepStrictEqual([[endedBy._tag, failed, interrupted], state, succeeded], [[...expected], "ended", 1])
  })

  it("changes nothing by what it throws, or rejects with", async () => {
    vi.spyOn(console, "log").mockImplementation(() => {})
    const throwing: ReadonlyArray<(progress: Batch.Progress) => void> = [
      () => {
        throw new Error("callback")
      },
      () => Promise.reject(new Error("callback"))
    ]
    for (const onProgress of throwing) {
      const report = await after(500, batchOf(new Work(), items(3, 150), { onProgress, concurrency: 1 }).runReport({}))

      assert.deepStrictEqual([report.succeeded, report.endedBy._tag], [3, "Completed"])
    }
  })

  it.each([
    [
      "throws",
      () => {
        throw new Error("broken bar")
      }
    ],
    ["rejects", () => Promise.reject(new Error("broken bar"))]
  ])("is called on where it %s, and that is said once in each run", async (_, fail) => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {})
    try {
      const onProgress = vi.fn(fail)
      const batch = batchOf(new Work(), items(5, 100), { concurrency: 1, onProgress })
      const said = (): number => log.mock.calls.filter((line) => line.join(" ").includes("broken bar")).length

      await after(1000, batch.run({}))
      assert.strictEqual(said(), 1)
      assert.isAbove(onProgress.mock.calls.length, 4)
      await after(1000, batch.run({}))
      assert.strictEqual(said(), 2)
    } finally {
      log.mockRestore()
    }
  })

  it("belongs to one run, at the same time and one after the other", async () => {
    const told: Array<Batch.Progress> = []
    const batch = new ParallelBatchPipeline<SharedData & { readonly count: number }>(new Pipeline(new Work()), {
      params: ({ count }) => items(count, 150),
      onProgress: (progress) => void told.push(progress)
    })
    await after(300, Promise.all([batch.run({ count: 3 }), batch.run({ count: 4 })]))
    await after(300, batch.run({ count: 5 }))

    const ends = told
      .filter(({ state }) => state === "ended")
      .map(({ attempts, succeeded, total }) => [attempts, succeeded, total])
    assert.deepStrictEqual(ends, [
      [3, 3, 3],
      [4, 4, 4],
      [5, 5, 5]
    ])
    assert.deepStrictEqual(new Set(told.map(({ total }) => total)), new Set([3, 4, 5]))
    assert.isTrue(told.every(({ elapsed }) => Duration.toMillis(elapsed) < 250))
  })

  it("has nothing to tell where the params could not be prepared", async () => {
    const onProgress = vi.fn()
    const batch = new ParallelBatchPipeline(new Pipeline(new Work()), { onProgress })
    await rejection(batch.run({}))

    assert.strictEqual(onProgress.mock.calls.length, 0)
  })
})

describe("functions among the options", () => {
  it("find the run of their batch", async () => {
    const seen: Array<unknown> = []
    class Looking extends ParallelBatchPipeline {
      constructor(work: Work) {
        const look = (name: string) => seen.push([name, this.getReport().succeeded, this.getParams()["n"]])
        super(new Pipeline(work), {
          params: () => items(2, 10),
          concurrency: 1,
          canary: { items: 1, check: () => look("check") > 0 },
          cost: ({ index }) => look(`cost ${index}`),
          onProgress: () => void look("progress")
        })
      }
    }
    await after(100, new Looking(new Work()).run({}))

    assert.deepStrictEqual(seen, [
      ["progress", 0, undefined],
      ["cost 0", 0, 0],
      ["check", 1, undefined],
      ["cost 1", 1, 1],
      ["progress", 2, undefined]
    ])
  })
})

describe("options that make no sense", () => {
  const nonsense: ReadonlyArray<readonly [string, BatchOptions]> = [
    ["budget", { budget: {} }],
    ["budget.calls", { budget: { calls: 0 } }],
    ["budget.calls", { budget: { calls: 1.5 } }],
    ["budget.cost", { budget: { cost: 0 }, cost: () => 1 }],
    ["budget.cost", { budget: { cost: Number.NaN }, cost: () => 1 }],
    ["cost", { budget: { cost: 1 } }],
    ["cost", { cost: 1 as never }],
    ["budget.durationMs", { budget: { durationMs: 0 } }],
    ["budget.durationMs", { budget: { durationMs: Number.NaN } }],
    ["timeoutMs", { timeoutMs: -1 }],
    ["drainMs", { drainMs: 0 }],
    ["drainMs", { drainMs: "soon" as never }],
    ["duplicates", { duplicates: "skip" as never }],
    ["canary.items", { canary: { items: 0 } }],
    ["canary", { canary: {} as never }],
    ["canary.check", { canary: { items: 1, check: true as never } }],
    ["onProgress", { onProgress: "loud" as never }]
  ]

  it.each(nonsense)("of %s are refused when the batch is made: %o", (option, options) => {
    for (const Batch of [BatchPipeline, ParallelBatchPipeline]) {
      try {
        void new Batch(new Pipeline(new Work()), options)
        assert.fail("made")
      } catch (thrown) {
        assert.isTrue(thrown instanceof InvalidOptions && thrown.option === option, String(thrown))
      }
    }
  })
})
