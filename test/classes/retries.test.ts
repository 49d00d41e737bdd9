import { afterAll, afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import {
  Handler,
  type HandlerOptions,
  type HandlerParams,
  type ParallelBatchOptions,
  ParallelBatchPipeline,
  Pipeline
} from "parallel-batch-pipeline"
import { HandlerTimeout } from "parallel-batch-pipeline/effect"
import { vi } from "vitest"

type Request = (n: number, signal: AbortSignal, attempt: number) => unknown

class Work extends Handler<HandlerParams, unknown> {
  /** The items in the order of their attempts. */
  readonly attempts: Array<number> = []
  readonly #request: Request

  constructor(request: Request, options?: HandlerOptions) {
    super(options)
    this.#request = request
  }

  protected handleRequest(inputs: HandlerParams): unknown {
    const n = (inputs["n"] ?? 0) as number
    this.attempts.push(n)
    return this.#request(n, this.getSignal(), this.attempts.filter((other) => other === n).length)
  }
}

/** Hands what it gets to `errors`. */
class Fallback extends Work {
  readonly errors: Array<Error> = []

  protected override handleError(_inputs: HandlerParams, error: Error): unknown {
    this.errors.push(error)
    return "fallback"
  }
}

const batchOf = (work: Work, count: number, options?: ParallelBatchOptions) =>
  new ParallelBatchPipeline(new Pipeline(work), {
    params: () => Array.from({ length: count }, (_, n) => ({ n })),
    ...options
  })
const fail = async (): Promise<never> => {
  throw new Error("no")
}
const never = new Promise<never>(() => {})

const unhandled: Array<unknown> = []
const listen = (reason: unknown) => unhandled.push(reason)
process.on("unhandledRejection", listen)
afterAll(async () => {
  await new Promise((resolve) => setTimeout(resolve, 5))
  process.off("unhandledRejection", listen)
  assert.deepStrictEqual(unhandled, [])
})

describe("maxRetries", () => {
  it.each([1, 2, 5])("of %d makes as many attempts in all", async (maxRetries) => {
    for (const request of [fail, () => assert.fail("at once")]) {
      const work = new Work(request, { maxRetries })

      await work.run({}).catch(() => {})

      assert.strictEqual(work.attempts.length, maxRetries)
    }
  })

  it("makes no attempt after one that succeeds", async () => {
    const work = new Work((_n, _signal, attempt) => (attempt < 3 ? fail() : "done"), { maxRetries: 10 })

    assert.strictEqual(await work.run({}), "default")
    assert.strictEqual(work.attempts.length, 3)
  })

  it("is not used up where retryIf says that the error is not worth it", async () => {
    const missing = new Error("404")
    const errors: Array<unknown> = []
    const work = new Fallback((_n, _signal, attempt) => Promise.reject(attempt === 1 ? new Error("503") : missing), {
      maxRetries: 10,
      retryIf: (error) => {
        errors.push(error)
        return error !== missing
      }
    })

    assert.strictEqual(await work.run({}), "default")
    assert.strictEqual(work.attempts.length, 2)
    assert.strictEqual(errors[1], missing)
    assert.deepStrictEqual(work.errors, [missing])
  })

  it("is never shared by items that run at the same time", async () => {
    const work = new Work(fail, { maxRetries: 3 })
    const report = await batchOf(work, 4, { mode: "collect-all" }).runReport({})

    assert.deepStrictEqual(work.attempts.toSorted(), [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    assert.deepStrictEqual(
      report.outcomes.map((outcome) => (outcome._tag === "Failed" ? outcome.attempts : outcome._tag)),
      [3, 3, 3, 3]
    )
  })

  it("is never shared by the steps of an item, nor by two visits of one step", async () => {
    const second = new Work((_n, _signal, attempt) => (attempt % 2 === 1 ? fail() : attempt), { maxRetries: 2 })
    const first = new Work((_n, _signal, attempt) => (attempt === 1 ? fail() : attempt), { maxRetries: 2 })
    first.connectTo(second).connectTo(first)
    second.connectTo(new Work(() => "end"))

    await new Pipeline(first).run({})

    assert.deepStrictEqual([first.attempts.length, second.attempts.length], [2, 2])
  })

  it("calls prepareInputs once", async () => {
    let prepared = 0
    class Prepared extends Work {
      protected override prepareInputs(): HandlerParams {
        prepared++
        return {}
      }
    }

    await new Prepared(fail, { maxRetries: 3 }).run({}).catch(() => {})

    assert.strictEqual(prepared, 1)
  })

  it("is not gone through once the batch is stopped", async () => {
    const work = new Work((n, _signal, attempt) => (n === 0 && attempt === 1 ? never : fail()), { maxRetries: 3 })
    const controller = new AbortController()
    const run = batchOf(work, 1).run({}, { signal: controller.signal })

    controller.abort("stop")

    assert.strictEqual(await run.catch((thrown: unknown) => thrown), "stop")
    assert.deepStrictEqual(work.attempts, [0])
  })
})

describe("under fake timers", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it("waits retryDelayMs before each retry", async () => {
    const work = new Work(fail, { maxRetries: 3, retryDelayMs: 1000 })
    const reporting = batchOf(work, 2, { mode: "collect-all" }).runReport({})
    const seen: Array<number> = []

    for (const millis of [0, 999, 1, 999, 1, 5000]) {
      await vi.advanceTimersByTimeAsync(millis)
      seen.push(work.attempts.length)
    }

    assert.deepStrictEqual(seen, [2, 2, 4, 4, 6, 6])
    assert.strictEqual((await reporting).failed, 2)
  })

  it("waits as long as a function of the failed attempt and its error says", async () => {
    const asked: Array<readonly [number, string]> = []
    const errors = [new Error("first"), new Error("second"), new Error("not worth it")]
    const work = new Work((_n, _signal, attempt) => Promise.reject(errors[attempt - 1]), {
      maxRetries: 4,
      retryIf: (error) => error !== errors[2],
      retryDelayMs: (attempt, error) => {
        asked.push([attempt, (error as Error).message])
        return 100 * 2 ** (attempt - 1)
      }
    })
    const run = work.run({}).catch((thrown: unknown) => thrown)
    const seen: Array<number> = []

    for (const millis of [0, 99, 1, 199, 1, 1000]) {
      await vi.advanceTimersByTimeAsync(millis)
      seen.push(work.attempts.length)
    }

    assert.deepStrictEqual(seen, [1, 1, 2, 2, 3, 3])
    assert.strictEqual(await run, errors[2])
    // Neither for an error that is not worth it, nor for the last attempt.
    assert.deepStrictEqual(asked, [
      [1, "first"],
      [2, "second"]
    ])
  })

  it("asks that function for each item by itself, and never after the last attempt", async () => {
    const asked: Array<number> = []
    const retryDelayMs = (attempt: number) => (asked.push(attempt), attempt === 1 ? 0 : 10)
    const work = new Work(fail, { maxRetries: 3, retryDelayMs })
    const reporting = batchOf(work, 2, { mode: "collect-all" }).runReport({})
    await vi.advanceTimersByTimeAsync(100)

    assert.deepStrictEqual([(await reporting).failed, asked.toSorted()], [2, [1, 1, 2, 2]])
  })

  it("is interrupted while it waits for that long", async () => {
    const controller = new AbortController()
    const work = new Work(fail, { maxRetries: 3, retryDelayMs: () => 1000 })
    const run = batchOf(work, 1).run({}, { signal: controller.signal })
    run.catch(() => {})
    await vi.advanceTimersByTimeAsync(500)
    controller.abort("stop")

    assert.strictEqual(await run.catch((thrown: unknown) => thrown), "stop")
    await vi.advanceTimersByTimeAsync(1000)
    assert.strictEqual(work.attempts.length, 1)
  })

  it.each([
    ["nothing", () => undefined, "undefined"],
    ["less than nothing", () => -1, "-1"],
    ["no number", () => Number.NaN, "NaN"],
    ["for ever", () => Number.POSITIVE_INFINITY, "Infinity"],
    ["a text", () => "100", '"100"'],
    ["a promise", async () => 100, "a promise, which nobody waits for"],
    ["a promise that rejects", fail, "a promise, which nobody waits for"]
  ])("fails the item where that function answers %s", async (_, answer, shown) => {
    const work = new Fallback(fail, { maxRetries: 3, retryDelayMs: answer as never, name: "asking" })
    const reporting = batchOf(work, 1).runReport({})
    await vi.advanceTimersByTimeAsync(100)
    const [outcome] = (await reporting).outcomes

    assert.strictEqual(outcome?._tag, "Failed")
    if (outcome?._tag !== "Failed") return
    const said = `TypeError: retryDelayMs of asking answered ${shown}, expected milliseconds (a number of at least 0)`
    assert.strictEqual(String(Cause.squash(outcome.cause)), said)
    // Neither hidden by the fallback, nor hiding the error.
    assert.include(Cause.pretty(outcome.cause), "Error: no")
    assert.deepStrictEqual([work.attempts.length, work.errors], [1, []])
  })

  it("fails the item with what that function throws", async () => {
    const bug = new Error("a bug")
    const retryDelayMs = () => {
      throw bug
    }
    const run = new Fallback(fail, { maxRetries: 3, retryDelayMs }).run({}).catch((thrown: unknown) => thrown)
    await vi.advanceTimersByTimeAsync(100)

    assert.strictEqual(await run, bug)
  })

  it("limits each attempt by timeoutMs, and handleError gets the HandlerTimeout of the last", async () => {
    const signals: Array<AbortSignal> = []
    const work = new Fallback((_n, signal) => (signals.push(signal), never), {
      maxRetries: 2,
      timeoutMs: 100,
      name: "slow"
    })
    const run = work.run({})

    // More than the timeout: a run that has to give way goes on when the fake clock is advanced.
    await vi.advanceTimersByTimeAsync(150)
    assert.deepStrictEqual(
      signals.map((signal) => signal.aborted),
      [true, false]
    )
    await vi.advanceTimersByTimeAsync(150)

    assert.strictEqual(await run, "default")
    assert.isTrue(signals[1]!.aborted)
    assert.instanceOf(work.errors[0], HandlerTimeout)
    assert.deepStrictEqual([work.errors.length, work.errors[0]!.message], [1, 'Handler "slow" took longer than 100ms'])
  })

  it("rejects with the HandlerTimeout where there is no handleError", async () => {
    const run = batchOf(new Work(() => never, { timeoutMs: 50 }), 2)
      .run({})
      .catch((thrown: unknown) => thrown)

    await vi.advanceTimersByTimeAsync(50)

    assert.instanceOf(await run, HandlerTimeout)
  })

  it("does not abort the signal of an attempt that was in time", async () => {
    const signals: Array<AbortSignal> = []
    const work = new Work(
      (_n, signal, attempt) => {
        signals.push(signal)
        return attempt === 1 ? never : Promise.resolve("in time")
      },
      { maxRetries: 2, timeoutMs: 100 }
    )
    const run = work.run({})

    await vi.advanceTimersByTimeAsync(1000)
    await run

    assert.deepStrictEqual(
      signals.map((signal) => signal.aborted),
      [true, false]
    )
  })

  it("drops what an attempt answers, or rejects with, after its timeout", async () => {
    const late: Array<PromiseWithResolvers<string>> = []
    const work = new Fallback(
      () => {
        late.push(Promise.withResolvers())
        return late.at(-1)!.promise
      },
      { maxRetries: 2, timeoutMs: 100 }
    )
    const run = work.run({})

    await vi.advanceTimersByTimeAsync(200)
    late[0]!.resolve("late")
    late[1]!.reject(new Error("late"))

    assert.strictEqual(await run, "default")
    assert.strictEqual(work.errors.length, 1)
  })

  it("aborts the signal of the attempt where the run is interrupted", async () => {
    const signals: Array<AbortSignal> = []
    const controller = new AbortController()
    const work = new Work((_n, signal) => (signals.push(signal), never), { maxRetries: 2, timeoutMs: 100 })
    const run = work.run({}, { signal: controller.signal }).catch((thrown: unknown) => thrown)

    await vi.advanceTimersByTimeAsync(50)
    controller.abort("stop")

    assert.strictEqual(await run, "stop")
    assert.isTrue(signals[0]!.aborted)
  })
})

it.effect("toEffect waits on the test clock for as long as a function says", () =>
  Effect.gen(function* () {
    const work = new Work(fail, { maxRetries: 3, retryDelayMs: (attempt) => attempt * 1000 })
    const fiber = yield* Effect.forkChild(Effect.flip(new Pipeline(work).toEffect({})))
    const seen: Array<number> = []

    for (const millis of [0, 999, 1, 1999, 1]) {
      yield* TestClock.adjust(millis)
      seen.push(work.attempts.length)
    }
    yield* Fiber.join(fiber)

    assert.deepStrictEqual(seen, [1, 1, 2, 2, 3])
  })
)

describe("toEffect on the test clock", () => {
  it.effect.each([
    ["a handler", (work: Work) => work],
    ["a pipeline", (work: Work) => new Pipeline(work)],
    ["a batch", (work: Work) => batchOf(work, 1)],
    ["a batch in a pipeline", (work: Work) => new Pipeline(batchOf(work, 1))]
  ] as const)("drives the delays and the timeouts of %s", ([, make]) =>
    Effect.gen(function* () {
      const work = new Work(() => never, { maxRetries: 2, retryDelayMs: 1000, timeoutMs: 100 })
      const fiber = yield* Effect.forkChild(Effect.flip(make(work).toEffect({})))
      const seen: Array<number> = []

      for (const millis of [99, 1, 999, 1, 100]) {
        yield* TestClock.adjust(millis)
        seen.push(work.attempts.length)
      }
      const settled = fiber.pollUnsafe() !== undefined
      yield* Fiber.interrupt(fiber)

      assert.deepStrictEqual(seen, [1, 1, 1, 2, 2])
      assert.isTrue(settled)
    })
  )
})
