import { assert, describe, it } from "@effect/vitest"
import { Cause } from "effect"
import {
  BatchPipeline,
  Handler,
  type HandlerOptions,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type SharedData
} from "parallel-batch-pipeline"
import { SharedDataConflict } from "parallel-batch-pipeline/effect"

const numbers = (count: number) => () => Array.from({ length: count }, (_, n) => ({ n }))
const tick = () => new Promise<void>((resolve) => setImmediate(resolve))
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail("resolved"),
    (thrown: unknown) => thrown
  )

/** Leaves its params in `current`. */
class Put extends Handler<HandlerParams, unknown> {
  readonly #gate: Promise<void>

  constructor(gate: Promise<void>, options?: HandlerOptions) {
    super(options)
    this.#gate = gate
  }

  protected async handleRequest(inputs: HandlerParams): Promise<unknown> {
    await this.#gate
    return inputs["n"]
  }

  protected override processResults(shared: SharedData, _inputs: HandlerParams, outputs: unknown): string {
    shared["current"] = outputs
    return "put"
  }
}

/** Tells for each item what stood in `current` when its inputs were prepared. */
class Take extends Handler<unknown, void> {
  readonly taken: Array<readonly [unknown, unknown]> = []

  protected override prepareInputs(shared: Readonly<SharedData>): unknown {
    this.taken.push([this.getParams()["n"], shared["current"]])
    return shared["current"]
  }

  protected async handleRequest(): Promise<void> {}
}

describe("the hand-off from processResults to the next prepareInputs", () => {
  const routes: ReadonlyArray<readonly [string, (put: Put, take: Take) => Pipeline]> = [
    [
      "between two steps",
      (put, take) => {
        put.connectTo(take, "put")
        return new Pipeline(put)
      }
    ],
    [
      "out of a nested pipeline",
      (put, take) => {
        const inner = new Pipeline(put)
        inner.connectTo(take, "put")
        return new Pipeline(inner)
      }
    ],
    [
      "into a nested pipeline",
      (put, take) => {
        put.connectTo(new Pipeline(take), "put")
        return new Pipeline(put)
      }
    ]
  ]
  const policies: ReadonlyArray<readonly [string, HandlerOptions]> = [
    ["without a policy", {}],
    ["with retries and a timeout", { maxRetries: 2, timeoutMs: 10_000 }]
  ]
  const cases = routes.flatMap(([route, make]) =>
    policies.map(([policy, options]) => [route, policy, make, options] as const)
  )

  it.each(cases)("is atomic %s, %s", async (_route, _policy, make, options) => {
    const gate = Promise.withResolvers<void>()
    const take = new Take()
    const pipeline = make(new Put(gate.promise, options), take)
    const run = new ParallelBatchPipeline(pipeline, { params: numbers(50) }).run({})

    await tick()
    gate.resolve()
    await run

    assert.strictEqual(take.taken.length, 50)
    for (const [n, current] of take.taken) assert.strictEqual(current, n)
  })
})

describe("the shared data", () => {
  class Push extends Handler<HandlerParams, number> {
    protected async handleRequest(inputs: HandlerParams): Promise<number> {
      const n = inputs["n"] as number
      if (n % 3 === 0) await tick()
      return n
    }
    protected override processResults(shared: SharedData, _inputs: HandlerParams, outputs: number): string {
      ;(shared["list"] as Array<number>).push(outputs)
      shared["count"] = (shared["count"] as number) + 1
      return "pushed"
    }
  }

  it("loses nothing where 2,000 items push into one array", async () => {
    const list: Array<number> = []
    const shared = { list, count: 0 }

    await new ParallelBatchPipeline(new Pipeline(new Push()), { params: numbers(2000) }).run(shared)

    assert.strictEqual(shared.list, list)
    assert.strictEqual(shared.count, 2000)
    assert.deepStrictEqual(
      list.toSorted((a, b) => a - b),
      Array.from({ length: 2000 }, (_, n) => n)
    )
  })

  it("is the caller's own object in every method, and in the report", async () => {
    const seen = new Set<unknown>()
    class Same extends Handler<HandlerParams, void> {
      protected override prepareInputs(shared: Readonly<SharedData>): HandlerParams {
        seen.add(shared)
        return {}
      }
      protected handleRequest(): void {}
      protected override processResults(shared: SharedData): string {
        seen.add(shared)
        return "done"
      }
    }
    const shared = {}

    const report = await new BatchPipeline(new Pipeline(new Same()), { params: numbers(2) }).runReport(shared)

    assert.deepStrictEqual(Array.from(seen), [shared])
    assert.isTrue(seen.has(shared))
    assert.strictEqual(report.shared, shared)
  })
})

