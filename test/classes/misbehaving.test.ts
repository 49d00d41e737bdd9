import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { Cause } from "effect"
import {
  type BatchOptions,
  Handler,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type Report,
  type SharedData
} from "parallel-batch-pipeline"

const items = (count: number) => Array.from({ length: count }, (_, n) => ({ n }))
const tags = (report: Report) => report.outcomes.map((outcome) => outcome._tag)

class Count extends Handler<HandlerParams, void> {
  protected async handleRequest(): Promise<void> {}
  protected override processResults(shared: SharedData): string {
    shared["count"] = Number(shared["count"]) + 1
    return "counted"
  }
}

const batchOf = (
  handler: Handler<HandlerParams, unknown>,
  options: BatchOptions & { readonly mode?: "collect-all" } = {}
) => new ParallelBatchPipeline(new Pipeline(handler), { params: () => items(3), concurrency: 1, ...options })

describe("what misbehaves costs its item, and no other", () => {
  const unhandled: Array<unknown> = []
  const note = (reason: unknown) => void unhandled.push(reason)
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

  beforeEach(() => {
    unhandled.length = 0
    process.on("unhandledRejection", note)
  })
  afterEach(() => void process.off("unhandledRejection", note))

  describe("shared data with snapshots", () => {
    const options = { isolation: "snapshot", mode: "collect-all" } as const

    it("of which a key that nobody changes cannot be written", async () => {
      const shared = {
        count: 0,
        get double() {
          return this.count * 2
        }
      }
      const report = await batchOf(new Count(), options).runReport(shared)

      assert.deepStrictEqual(tags(report), Array(3).fill("Succeeded"))
      assert.strictEqual(shared.double, 6)
    })

    it("of which one of two changed keys cannot be written", async () => {
      class CountTwice extends Count {
        protected override processResults(shared: SharedData): string {
          if (this.getParams()["n"] === 1) shared["fixed"] = 5
          return super.processResults(shared)
        }
      }
      const shared = Object.defineProperty<SharedData>({ count: 0 }, "fixed", { value: 4, enumerable: true })
      const report = await batchOf(new CountTwice(), options).runReport(shared)

      assert.deepStrictEqual(tags(report), ["Succeeded", "Failed", "Succeeded"])
      assert.deepStrictEqual({ ...shared }, { count: 2, fixed: 4 })
    })

    it("of which a key cannot be read", async () => {
      const shared = {
        count: 0,
        get gone(): never {
          throw new Error("gone")
        }
      }
      const report = await batchOf(new Count(), options).runReport(shared)

      assert.deepStrictEqual(tags(report), Array(3).fill("Failed"))
      assert.strictEqual(report.endedBy._tag, "Completed")
      assert.strictEqual(shared.count, 0)
    })
  })

  it.each<readonly [string, object, string]>([
    ["a key", { key: async () => Promise.reject("no") }, "key of a batch answered"],
    ["a cost", { cost: async () => Promise.reject("no") }, '"cost"'],
    ["a merge", { merge: { count: async () => Promise.reject("no") }, isolation: "snapshot" }, "merge of"]
  ])("a function that answers a promise: %s", async (_what, options, text) => {
    const report = await batchOf(new Count(), {
      duplicates: "share",
      mode: "collect-all",
      concurrency: 3,
      ...options
    } as object).runReport({ count: 0 })
    const thrown = report.outcomes.flatMap((outcome) =>
      outcome._tag === "Failed" ? [String(Cause.squash(outcome.cause))] : []
    )
    await turn()

    assert.strictEqual(report.total, 3)
    assert.isAbove(thrown.length, 0)
    for (const message of thrown) assert.include(message, text)
    assert.deepStrictEqual(unhandled, [])
  })

  it("params that are a promise, and an input that closes with one", async () => {
    const reject = async () => Promise.reject("no")
    const closing = { [Symbol.iterator]: () => ({ next: () => ({ value: { n: 1 } }), return: reject }) }
    class Fail extends Handler<HandlerParams, void> {
      protected handleRequest(): void {
        throw new Error("no")
      }
    }

    for (const params of [reject, () => closing]) {
      const run = batchOf(new Fail(), { params } as object).run({})
      await run.then(
        () => assert.fail("resolved"),
        () => {}
      )
      await turn()
    }
    assert.deepStrictEqual(unhandled, [])
  })

  it("an iterator that answers nothing", async () => {
    const params = () => ({ [Symbol.iterator]: () => ({ next: () => undefined }) })
    const thrown = await batchOf(new Count(), { params } as object)
      .run({ count: 0 })
      .catch((error: unknown) => error)

    assert.instanceOf(thrown, TypeError)
    assert.include(String(thrown), "next() of the params answered undefined, expected { done, value }")
  })

  it("an error whose name cannot be read, where failures are counted by name", async () => {
    class Throw extends Handler<HandlerParams, void> {
      protected handleRequest(): void {
        throw Object.defineProperty(new Error("no"), "name", {
          get: () => {
            throw new Error("name")
          }
        })
      }
    }
    const report = await batchOf(new Throw(), { mode: "collect-all", tolerate: { count: 5 } } as object).runReport({})

    assert.deepStrictEqual(tags(report), Array(3).fill("Failed"))
  })

  it("a toString that reads fields of its class", () => {
    class Named extends Count {
      readonly #id = 7
      override toString(): string {
        return `named ${this.#id}`
      }
    }

    assert.strictEqual(String(new Named()), "named 7")
  })

  it.each([undefined, 50])(
    "an item for which no call is left: its signal is aborted (drainMs: %s)",
    async (drainMs) => {
      const signals: Array<AbortSignal> = []
      class Twice extends Handler<HandlerParams, void> {
        protected handleRequest(): void {
          signals.push(this.getSignal())
        }
      }
      const again = new Twice()
      again.connectTo(new Twice())
      const report = await batchOf(again, { params: () => items(1), budget: { calls: 1 }, drainMs }).runReport({})

      assert.deepStrictEqual(tags(report), ["Interrupted"])
      assert.isTrue(signals[0]?.aborted)
    }
  )
})
