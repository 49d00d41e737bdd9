import { assert, describe, it } from "@effect/vitest"
import {
  BaseHandler,
  BatchPipeline,
  Handler,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type SharedData
} from "parallel-batch-pipeline"
import { InvalidOptions, TooManySteps } from "parallel-batch-pipeline/effect"

/** Answers what it is given as its action, and notes that it ran. */
class Step extends Handler<HandlerParams, unknown> {
  readonly #action: unknown
  readonly #outputs: unknown

  constructor(name: string, action: unknown = "default", outputs: unknown = name) {
    super({ name })
    this.#action = action
    this.#outputs = outputs
  }

  protected handleRequest(): unknown {
    return this.#outputs
  }

  protected override processResults(shared: SharedData, _inputs: HandlerParams, outputs: unknown): string {
    ;((shared["ran"] ??= []) as Array<unknown>).push(outputs)
    return this.#action as string
  }
}

/** Only what must be there. */
class Least extends BaseHandler<HandlerParams, HandlerParams> {
  seen: unknown
  protected handleRequest(inputs: HandlerParams): HandlerParams {
    this.seen = inputs
    return inputs
  }
}

const rejection = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => assert.fail("resolved"),
    (thrown: Error) => thrown
  )

const assertClear = async (promise: Promise<unknown>, ...words: ReadonlyArray<string>): Promise<void> => {
  const error = await rejection(promise)

  assert.instanceOf(error, Error)
  for (const word of words) assert.include(error.message, word)
}

const thenable = (value: unknown) => ({
  // oxlint-disable-next-line unicorn/no-thenable -- what is tested
  then: (resolve: (value: unknown) => void) => resolve(value)
})

describe("the lifecycle", () => {
  it("takes the params as inputs, and answers default, where nothing is overridden", async () => {
    const least = new Least()
    least.setParams({ a: 1 })

    assert.strictEqual(await least.run({}), "default")
    assert.deepStrictEqual(least.seen, { a: 1 })
  })

  it.each([
    ["a value", 1],
    ["a promise", Promise.resolve(1)],
    ["a thenable", thenable(1)],
    ["a thenable in a promise", Promise.resolve().then(() => thenable(1))]
  ])("takes %s from handleRequest", async (_, outputs) => {
    const shared: SharedData = {}

    await new Pipeline(new Step("step", "done", outputs)).run(shared)

    assert.deepStrictEqual(shared, { ran: [1] })
  })

  it("rejects with what a thenable rejects with, or throws", async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- what is tested
    const rejecting = { then: (_: unknown, reject: (cause: unknown) => void) => reject("no") }
    const throwing = {
      // oxlint-disable-next-line unicorn/no-thenable -- what is tested
      then: () => {
        throw new RangeError("thrown")
      }
    }

    assert.strictEqual(await rejection(new Step("step", "done", rejecting).run({})), "no" as unknown)
    assert.instanceOf(await rejection(new Step("step", "done", throwing).run({})), RangeError)
  })

  it.each([
    ["a symbol", Symbol("done")],
    ["5", 5],
    ["null", null],
    ["an object", { action: "done" }],
    ["a promise", Promise.resolve("done")]
  ])("rejects with a TypeError where processResults answers %s", async (_, action) => {
    const step = new Step("step", action)

    assert.instanceOf(await rejection(step.run({})), TypeError)
    await assertClear(step.run({}), "processResults", "step", "expected an action")
    await assertClear(new Pipeline(step).run({}), "processResults", "step", "expected an action")
  })

  it("rejects with a TypeError where processResults answers nothing", async () => {
    class Forgetful extends Step {
      protected override processResults(): string {
        return undefined as unknown as string
      }
    }

    await assertClear(new Forgetful("step").run({}), "processResults", "step", "undefined", "expected an action")
  })

  it("leaves no rejection unhandled where an async processResults rejects", async () => {
    const unhandled: Array<unknown> = []
    const listen = (reason: unknown) => unhandled.push(reason)
    process.on("unhandledRejection", listen)

    await assertClear(new Step("step", Promise.reject(new Error("async"))).run({}), "processResults")
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off("unhandledRejection", listen)

    assert.deepStrictEqual(unhandled, [])
  })

  it("rejects with a TypeError where executeLifecycle answers no action", async () => {
    class Silent extends Step {
      protected override async executeLifecycle(): Promise<string> {
        return undefined as unknown as string
      }
    }

    await assertClear(new Pipeline(new Silent("silent")).run({}), "executeLifecycle", "silent", "expected an action")
  })
})

