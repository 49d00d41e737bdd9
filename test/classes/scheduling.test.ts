import { assert, describe, it } from "@effect/vitest"
import {
  Handler,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type Report,
  type RunOptions,
  type SharedData
} from "parallel-batch-pipeline"

type Execute = (params: HandlerParams) => Promise<string>
type Schedule = (self: Scheduled, params: Array<HandlerParams>) => Promise<void>

/** A batch whose `handleRequest` is a function. */
class Scheduled extends ParallelBatchPipeline {
  readonly execute: Execute = (params) => this.executePipelineWithParams(params)
  readonly #schedule: Schedule

  constructor(work: Work, count: number, schedule: Schedule) {
    super(new Pipeline(work), { params: () => Array.from({ length: count }, (_, n) => ({ n })), concurrency: 1 })
    this.#schedule = schedule
  }

  get report(): Report {
    return this.getReport()
  }

  protected override handleRequest(params: Array<HandlerParams>): Promise<void> {
    return this.#schedule(this, params)
  }
}

class Work extends Handler<HandlerParams, unknown> {
  readonly events: Array<string> = []
  readonly #request: (n: number, signal: AbortSignal) => unknown

  constructor(request: (n: number, signal: AbortSignal) => unknown = () => tick()) {
    super()
    this.#request = request
  }

  protected async handleRequest({ n }: { readonly n: number }): Promise<unknown> {
    this.events.push(`start ${n}`)
    const signal = this.getSignal()
    signal.addEventListener("abort", () => this.events.push(`abort ${n}`))
    const outputs = await this.#request(n, signal)
    this.events.push(`end ${n}`)
    return outputs
  }

  protected override processResults(_shared: SharedData, inputs: HandlerParams): string {
    return `action ${inputs["n"]}`
  }
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))
const never = new Promise<never>(() => {})
const tags = (report: Report) => report.outcomes.map(({ _tag }) => _tag)
const all: Schedule = async ({ execute }, params) => void (await Promise.all(params.map(execute)))
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail("resolved"),
    (thrown: unknown) => thrown
  )