describe('isolation: "snapshot"', () => {
  type Change = (shared: SharedData, n: number) => void

  class Changing extends Handler<HandlerParams, number> {
    readonly #change: Change
    constructor(change: Change) {
      super()
      this.#change = change
    }
    protected async handleRequest(inputs: HandlerParams): Promise<number> {
      await tick()
      return inputs["n"] as number
    }
    protected override processResults(shared: SharedData, _inputs: HandlerParams, n: number): string {
      this.#change(shared, n)
      return "changed"
    }
  }

  const count: Change = (shared) => (shared["count"] = (shared["count"] as number) + 1)
  const snapshot = (
    change: Change,
    options: ConstructorParameters<typeof ParallelBatchPipeline>[1] = {}
  ): ParallelBatchPipeline =>
    new ParallelBatchPipeline(new Pipeline(new Changing(change)), {
      params: numbers(3),
      isolation: "snapshot",
      ...options
    })

  it("merges what the items changed into the caller's object", async () => {
    const untouched = { deep: [1] }
    const shared: SharedData = { list: [], byName: {}, untouched }

    const report = await snapshot((own, n) => {
      ;(own["list"] as Array<number>).push(n)
      ;(own["byName"] as SharedData)[`item${n}`] = n
      own[`key${n}`] = n
    }).runReport(shared)

    assert.strictEqual(report.shared, shared)
    assert.deepStrictEqual(shared, {
      list: [0, 1, 2],
      byName: { item0: 0, item1: 1, item2: 2 },
      untouched: { deep: [1] },
      key0: 0,
      key1: 1,
      key2: 2
    })
  })

  it("takes merge for what two items changed", async () => {
    const shared: SharedData = { count: 10 }
    const merge = { count: (base: number, mine: number, theirs: number) => theirs + mine - base }

    await snapshot(count, { merge }).run(shared)

    assert.deepStrictEqual(shared, { count: 13 })
  })

  it("rejects with SharedDataConflict without a merge", async () => {
    const shared: SharedData = { x: 0 }

    const thrown = await rejection(snapshot((own, n) => (own["x"] = n + 1)).run(shared))

    assert.instanceOf(thrown, SharedDataConflict)
    assert.deepStrictEqual([thrown.key, thrown.base, thrown.mine, thrown.theirs], ["x", 0, 2, 1])
    assert.deepStrictEqual(shared, { x: 1 })
  })

  it("fails only the conflicting items in collect-all", async () => {
    const shared: SharedData = { x: 0 }

    const report = await snapshot((own, n) => (own["x"] = n + 1), { mode: "collect-all" }).runReport(shared)

    const causes = report.outcomes.map((outcome) =>
      outcome._tag === "Failed" ? Cause.squash(outcome.cause) : undefined
    )
    assert.isUndefined(causes[0])
    assert.instanceOf(causes[1], SharedDataConflict)
    assert.deepStrictEqual([report.succeeded, report.failed, shared], [1, 2, { x: 1 }])
  })

  it("leaves no trace of an item that failed", async () => {
    const shared: SharedData = { list: [] }
    const change: Change = (own, n) => {
      ;(own["list"] as Array<number>).push(n)
      if (n === 1) throw new Error("no")
    }

    const report = await snapshot(change, { mode: "collect-all" }).runReport(shared)

    assert.strictEqual(report.failed, 1)
    assert.deepStrictEqual(shared, { list: [0, 2] })
  })

  it("removes a key that an item has removed", async () => {
    const shared: SharedData = { keep: 1, drop: 2 }

    await snapshot(
      (own) => {
        delete own["drop"]
      },
      { params: numbers(1) }
    ).run(shared)

    assert.deepStrictEqual(shared, { keep: 1 })
  })

  it("hides from an item what others change meanwhile", async () => {
    const seen: Array<unknown> = []
    const change: Change = (own, n) => {
      seen.push(own["list"])
      own["list"] = [...(own["list"] as Array<number>), n]
    }

    await snapshot(change).run({ list: [] })

    assert.deepStrictEqual(seen, [[], [], []])
  })
})

describe("the option", () => {
  class Odd extends Handler<HandlerParams, unknown> {
    protected async handleRequest(inputs: HandlerParams): Promise<unknown> {
      if ((inputs["n"] as number) % 2 === 1) throw new Error("odd")
      return inputs["n"]
    }
  }
  const reportOf = (outcomes: "all" | "failures" | "none") =>
    new ParallelBatchPipeline(new Pipeline(new Odd()), {
      params: numbers(4),
      mode: "collect-all",
      key: ({ n }) => `item ${n}`,
      outcomes
    }).runReport({})

  it.each([
    ["all", ["item 0", "item 1", "item 2", "item 3"]],
    ["failures", ["item 1", "item 3"]],
    ["none", []]
  ] as const)('outcomes: "%s" says what the report keeps, and key names it', async (outcomes, keys) => {
    const report = await reportOf(outcomes)

    assert.deepStrictEqual([report.total, report.succeeded, report.failed], [4, 2, 2])
    assert.deepStrictEqual(
      report.outcomes.map(({ key }) => key),
      [...keys]
    )
  })

  it("key defaults to a hash of the params, never of the index", async () => {
    const params = () => [{ n: 1, m: 2 }, { n: 3 }, { m: 2, n: 1 }]
    const { outcomes } = await new BatchPipeline(new Pipeline(new Take()), { params }).runReport({})

    const [first, second, third] = outcomes.map(({ key }) => key)

    assert.strictEqual(first, third)
    assert.notStrictEqual(first, second)
  })

  it("params gets the shared data, and is overridden by prepareBatchParams", async () => {
    const given: Array<unknown> = []
    const params = (shared: Readonly<SharedData>) => (given.push(shared), new Set([{ n: 1 }, { n: 2 }]))
    class Own extends ParallelBatchPipeline {
      protected override prepareBatchParams(): Array<HandlerParams> {
        return [{ n: 7 }]
      }
    }
    const shared = {}
    const taken = new Take()

    await new BatchPipeline(new Pipeline(taken), { params }).run(shared)
    await new Own(new Pipeline(taken), { params }).run(shared)

    assert.strictEqual(given[0], shared)
    assert.deepStrictEqual([given.length, taken.taken.map(([n]) => n)], [1, [1, 2, 7]])
  })
})