describe("a handler's connections", () => {
  it("are made by connectTo, which answers its target", async () => {
    const [a, b, c] = [new Step("a"), new Step("b"), new Step("c")]

    assert.strictEqual(a.connectTo(b), b)
    b.connectTo(c, "default")
    const shared: SharedData = {}
    await new Pipeline(a).run(shared)

    assert.deepStrictEqual(shared, { ran: ["a", "b", "c"] })
  })

  it("are told by getNextHandler, getSuccessors, hasSuccessors and getAvailableActions", () => {
    const [a, b, c] = [new Step("a"), new Step("b"), new Step("c")]
    assert.isFalse(a.hasSuccessors())

    a.connectTo(b, "x")
    a.connectTo(c)

    assert.deepStrictEqual(
      [a.getNextHandler("x"), a.getNextHandler("default"), a.getNextHandler("y")],
      [b, c, undefined]
    )
    assert.deepStrictEqual(Array.from(a.getSuccessors()), [
      ["x", b],
      ["default", c]
    ])
    assert.isTrue(a.hasSuccessors())
    assert.deepStrictEqual(a.getAvailableActions(), ["x", "default"])
  })

  it("are given out as a copy", () => {
    const a = new Step("a")
    a.connectTo(new Step("b"))

    ;(a.getSuccessors() as Map<string, unknown>).clear()
    a.getAvailableActions().pop()

    assert.isTrue(a.hasSuccessors())
    assert.deepStrictEqual(a.getAvailableActions(), ["default"])
  })

  it("are replaced where an action is connected again", async () => {
    const a = new Step("a")
    a.connectTo(new Step("b"))
    a.connectTo(new Step("c"))
    const shared: SharedData = {}

    await new Pipeline(a).run(shared)

    assert.deepStrictEqual(shared, { ran: ["a", "c"] })
  })

  it("are replaced also while a batch runs", async () => {
    const [a, b, c] = [new Step("a"), new Step("b"), new Step("c")]
    class Reconnect extends Step {
      protected override handleRequest(): string {
        a.connectTo(c)
        return "reconnect"
      }
    }
    a.connectTo(new Reconnect("reconnect"))
    const shared: SharedData = {}

    await new BatchPipeline(new Pipeline(a), { params: () => [{}, {}] }).run(shared)
    a.connectTo(b)
    await new BatchPipeline(new Pipeline(a), { params: () => [{}] }).run(shared)

    assert.deepStrictEqual(shared["ran"], ["a", "reconnect", "a", "c", "a", "b"])
  })

  it("are replaced also around a pipeline while a batch runs", async () => {
    const [inner, first, second] = [new Pipeline(new Step("in")), new Step("first"), new Step("second")]
    const params = function* () {
      yield {}
      inner.connectTo(second)
      yield {}
    }
    inner.connectTo(first)
    const shared: SharedData = {}

    await new BatchPipeline(new Pipeline(inner), { params }).run(shared)

    assert.deepStrictEqual(shared["ran"], ["in", "first", "in", "second"])
  })

  it("are asked of an overridden getNextHandler each time", async () => {
    const [b, c] = [new Step("b"), new Step("c")]
    class Alternate extends Step {
      #count = 0
      override getNextHandler(): BaseHandler<any, any, any> {
        return this.#count++ % 2 === 0 ? b : c
      }
    }
    const shared: SharedData = {}

    await new BatchPipeline(new Pipeline(new Alternate("a")), { params: () => [{}, {}, {}] }).run(shared)

    assert.deepStrictEqual(shared["ran"], ["a", "b", "a", "c", "a", "b"])
  })

  it("are not followed by run of the handler alone", async () => {
    const a = new Step("a", "next")
    a.connectTo(new Step("b"), "next")
    const shared: SharedData = {}

    assert.strictEqual(await a.run(shared), "next")
    assert.deepStrictEqual(shared, { ran: ["a"] })
  })

  it("end where an action has no successor, and that is the answer", async () => {
    const a = new Step("a", "constructor")
    a.connectTo(new Step("b"))

    assert.strictEqual(await new Pipeline(a).run({}), "constructor")
    assert.strictEqual(await new Pipeline(new Step("a", "")).run({}), "")
  })
})

describe("toString", () => {
  it("is the name that was given, else that of the class", () => {
    class Named extends BatchPipeline {}

    assert.strictEqual(String(new Step("given")), "given")
    assert.strictEqual(String(new Least()), "Least")
    assert.deepStrictEqual(
      [`${new Pipeline(new Least())}`, `${new Named(new Pipeline(new Least()))}`],
      ["Pipeline", "Named"]
    )
  })
})