describe("an overridden handleRequest", () => {
  it("runs items one after the other", async () => {
    const work = new Work()
    const actions: Array<string> = []
    const batch = new Scheduled(work, 3, async ({ execute }, params) => {
      for (const set of params) actions.push(await execute(set))
    })

    assert.strictEqual(await batch.run({}), "default")
    assert.deepStrictEqual(
      work.events,
      [0, 1, 2].flatMap((n) => [`start ${n}`, `end ${n}`])
    )
    assert.deepStrictEqual(actions, ["action 0", "action 1", "action 2"])
  })

  it("runs items at the same time, whatever the option concurrency", async () => {
    const { promise: haveStarted, resolve: start } = Promise.withResolvers<void>()
    const work = new Work(() => {
      if (work.events.length === 3) start()
      return haveStarted
    })

    const report = await new Scheduled(work, 3, all).runReport({})

    assert.deepStrictEqual(work.events.slice(0, 3), ["start 0", "start 1", "start 2"])
    assert.deepStrictEqual(tags(report), Array(3).fill("Succeeded"))
    assert.deepStrictEqual([report.total, report.succeeded, report.exhausted], [3, 3, true])
  })

  it("runs five at a time where it asks for five", async () => {
    let running = 0
    let peak = 0
    const work = new Work(async () => {
      peak = Math.max(peak, ++running)
      await tick()
      running--
    })
    const batch = new Scheduled(work, 12, async ({ execute }, params) => {
      for (let i = 0; i < 12; i += 5) await Promise.all(params.slice(i, i + 5).map(execute))
    })

    const report = await batch.runReport({})

    assert.deepStrictEqual([peak, report.succeeded], [5, 12])
  })

  it("interrupts what a race leaves running", async () => {
    const work = new Work((n) => (n === 1 ? tick() : never))
    const batch = new Scheduled(work, 3, async ({ execute }, params) => void (await Promise.race(params.map(execute))))

    const report = await batch.runReport({})

    assert.deepStrictEqual(tags(report), ["Interrupted", "Succeeded", "Interrupted"])
    assert.deepStrictEqual(work.events.slice(3), ["end 1", "abort 0", "abort 2"])
  })

  it("interrupts what it does not wait for", async () => {
    const work = new Work(() => never)
    const batch = new Scheduled(work, 2, async ({ execute }, params) => {
      for (const set of params) void execute(set)
      await tick()
    })

    const report = await batch.runReport({})

    assert.deepStrictEqual(tags(report), ["Interrupted", "Interrupted"])
    assert.deepStrictEqual(work.events.slice(2), ["abort 0", "abort 1"])
  })

  it("has in the report what it has handed over and not waited for", async () => {
    const batch = new Scheduled(new Work(), 2, async ({ execute }, params) => {
      for (const set of params) void execute(set)
    })

    const report = await batch.runReport({})

    assert.strictEqual(report.total, 2)
    assert.strictEqual(report.interrupted + report.notStarted, 2)
  })

  it("rejects with what one item threw, and interrupts the others", async () => {
    const error = new Error("no")
    const work = new Work(async (n) => (n === 1 ? Promise.reject(error) : never))

    assert.strictEqual(await rejection(new Scheduled(work, 3, all).run({})), error)
    const report = await new Scheduled(work, 3, all).runReport({})

    assert.deepStrictEqual(tags(report), ["Interrupted", "Failed", "Interrupted"])
    assert.deepStrictEqual(work.events.slice(3, 5), ["abort 0", "abort 2"])
  })

  it("goes on where it catches what an item threw", async () => {
    const caught: Array<unknown> = []
    const work = new Work(async (n) => (n === 1 ? Promise.reject("one") : n))
    const batch = new Scheduled(work, 3, async ({ execute }, params) => {
      for (const set of params) await execute(set).catch((thrown: unknown) => caught.push(thrown))
    })

    assert.strictEqual(await batch.run({}), "default")
    assert.deepStrictEqual(tags(await batch.runReport({})), ["Succeeded", "Failed", "Succeeded"])
    assert.deepStrictEqual(caught, ["one", "one"])
  })

  it("rejects with what it throws itself, before or between its items", async () => {
    const before = new Scheduled(new Work(), 2, () => {
      throw new Error("before")
    })
    const between = new Scheduled(new Work(), 2, async ({ execute }, [first]) => {
      await execute(first!)
      throw "between"
    })

    assert.strictEqual(((await rejection(before.run({}))) as Error).message, "before")
    assert.strictEqual(await rejection(between.run({})), "between")
    assert.deepStrictEqual(tags(await between.runReport({})), ["Succeeded"])
  })

  it("has a report in every case, also where it throws before its first item", async () => {
    const before = new Scheduled(new Work(), 2, () => {
      throw new Error("before")
    })

    const report = await before.runReport({})

    assert.deepStrictEqual([report.succeeded, report.outcomes.length], [0, 0])
  })

  it("sees its report between its items", async () => {
    const seen: Array<number> = []
    const batch = new Scheduled(new Work(), 3, async (self, params) => {
      for (const set of params) {
        seen.push(self.report.succeeded)
        await self.execute(set)
      }
      seen.push(self.report.succeeded)
    })

    await batch.run({})

    assert.deepStrictEqual(seen, [0, 1, 2, 3])
  })

  it("may call super.handleRequest with some of the parameter sets", async () => {
    class Half extends ParallelBatchPipeline {
      protected override async handleRequest(params: Array<HandlerParams>): Promise<void> {
        await super.handleRequest(params.slice(0, 2))
        await this.executePipelineWithParams(params[3]!)
      }
    }
    const options = { params: () => [0, 1, 2, 3].map((n) => ({ n })) }

    const report = await new Half(new Pipeline(new Work()), options).runReport({})

    assert.deepStrictEqual(
      report.outcomes.map(({ index, params }) => [index, params["n"]]),
      [
        [0, 0],
        [1, 1],
        [2, 3]
      ]
    )
  })

  it("keeps two runs apart", async () => {
    const work = new Work()
    const batch = new Scheduled(work, 3, all)

    const reports = await Promise.all([batch.runReport({}), batch.runReport({})])

    assert.deepStrictEqual(
      reports.map(({ succeeded, total }) => [total, succeeded]),
      [
        [3, 3],
        [3, 3]
      ]
    )
  })
})

