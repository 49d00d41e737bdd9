import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, InvalidOptions, type Outcome, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

/** Item n takes n seconds, in two calls; odd ones fail in the second. */
const twoCalls = Pipeline.make("twoCalls", {
  handlers: {
    first: Handler.make("first", { handleRequest: ({ n }: N) => Effect.as(Effect.sleep(Duration.seconds(n)), n) }),
    second: Handler.make("second", {
      prepareInputs: ({ params }: { readonly params: N }) => params.n,
      handleRequest: (n) => (n % 2 === 1 ? Effect.fail("odd" as const) : Effect.succeed(n))
    })
  },
  start: "first",
  routes: { first: { default: "second" } }
})

const tags = (report: { readonly outcomes: ReadonlyArray<{ readonly _tag: string }> }) =>
  report.outcomes.map((outcome) => outcome._tag)

const runFor = <A, E>(duration: Duration.Input, batch: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(batch, { startImmediately: true })
    yield* TestClock.adjust(duration)
    return yield* Fiber.join(fiber)
  })

describe("Batch", () => {
  describe("budget: calls", () => {
    it.effect("makes no call more, and ends without a failure", () =>
      Effect.gen(function* () {
        const report = yield* Batch.run(twoCalls, {
          params: [{ n: 0 }, { n: 0 }, { n: 0 }, { n: 0 }],
          concurrency: 1,
          budget: { calls: 5 }
        })

        assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded", "Interrupted", "NotStarted"])
        assert.deepStrictEqual(report.endedBy, { _tag: "Budget", bound: "calls", limit: 5, used: 5 })
        assert.strictEqual(report.attempts, 5)
      })
    )

    it.effect("completes where the calls are just enough", () =>
      Effect.gen(function* () {
        const report = yield* Batch.run(twoCalls, { params: [{ n: 0 }, { n: 0 }], budget: { calls: 4 } })

        assert.deepStrictEqual([report.succeeded, report.endedBy._tag], [2, "Completed"])
      })
    )

    it.effect("counts retries, and neither retries nor falls back for want of calls", () =>
      Effect.gen(function* () {
        let made = 0
        const flaky = Handler.make("flaky", {
          handleRequest: ({ n }: N) => Effect.suspend(() => Effect.fail(++made + n)),
          handleError: () => Effect.succeed("fallback"),
          retry: { times: 9 }
        })
        const report = yield* Batch.run(Pipeline.make("flaky", { handlers: { flaky }, start: "flaky" }), {
          params: numbers(2),
          concurrency: 1,
          budget: { calls: 13 }
        })

        assert.deepStrictEqual(tags(report), ["Succeeded", "Interrupted"])
        assert.deepStrictEqual([made, report.attempts], [13, 13])
      })
    )

    it.effect("counts requests that are promises", () =>
      Effect.gen(function* () {
        const step = Handler.fromPromise("step", { handleRequest: async ({ n }: N) => n })
        const report = yield* Batch.run(Pipeline.make("step", { handlers: { step }, start: "step" }), {
          params: numbers(9),
          concurrency: 2,
          budget: { calls: 4 }
        })

        assert.deepStrictEqual([report.attempts, report.succeeded + report.interrupted, report.notStarted], [4, 5, 4])
      })
    )

    it.effect("lets the calls that run end, where the batch drains", () =>
      Effect.gen(function* () {
        const report = yield* runFor(
          "1 minute",
          Batch.run(twoCalls, {
            params: [{ n: 2 }, { n: 0 }, { n: 0 }, { n: 0 }],
            concurrency: 2,
            budget: { calls: 4 },
            drain: "10 seconds"
          })
        )

        // The first call of item 0 ends, and its second is not made.
        assert.deepStrictEqual(tags(report), ["Interrupted", "Succeeded", "Interrupted", "NotStarted"])
        assert.deepStrictEqual(Duration.toSeconds(report.duration), 2)
      })
    )
  })

  describe("budget: calls, with finalizers", () => {
    it.effect("is no failure of a fail-fast batch that drains", () =>
      Effect.gen(function* () {
        const open = Handler.make("open", {
          handleRequest: ({ n }: N) => Effect.acquireRelease(Effect.succeed(n), () => Effect.void)
        })
        const use = Handler.make("use", { handleRequest: ({ n }: N) => Effect.succeed(n) })
        const pipeline = Pipeline.make("pipeline", {
          handlers: { open, use },
          start: "open",
          routes: { open: { default: "use" } }
        })
        const options = { params: numbers(2), concurrency: 1, budget: { calls: 3 }, drain: "1 second" } as const
        const report = yield* Batch.run(pipeline, options)

        assert.deepStrictEqual([tags(report), report.endedBy._tag], [["Succeeded", "Interrupted"], "Budget"])
      })
    )
  })

  describe("budget: cost", () => {
    const cost = (outcome: Outcome.Any) => (outcome._tag === "Succeeded" ? 3 : 1)

    it.effect("ends the batch once it is spent, and reports what was", () =>
      Effect.gen(function* () {
        const report = yield* Batch.run(twoCalls, {
          params: Array.from({ length: 6 }, () => ({ n: 0 })),
          concurrency: 1,
          cost,
          budget: { cost: 7 }
        })

        assert.deepStrictEqual([report.succeeded, report.notStarted, report.cost], [3, 3, 9])
        assert.deepStrictEqual(report.endedBy, { _tag: "Budget", bound: "cost", limit: 7, used: 9 })
      })
    )

    it.effect("counts what failures have cost", () =>
      Effect.gen(function* () {
        const report = yield* runFor(
          "10 seconds",
          Batch.run(twoCalls, { params: numbers(4), mode: "collect-all", cost })
        )

        assert.deepStrictEqual([report.cost, report.endedBy._tag], [8, "Completed"])
      })
    )

    it.effect("hands the outcome that spent it to a stream", () =>
      Effect.gen(function* () {
        const outcomes = yield* Stream.runCollect(
          Batch.stream(twoCalls, { params: [{ n: 0 }, { n: 0 }, { n: 0 }], concurrency: 1, cost, budget: { cost: 4 } })
        )

        assert.deepStrictEqual(tags({ outcomes }), ["Succeeded", "Succeeded", "NotStarted"])
      })
    )

    it.effect.each([Number.NaN, -1, "much" as never, Number.POSITIVE_INFINITY])(
      "fails the item whose cost is %s, and loses nothing",
      (amount) =>
        Effect.gen(function* () {
          const report = yield* Batch.run(twoCalls, {
            params: [{ n: 0 }, { n: 0 }],
            mode: "collect-all",
            cost: ({ index }) => (index === 0 ? amount : 2)
          })

          assert.deepStrictEqual([tags(report), report.cost], [["Failed", "Succeeded"], 2])
          const [failed] = report.outcomes
          const reason = failed?._tag === "Failed" ? failed.cause.reasons[0] : undefined
          assert.isTrue(reason?._tag === "Die" && reason.defect instanceof InvalidOptions)
        })
    )

    it.effect("keeps the failure of an item whose cost throws", () =>
      Effect.gen(function* () {
        const report = yield* runFor(
          "1 second",
          Batch.run(twoCalls, {
            params: [{ n: 1 }],
            mode: "collect-all",
            cost: () => {
              throw new Error("no price")
            }
          })
        )

        const [failed] = report.outcomes
        assert.deepStrictEqual(failed?._tag === "Failed" ? failed.cause.reasons.map(({ _tag }) => _tag) : [], [
          "Fail",
          "Die"
        ])
      })
    )
  })

  describe("budget: duration", () => {
    it.effect("ends the batch as a timeout does", () =>
      Effect.gen(function* () {
        const report = yield* runFor(
          "1 minute",
          Batch.run(twoCalls, { params: numbers(5), mode: "collect-all", budget: { duration: "2500 millis" } })
        )

        assert.deepStrictEqual(tags(report), ["Succeeded", "Failed", "Succeeded", "Interrupted", "Interrupted"])
        assert.deepInclude(report.endedBy, { _tag: "Budget", bound: "duration" })
      })
    )

    it.effect("does not stand in the way of a timeout that is shorter", () =>
      Effect.gen(function* () {
        const options = { params: numbers(5), budget: { duration: "5 seconds" }, timeout: "500 millis" } as const
        const report = yield* runFor("1 minute", Batch.run(twoCalls, options))

        assert.strictEqual(report.endedBy._tag, "Timeout")
      })
    )
  })

  describe("budget", () => {
    const nonsense: ReadonlyArray<readonly [Batch.Budget, string]> = [
      [{}, "budget"],
      [{ calls: 0 }, "budget.calls"],
      [{ calls: 1.5 }, "budget.calls"],
      [{ cost: 0 }, "budget.cost"],
      [{ cost: Number.NaN }, "budget.cost"],
      [{ cost: 5 }, "cost"],
      [{ duration: "soon" as never }, "budget.duration"],
      [{ duration: 0 }, "budget.duration"]
    ]

    it.effect.each(nonsense)("refuses %j", ([budget, option]) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(Batch.run(twoCalls, { params: [], budget }))
        const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined

        assert.isTrue(
          reason?._tag === "Die" && reason.defect instanceof InvalidOptions && reason.defect.option === option
        )
      })
    )

    it.effect.prop(
      "never makes a call more, at any concurrency, and accounts for every item",
      {
        count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
        limit: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 50 })),
        concurrency: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 })),
        drains: Schema.Boolean
      },
      ({ concurrency, count, drains, limit }) =>
        Effect.gen(function* () {
          const calls: Array<number> = []
          const step = Handler.make("step", {
            handleRequest: ({ n }: N) =>
              Effect.suspend(() => {
                calls.push(n)
                return Effect.sleep(n % 3)
              })
          })
          const pipeline = Pipeline.make("p", {
            handlers: { a: step, b: step },
            start: "a",
            routes: { a: { default: "b" } }
          })
          const report = yield* runFor(
            "1 second",
            Batch.run(pipeline, {
              params: numbers(count),
              concurrency,
              budget: { calls: limit },
              ...(drains ? { drain: "1 minute" as const } : undefined)
            })
          )

          assert.strictEqual(calls.length, Math.min(limit, count * 2))
          assert.strictEqual(report.attempts, calls.length)
          assert.strictEqual(report.total, count)
          assert.strictEqual(report.succeeded + report.interrupted + report.notStarted, count)
          assert.strictEqual(report.endedBy._tag, limit < count * 2 ? "Budget" : "Completed")
        })
    )
  })
})
