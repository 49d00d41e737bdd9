import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import {
  BatchPipeline,
  Handler,
  InvalidOptions,
  type BatchOutcome,
  type HandlerParams,
  type ParallelBatchOptions,
  ParallelBatchPipeline,
  Pipeline,
  type SharedData
} from "parallel-batch-pipeline"
import { Report } from "parallel-batch-pipeline/effect"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Item {
  readonly n: number
  /** How many milliseconds it takes. */
  readonly ms?: number
  readonly does?: "fail" | "stop"
}

class Work extends Handler<Item, number> {
  readonly begun: Array<number> = []

  protected async handleRequest({ does, ms = 0, n }: Item): Promise<number> {
    this.begun.push(n)
    if (ms > 0) await pause(ms)
    if (does === "fail") throw failure
    return n
  }
  protected override processResults(_shared: SharedData, { does }: Item): string {
    return does === "stop" ? this.stopBatch("enough") : "done"
  }
}

const failure = new Error("no")
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const never = new Promise<never>(() => {})
const short = ({ _tag, index }: BatchOutcome) => `${index} ${_tag}`

/** Notes what it is told, also when that was. */
class Journal {
  readonly lines: Array<string> = []
  readonly times: Array<number> = []
  readonly tell = (outcome: BatchOutcome): void => {
    this.lines.push(short(outcome))
    this.times.push(Date.now() - this.#start)
  }
  readonly #start = Date.now()
}

type Options = Omit<ParallelBatchOptions, "params">
const batchOf = (items: ReadonlyArray<Item>, options: Options, work: Handler<any, any> | Pipeline = new Work()) =>
  new ParallelBatchPipeline(new Pipeline(work), { params: () => items, ...options })

/** Lets so much time pass, and answers what the promise has come to. */
const after = async <A>(ms: number, promise: Promise<A>): Promise<A> => {
  promise.catch(() => {})
  await vi.advanceTimersByTimeAsync(ms)
  return promise
}
const thrownAfter = (ms: number, promise: Promise<unknown>) => after(ms, promise).catch((thrown: unknown) => thrown)

describe("onOutcome", () => {
  it("is told each outcome once, when its item has ended, in that order", async () => {
    const journal = new Journal()
    const items = [
      { n: 0, ms: 30 },
      { n: 1, ms: 10, does: "fail" as const },
      { n: 2, ms: 20 }
    ]
    const report = await after(100, batchOf(items, { mode: "collect-all", onOutcome: journal.tell }).runReport({}))

    assert.deepStrictEqual(journal.lines, ["1 Failed", "2 Succeeded", "0 Succeeded"])
    assert.deepStrictEqual(journal.times, [10, 20, 30])
    assert.deepStrictEqual(report.outcomes.map(short), ["0 Succeeded", "1 Failed", "2 Succeeded"])
  })

  it("is given what the report has, also where that keeps nothing", async () => {
    const told: Array<BatchOutcome> = []
    const onOutcome = (outcome: BatchOutcome) => void told.push(outcome)
    const batch = batchOf([{ n: 7 }], { outcomes: "none", key: ({ n }) => `item ${n}`, onOutcome })
    const report = await after(10, batch.runReport({}))

    assert.deepStrictEqual(report.outcomes, [])
    assert.deepInclude(told[0], { _tag: "Succeeded", index: 0, params: { n: 7 }, action: "done", output: 7 })
    assert.deepStrictEqual([told.length, told[0]!.key], [1, "item 7"])
  })

  it("that answers a promise keeps the place of its item until that has settled", async () => {
    const work = new Work()
    const onOutcome = () => pause(50)
    const items = [0, 1, 2, 3].map((n) => ({ n, ms: 10 }))
    const running = batchOf(items, { concurrency: 2, onOutcome }, work).runReport({})
    let settled = false
    void running.then(() => (settled = true))

    await vi.advanceTimersByTimeAsync(59)
    assert.deepStrictEqual(work.begun, [0, 1])
    await vi.advanceTimersByTimeAsync(2)
    assert.deepStrictEqual(work.begun, [0, 1, 2, 3])
    await vi.advanceTimersByTimeAsync(50)
    assert.isFalse(settled)
    assert.strictEqual((await after(50, running)).succeeded, 4)
  })

  it("is told what a failure interrupts, and what never starts", async () => {
    const journal = new Journal()
    const items = [{ n: 0, ms: 50 }, { n: 1, ms: 10, does: "fail" as const }, { n: 2 }]
    const thrown = await thrownAfter(100, batchOf(items, { concurrency: 2, onOutcome: journal.tell }).run({}))

    assert.strictEqual(thrown, failure)
    assert.deepStrictEqual(journal.lines, ["1 Failed", "0 Interrupted", "2 NotStarted"])
  })

  it("comes before the check of a canary, and beside onProgress", async () => {
    const events: Array<string> = []
    const batch = batchOf([{ n: 0 }, { n: 1 }], {
      canary: {
        items: 1,
        check: () => {
          events.push("check")
          return true
        }
      },
      onOutcome: async ({ index }) => {
        await pause(10)
        events.push(`told ${index}`)
      },
      onProgress: ({ state, succeeded }) => {
        if (state === "ended") events.push(`ended with ${succeeded}`)
      }
    })
    await after(100, batch.run({}))

    assert.deepStrictEqual(events, ["told 0", "check", "told 1", "ended with 2"])
  })

  it("is called within the batch, and not within the item", async () => {
    const seen: Array<unknown> = []
    class Reading extends BatchPipeline {
      constructor() {
        super(new Pipeline(new Work()), {
          params: () => [{ n: 1 }, { n: 2, does: "fail" }, { n: 3 }],
          onOutcome: () => void seen.push([this.getParams(), this.getReport().total > 0])
        })
      }
    }
    await thrownAfter(10, new Reading().run({}))

    assert.deepStrictEqual(seen, [
      [{}, true],
      [{}, true],
      [{}, true]
    ])
  })

  it("has to be a function", () => {
    assert.throws(() => batchOf([], { onOutcome: "log" as never }), InvalidOptions, /"onOutcome" to be a function/)
  })
})

describe("an onOutcome that fails", () => {
  const full = new Error("the disk is full")
  const failing = (lines: Array<string>, at: number, late: boolean) => (outcome: BatchOutcome) => {
    lines.push(short(outcome))
    if (lines.length !== at) return
    if (late) return pause(5).then(() => Promise.reject(full))
    throw full
  }

  it.each([
    ["throws", false],
    ["rejects", true]
  ])("because it %s ends the batch, and is told no more", async (_, late) => {
    const items = [{ n: 0, ms: 10 }, { n: 1, ms: 50 }, { n: 2, ms: 10 }, { n: 3 }]
    const lines: Array<string> = []
    const work = new Work()
    const batch = batchOf(items, { concurrency: 2, mode: "collect-all", onOutcome: failing(lines, 1, late) }, work)

    assert.strictEqual(await thrownAfter(100, batch.run({})), full)
    assert.deepStrictEqual([lines, work.begun], [["0 Succeeded"], [0, 1]])

    lines.length = 0
    const report = await after(100, batch.runReport({}))
    assert.deepStrictEqual(report.outcomes.map(short), ["0 Succeeded", "1 Interrupted", "2 NotStarted", "3 NotStarted"])
    assert.deepStrictEqual(report.endedBy, { _tag: "OutcomeFailure", reason: "Error: the disk is full" })
    assert.include(Report.format(report), "The batch ended because onOutcome failed: Error: the disk is full")
    assert.deepStrictEqual(await roundTrip(report), report.endedBy)
  })

  it.each([false, true])("is what run rejects with, whatever else has ended the batch (late: %s)", async (late) => {
    const kinds: ReadonlyArray<[Item, Options]> = [
      [{ n: 0, does: "fail" }, {}],
      [{ n: 0, does: "stop" }, { drainMs: 20 }],
      [{ n: 0, does: "stop" }, {}],
      [{ n: 0, ms: 500 }, { timeoutMs: 20 }],
      [{ n: 0 }, { budget: { calls: 1 } }]
    ]
    for (const [item, options] of kinds) {
      const lines: Array<string> = []
      const batch = batchOf([item, { n: 1, ms: 200 }], {
        concurrency: 2,
        onOutcome: failing(lines, 1, late),
        ...options
      })

      assert.strictEqual(await thrownAfter(300, batch.run({})), full)
      // Where it is late, another one may have ended meanwhile.
      assert.isAtMost(lines.length, late ? 2 : 1)
    }
  })

  it("hides no failure of the input", async () => {
    const broken = new Error("row 2 is broken")
    const params = function* () {
      yield { n: 0 }
      throw broken
    }
    const batch = new BatchPipeline(new Pipeline(new Work()), { params, onOutcome: () => pause(10).then(() => fail()) })
    const fail = () => Promise.reject(full)

    assert.strictEqual(await thrownAfter(100, batch.run({})), full)
    const eager = new ParallelBatchPipeline(new Pipeline(new Work()), { params, onOutcome: fail })
    assert.strictEqual(await thrownAfter(100, eager.run({})), broken)
    assert.strictEqual((await after(100, eager.runReport({}))).endedBy._tag, "InputFailure")
  })

  it("fails the item of the batch around it", async () => {
    const inner = batchOf([{ n: 0 }], { onOutcome: () => Promise.reject(full) })
    const journal = new Journal()
    const outer = batchOf([{ n: 0 }, { n: 1 }], { mode: "collect-all", onOutcome: journal.tell }, new Pipeline(inner))
    const report = await after(10, outer.runReport({}))

    assert.deepStrictEqual([report.failed, journal.lines], [2, ["0 Failed", "1 Failed"]])
  })
})

describe("a run that is aborted", () => {
  it("rejects with the reason, once everything was told, once", async () => {
    const journal = new Journal()
    const onOutcome = async (outcome: BatchOutcome) => {
      await pause(20)
      journal.tell(outcome)
    }
    const items = [{ n: 0 }, { n: 1, ms: 100 }, { n: 2 }]
    for (const make of [
      (batch: ParallelBatchPipeline) => batch,
      (batch: ParallelBatchPipeline) => new Pipeline(batch),
      (batch: ParallelBatchPipeline) => batchOf([{ n: 0 }], {}, new Pipeline(batch))
    ]) {
      journal.lines.length = 0
      const controller = new AbortController()
      const batch = make(batchOf(items, { concurrency: 2, onOutcome }))
      const running = batch.run({}, { signal: controller.signal }).catch((thrown: unknown) => thrown)
      let settled = false
      void running.then(() => (settled = true))

      // The first one is being told.
      await vi.advanceTimersByTimeAsync(10)
      controller.abort("enough")
      await vi.advanceTimersByTimeAsync(35)
      assert.isFalse(settled)

      assert.strictEqual(await after(100, running), "enough")
      assert.deepStrictEqual(journal.lines, ["0 Succeeded", "1 Interrupted", "2 NotStarted"])
    }
  })

  it("rejects with the reason also where that could not be told", async () => {
    const controller = new AbortController()
    const onOutcome = () => Promise.reject(new Error("the disk is full"))
    const log = vi.spyOn(console, "log").mockImplementation(() => {})
    const batch = batchOf([{ n: 0, ms: 100 }], { onOutcome })
    const running = batch.runReport({}, { signal: controller.signal })
    const rejecting = batch.run({}, { signal: controller.signal })

    rejecting.catch(() => {})
    await vi.advanceTimersByTimeAsync(10)
    controller.abort("enough")

    assert.strictEqual(await thrownAfter(10, rejecting), "enough")
    assert.strictEqual((await after(10, running)).endedBy._tag, "OutcomeFailure")
    // Nobody else says it.
    const said = log.mock.calls.map((line) => line.join(" "))
    log.mockRestore()
    assert.strictEqual(said.filter((line) => line.includes("the disk is full")).length, 2)
    assert.strictEqual(said.length, 2)
  })
})

describe("whatever ends a batch", () => {
  const endings: ReadonlyArray<readonly [string, Options]> = [
    ["nothing", {}],
    ["a failure", { mode: "fail-fast" }],
    ["too many failures", { tolerate: { count: 1 } }],
    ["its timeout", { timeoutMs: 25 }],
    ["its timeout, with a drain", { timeoutMs: 25, drainMs: 15 }],
    ["its calls", { budget: { calls: 5 } }],
    ["its calls, with a drain", { budget: { calls: 5 }, drainMs: 15 }],
    ["its costs", { budget: { cost: 3 }, cost: () => 1 }],
    ["its canary", { canary: { items: 3, check: () => false } }]
  ]
  const kinds: ReadonlyArray<readonly [string, (journal: Journal) => Options["onOutcome"]]> = [
    ["at once", ({ tell }) => tell],
    [
      "after a time",
      ({ tell }) =>
        (outcome) =>
          pause(12).then(() => tell(outcome))
    ],
    [
      "before a time",
      ({ tell }) =>
        (outcome) => (tell(outcome), pause(12))
    ]
  ]
  const items = [3, 30, 8, 8, 8, 25, 1, 16].map((ms, n): Item & { twin: number } => ({
    n,
    ms,
    twin: n % 3,
    ...(n === 4 || n === 6 ? { does: "fail" } : undefined)
  }))

  for (const [ending, options] of endings) {
    for (const [when, make] of kinds) {
      for (const last of [items, items.map((item) => (item.n === 5 ? { ...item, does: "stop" as const } : item))]) {
        for (const duplicates of ["run", "share", "error"] as const) {
          it(`${ending}, told ${when}, twins ${duplicates}${last === items ? "" : ", or a stop"}: each is told once`, async () => {
            for (const concurrency of [1, 3, "unbounded"] as const) {
              const journal = new Journal()
              const batch = batchOf(last, {
                mode: "collect-all",
                concurrency,
                duplicates,
                ...(duplicates === "run" ? undefined : { key: ({ twin }: HandlerParams) => String(twin) }),
                ...options,
                onOutcome: make(journal)
              })
              const report = await after(1000, batch.runReport({}))
              const told = journal.lines.toSorted()

              assert.deepStrictEqual(told, report.outcomes.map(short).toSorted())
              assert.strictEqual(report.total, 8)
            }
          })
        }
      }
    }
  }
})

describe("an overridden handleRequest", () => {
  type Schedule = (execute: (params: HandlerParams) => Promise<string>, items: Array<HandlerParams>) => Promise<void>
  class Own extends ParallelBatchPipeline {
    readonly #schedule: Schedule
    constructor(items: ReadonlyArray<Item>, onOutcome: Options["onOutcome"], schedule: Schedule) {
      super(new Pipeline(new Work()), { params: () => items, onOutcome })
      this.#schedule = schedule
    }
    protected override handleRequest(items: Array<HandlerParams>): Promise<void> {
      return this.#schedule((params) => this.executePipelineWithParams(params), items)
    }
  }

  it("has its items told before it learns of them", async () => {
    const events: Array<string> = []
    const onOutcome = async (outcome: BatchOutcome) => {
      await pause(10)
      events.push(short(outcome))
    }
    const batch = new Own([{ n: 0 }, { n: 1, does: "fail" }], onOutcome, async (execute, items) => {
      for (const item of items) events.push(await execute(item).catch(String))
    })
    await after(100, batch.run({}))

    assert.deepStrictEqual(events, ["0 Succeeded", "done", "1 Failed", "Error: no"])
  })

  it.each([false, true])("has what it left behind told once, before run settles (late: %s)", async (late) => {
    const lines: Array<string> = []
    const onOutcome = async (outcome: BatchOutcome) => {
      if (late) await pause(10)
      lines.push(short(outcome))
    }
    const batch = new Own(
      [{ n: 0 }, { n: 1, does: "stop" }, { n: 2 }, { n: 3, ms: 99 }],
      onOutcome,
      async (execute, items) => {
        const [first, second, third, last] = items.map((item) => () => execute(item))
        void last!()
        await first!()
        await second!()
        await third!().catch(() => {})
      }
    )
    const report = await after(50, batch.runReport({}))

    assert.deepStrictEqual(lines.toSorted(), ["0 Interrupted", "1 Succeeded", "2 Succeeded", "3 NotStarted"])
    assert.deepStrictEqual(report.outcomes.map(short), lines.toSorted())
  })

  it.each([false, true])("rejects with what onOutcome failed with (late: %s)", async (late) => {
    const full = new Error("the disk is full")
    const onOutcome = () => {
      if (late) return pause(10).then(() => Promise.reject(full))
      throw full
    }
    const all: Schedule = async (execute, items) => void (await Promise.all(items.map(execute)))
    const batch = new Own([{ n: 0 }, { n: 1, ms: 50 }], onOutcome, all)

    assert.strictEqual(await thrownAfter(100, batch.run({})), full)
    const report = await after(100, batch.runReport({}))
    assert.deepStrictEqual(
      [report.endedBy._tag, report.outcomes.map(short)],
      ["OutcomeFailure", ["0 Succeeded", "1 Interrupted"]]
    )
  })

  it("that is aborted has everything told", async () => {
    const lines: Array<string> = []
    const controller = new AbortController()
    const onOutcome = async (outcome: BatchOutcome) => {
      await pause(10)
      lines.push(short(outcome))
    }
    const batch = new Own([{ n: 0 }, { n: 1, ms: 50 }], onOutcome, async (execute, items) => {
      for (const item of items) void execute(item)
      await never
    })
    const running = batch.run({}, { signal: controller.signal })
    running.catch(() => {})
    await vi.advanceTimersByTimeAsync(5)
    controller.abort("enough")

    assert.strictEqual(await thrownAfter(50, running), "enough")
    assert.deepStrictEqual(lines, ["0 Succeeded", "1 Interrupted"])
  })
})

const roundTrip = async (report: Parameters<typeof Report.toJson>[0]) => {
  const { Effect } = await import("effect")
  return (await Effect.runPromise(Report.fromJson(Report.toJson(report)))).endedBy
}