describe("a graph", () => {
  const loop = (count: number, async: boolean) => {
    class Loop extends Handler<HandlerParams, void> {
      protected handleRequest(): void | Promise<void> {
        return async ? Promise.resolve() : undefined
      }
      protected override processResults(shared: SharedData): string {
        return (shared["n"] = ((shared["n"] as number) ?? 0) + 1) === count ? "end" : "again"
      }
    }
    const step = new Loop()
    step.connectTo(step, "again")
    return new Pipeline(step)
  }

  it.each([
    ["synchronous", false],
    ["promised", true]
  ])("loops 20,000 times without a stack, %s", async (_, async) => {
    const shared: SharedData = {}

    assert.strictEqual(await loop(20_000, async).run(shared), "end")
    assert.strictEqual(shared["n"], 20_000)
  })

  it("loops 20,000 times through a nested pipeline", async () => {
    const inner = loop(20_000, false)
    const outer = new Pipeline(inner)
    inner.connectTo(new Step("after", "after"), "end")

    assert.strictEqual(await outer.run({}), "after")
  })

  it("fails with TooManySteps behind the maxSteps of its batch", async () => {
    const batch = new ParallelBatchPipeline(loop(100, true), { params: () => [{}], maxSteps: 99 })

    const error = await rejection(batch.run({}))

    assert.instanceOf(error, TooManySteps)
    assert.deepStrictEqual([error.maxSteps, error.handler], [99, "Loop"])
  })
})

describe("what is missing", () => {
  it.each([undefined, null, {}, "handler"])("is a start handler: %s", (start) => {
    // A caller without types.
    const make = () => new Pipeline(start as unknown as Step)

    assert.throws(make, TypeError, "start handler")
  })

  it("is a pipeline of a batch", () => {
    const make = () => new ParallelBatchPipeline(undefined as unknown as Pipeline)

    assert.throws(make, TypeError, "Pipeline")
  })

  it("is prepareBatchParams", async () => {
    class Careless extends ParallelBatchPipeline {}
    const careless = new Careless(new Pipeline(new Least()))

    await assertClear(careless.run({}), "Careless", "prepareBatchParams")
    await assertClear(careless.runReport({}), "Careless", "prepareBatchParams")
    await assertClear(new BatchPipeline(new Pipeline(new Least())).run({}), "BatchPipeline", "prepareBatchParams")
  })

  it.each([undefined, 5, null, {}, Promise.resolve([]), () => []])("is an iterable: %s", async (answer) => {
    class Nonsense extends ParallelBatchPipeline {
      protected override prepareBatchParams(): Array<HandlerParams> {
        return answer as unknown as Array<HandlerParams>
      }
    }

    await assertClear(new Nonsense(new Pipeline(new Least())).run({}), "Nonsense", "prepareBatchParams")
  })
})

describe("options", () => {
  const pipeline = new Pipeline(new Least())
  const bad: ReadonlyArray<readonly [string, unknown, () => unknown]> = [
    ["concurrency", 0, () => new ParallelBatchPipeline(pipeline, { concurrency: 0 })],
    ["concurrency", Number.NaN, () => new ParallelBatchPipeline(pipeline, { concurrency: Number.NaN })],
    ["concurrency", 2.5, () => new ParallelBatchPipeline(pipeline, { concurrency: 2.5 })],
    ["mode", "x", () => new ParallelBatchPipeline(pipeline, { mode: "x" as "fail-fast" })],
    ["maxSteps", 0, () => new BatchPipeline(pipeline, { maxSteps: 0 })],
    ["isolation", "x", () => new BatchPipeline(pipeline, { isolation: "x" as "none" })],
    ["outcomes", "x", () => new BatchPipeline(pipeline, { outcomes: "x" as "none" })],
    ...[0, -1, 1.5, Number.NaN].map(
      (maxRetries) => ["maxRetries", maxRetries, () => new Idle({ maxRetries })] as const
    ),
    ...[-1, Number.NaN].map(
      (retryDelayMs) => ["retryDelayMs", retryDelayMs, () => new Idle({ retryDelayMs })] as const
    ),
    ...[0, -1, Number.NaN].map((timeoutMs) => ["timeoutMs", timeoutMs, () => new Idle({ timeoutMs })] as const)
  ]

  it.each(bad)("are never repaired: %s %s", (option, value, make) => {
    let thrown: unknown
    try {
      make()
    } catch (error) {
      thrown = error
    }

    assert.instanceOf(thrown, InvalidOptions)
    assert.strictEqual(thrown.option, option)
    assert.deepStrictEqual(thrown.value, value)
  })
})

class Idle extends Handler<unknown, void> {
  protected handleRequest(): void {}
}
