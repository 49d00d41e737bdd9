import { assert, describe, it } from "@effect/vitest"
import { runInNewContext } from "node:vm"
import {
  BatchPipeline,
  Handler,
  type HandlerOptions,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline
} from "parallel-batch-pipeline"

type Where = "prepareInputs" | "handleRequest" | "async handleRequest" | "processResults"

/** Throws `value` in one of its methods, and tells how often its request and its fallback were called. */
class Throw extends Handler<HandlerParams, unknown> {
  requests = 0
  fallbacks = 0
  readonly #where: Where
  readonly #value: unknown

  constructor(where: Where, value: unknown, options?: HandlerOptions) {
    super(options)
    this.#where = where
    this.#value = value
  }

  #throwIn(where: Where): void {
    if (this.#where === where) throw this.#value
  }

  protected override prepareInputs(): HandlerParams {
    this.#throwIn("prepareInputs")
    return {}
  }

  protected handleRequest(): unknown {
    this.requests++
    this.#throwIn("handleRequest")
    return this.#where === "async handleRequest" ? Promise.reject(this.#value) : 1
  }

  protected override processResults(): string {
    this.#throwIn("processResults")
    return "done"
  }
}

/** As `Throw`, with a fallback that says what it got. */
class Fallback extends Throw {
  error: Error | undefined

  protected override handleError(_inputs: HandlerParams, error: Error): unknown {
    this.fallbacks++
    this.error = error
    return "fallback"
  }
}

const values: ReadonlyArray<readonly [string, unknown]> = [
  ["an Error", new Error("no")],
  ["a string", "no"],
  ["a number", 5],
  ["undefined", undefined],
  ["null", null],
  ["a frozen Error", Object.freeze(new Error("frozen"))],
  ["an Error of another realm", runInNewContext("new Error('foreign')")],
  ["an object", { code: 1 }],
  ["a function", () => 1]
]
const places: ReadonlyArray<Where> = ["prepareInputs", "handleRequest", "async handleRequest", "processResults"]
const cases = places.flatMap((place) => values.map(([name, value]) => [name, place, value] as const))

const rejectionOf = (promise: Promise<unknown>): Promise<readonly [string, unknown]> =>
  promise.then(
    (value) => ["resolved", value] as const,
    (thrown: unknown) => ["rejected", thrown] as const
  )

const items = { params: () => [{ n: 0 }, { n: 1 }, { n: 2 }] }

const assertRejects = async (run: Promise<unknown>, value: unknown): Promise<void> => {
  const [how, thrown] = await rejectionOf(run)

  assert.strictEqual(how, "rejected")
  assert.strictEqual(thrown, value)
}

describe("run rejects with the very value", () => {
  it.each(cases)("%s, thrown in %s of a handler", async (_, where, value) => {
    await assertRejects(new Throw(where, value).run({}), value)
  })

  it.each(cases)("%s, thrown in %s of a step of a pipeline", async (_, where, value) => {
    const fallback = new Fallback("handleRequest", "first")
    fallback.connectTo(new Throw(where, value), "done")

    await assertRejects(new Pipeline(fallback).run({}), value)
  })

  it.each(cases)("%s, thrown in %s of an item of a batch", async (_, where, value) => {
    const pipeline = new Pipeline(new Throw(where, value))

    await assertRejects(new ParallelBatchPipeline(pipeline, items).run({}), value)
    await assertRejects(new BatchPipeline(pipeline, items).run({}), value)
  })

  it.each(cases)("%s, thrown in %s behind a retry", async (_, where, value) => {
    const pipeline = new Pipeline(new Throw(where, value, { maxRetries: 2, timeoutMs: 10_000 }))

    await assertRejects(new ParallelBatchPipeline(pipeline, items).run({}), value)
  })

  it.each(values)("%s, thrown in handleError", async (_, value) => {
    class Worse extends Throw {
      protected override handleError(): unknown {
        throw value
      }
    }
    class WorseLater extends Throw {
      protected override async handleError(): Promise<unknown> {
        await Promise.resolve()
        throw value
      }
    }

    await assertRejects(new Pipeline(new Worse("handleRequest", new Error("first"))).run({}), value)
    await assertRejects(new Pipeline(new WorseLater("async handleRequest", "first")).run({}), value)
  })

  it.each(values)("%s, thrown in prepareBatchParams and in processBatchResults", async (_, value) => {
    class Prepare extends ParallelBatchPipeline {
      protected override prepareBatchParams(): Array<HandlerParams> {
        throw value
      }
    }
    class Process extends ParallelBatchPipeline {
      protected override processBatchResults(): string {
        throw value
      }
    }
    const pipeline = new Pipeline(new Fallback("handleRequest", "no"))

    await assertRejects(new Prepare(pipeline).run({}), value)
    await assertRejects(new Process(pipeline, items).run({}), value)
  })

  it.each(values)("%s, thrown by a generator of parameter sets", async (_, value) => {
    const params = function* (): Generator<HandlerParams> {
      yield { n: 0 }
      throw value
    }

    await assertRejects(
      new ParallelBatchPipeline(new Pipeline(new Fallback("handleRequest", 1)), { params }).run({}),
      value
    )
  })
})

describe("handleError", () => {
  it.each(values.filter(([, value]) => Object.prototype.toString.call(value) === "[object Error]"))(
    "gets %s as it is",
    async (_, value) => {
      const fallback = new Fallback("async handleRequest", value)

      assert.strictEqual(await fallback.run({}), "done")
      assert.strictEqual(fallback.error, value)
    }
  )

  it.each([
    ["a string", "no", /no/],
    ["a number", 5, /5/],
    ["undefined", undefined, /undefined/],
    ["null", null, /null/],
    ["an object", { code: 17 }, /code.*17/]
  ] as const)("gets %s as an Error that shows it and has it as cause", async (_, value, message) => {
    const fallback = new Fallback("handleRequest", value)

    await fallback.run({})

    assert.instanceOf(fallback.error, Error)
    assert.match(fallback.error.message, message)
    assert.isTrue("cause" in fallback.error)
    assert.strictEqual(fallback.error.cause, value)
  })

  it("runs once, after the last attempt", async () => {
    const fallback = new Fallback("async handleRequest", "no", { maxRetries: 3 })

    await fallback.run({})

    assert.deepStrictEqual([fallback.requests, fallback.fallbacks], [3, 1])
  })

  it("gives its value to processResults in the place of the outputs", async () => {
    const seen: Array<unknown> = []
    class Cached extends Handler<HandlerParams, string> {
      protected handleRequest(): string {
        throw new Error("no")
      }
      protected override async handleError(): Promise<string> {
        return "cached"
      }
      protected override processResults(_shared: unknown, _inputs: HandlerParams, outputs: string): string {
        seen.push(outputs)
        return outputs
      }
    }

    assert.strictEqual(await new Cached().run({}), "cached")
    assert.deepStrictEqual(seen, ["cached"])
  })

  it.each([
    ["prepareInputs", 0],
    ["processResults", 1]
  ] as const)("does not hide a throw in %s, and no retry does", async (where, requests) => {
    const fallback = new Fallback(where, "bug", { maxRetries: 3 })

    await assertRejects(new Pipeline(fallback).run({}), "bug")
    assert.deepStrictEqual([fallback.requests, fallback.fallbacks], [requests, 0])
  })
})