describe("an aborted signal", () => {
  it("interrupts the items that an overridden handleRequest waits for", async () => {
    const controller = new AbortController()
    const work = new Work(() => never)
    const options: RunOptions = { signal: controller.signal }
    const batch = new Scheduled(work, 2, all)

    const run = rejection(batch.run({}, options))
    await tick()
    controller.abort("stop")
    const thrown = await run
    await tick()

    assert.strictEqual(thrown, "stop")
    assert.deepStrictEqual(work.events, ["start 0", "start 1", "abort 0", "abort 1"])
  })

  it("leaves the report of what an overridden handleRequest had run", async () => {
    const controller = new AbortController()
    const batch = new Scheduled(new Work((n) => (n === 0 ? n : never)), 2, all)

    const reporting = batch.runReport({}, { signal: controller.signal })
    await tick()
    controller.abort("stop")

    assert.deepStrictEqual(tags(await reporting), ["Succeeded", "Interrupted"])
  })

  it("lets no item start any more", async () => {
    const controller = new AbortController()
    const work = new Work()
    const aborted = Promise.withResolvers<void>()
    const late = Promise.withResolvers<unknown>()
    const batch = new Scheduled(work, 2, async ({ execute }, [first]) => {
      await aborted.promise
      late.resolve(await execute(first!).catch((thrown: unknown) => thrown))
    })

    const run = rejection(batch.run({}, { signal: controller.signal }))
    await tick()
    controller.abort("stop")
    await run
    aborted.resolve()

    assert.instanceOf(await late.promise, Error)
    assert.deepStrictEqual(work.events, [])
  })
})

describe("executePipelineWithParams", () => {
  /** What a call answers within a few turns of the event loop. */
  const soon = async (promise: Promise<unknown>): Promise<unknown> => {
    let settled: unknown = "nothing"
    promise.then(
      (value) => (settled = value),
      (thrown: unknown) => (settled = thrown)
    )
    for (let i = 0; i < 5; i++) await tick()
    return settled
  }

  it("says so outside of a run", () => {
    const batch = new Scheduled(new Work(), 1, all)

    assert.throws(() => batch.execute({ n: 0 }), /executePipelineWithParams of Scheduled .*outside of a run/)
  })

  it.each([
    ["with items before", true],
    ["as the first item", false]
  ])("rejects with a clear error after the run has settled, %s", async (_, before) => {
    const work = new Work()
    const late = Promise.withResolvers<unknown>()
    const settled = Promise.withResolvers<void>()
    const batch = new Scheduled(work, 1, async ({ execute }, [first]) => {
      if (before) await execute(first!)
      void settled.promise.then(() => late.resolve(soon(execute({ n: 7 }))))
    })

    await batch.run({})
    settled.resolve()

    const answer = await late.promise
    assert.instanceOf(answer, Error)
    assert.match(answer.message, /ended|settled/)
    assert.isFalse(work.events.includes("start 7"))
  })

  it("rejects for an item that is interrupted because the run settles", async () => {
    let answer: Promise<unknown> = Promise.resolve()
    const batch = new Scheduled(new Work(() => never), 1, async ({ execute }, [first]) => {
      answer = rejection(execute(first!))
      await tick()
    })

    await batch.run({})

    assert.match(((await answer) as Error).message, /interrupted/)
  })
})
