import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"
import { Batch, Handler, HandlerTimeout, InvalidOptions, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

const tick = Effect.clockWith((clock) => clock.currentTimeMillis)

describe("Handler", () => {
  describe("retry", () => {
    const requests: ReadonlyArray<readonly [string, Effect.Effect<never, string>]> = [
      ["at once", Effect.fail("down")],
      ["after a yield", Effect.andThen(Effect.yieldNow, Effect.fail("down"))],
      ["after a second", Effect.delay(Effect.fail("down"), "1 second")]
    ]
    const cases = requests.flatMap(([name, request]) =>
      ([1, 2, 4, "unbounded"] as const).map((concurrency) => [name, concurrency, request] as const)
    )

    it.effect.each(cases)(
      "gives four items that fail %s three attempts each, at concurrency %s",
      ([, concurrency, request]) =>
        Effect.gen(function* () {
          const attempts = [0, 0, 0, 0]
          const step = Handler.make("step", {
            handleRequest: ({ n }: N) =>
              Effect.suspend(() => {
                attempts[n]!++
                return request
              }),
            retry: { times: 2 }
          })
          const pipeline = Pipeline.make("failing", { handlers: { step }, start: "step" })

          const fiber = yield* Effect.forkChild(
            Batch.run(pipeline, { params: numbers(4), mode: "collect-all", concurrency })
          )
          yield* TestClock.adjust("12 seconds")
          const report = yield* Fiber.join(fiber)

          assert.deepStrictEqual(attempts, [3, 3, 3, 3])
          assert.deepStrictEqual(
            report.outcomes.map((outcome) => outcome._tag === "Failed" && outcome.attempts),
            [3, 3, 3, 3]
          )
        })
    )

    it.effect("waits as the schedule says, each item for itself", () =>
      Effect.gen(function* () {
        const times: Array<readonly [number, number]> = []
        const step = Handler.make("step", {
          handleRequest: ({ n }: N) =>
            Effect.flatMap(tick, (at) => {
              times.push([n, at])
              return Effect.fail("down")
            }),
          retry: { times: 3, schedule: Schedule.exponential("100 millis") }
        })
        const pipeline = Pipeline.make("failing", { handlers: { step }, start: "step" })

        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: numbers(2), mode: "collect-all" }))
        yield* TestClock.adjust("699 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(fiber)

        assert.deepStrictEqual(
          times.filter(([n]) => n === 0).map(([, at]) => at),
          [0, 100, 300, 700]
        )
        assert.deepStrictEqual(
          times.filter(([n]) => n === 1).map(([, at]) => at),
          [0, 100, 300, 700]
        )
      })
    )

    it.effect("ends where `while` says that the error is not worth it", () =>
      Effect.gen(function* () {
        let attempts = 0
        const step = Handler.make("step", {
          handleRequest: (_params: N) =>
            Effect.suspend(() => Effect.fail(++attempts < 3 ? ("busy" as const) : ("gone" as const))),
          retry: { times: 10, while: (error) => error === "busy" }
        })
        const pipeline = Pipeline.make("failing", { handlers: { step }, start: "step" })

        const error = yield* Effect.flip(Pipeline.run(pipeline, { params: { n: 0 } }))

        assert.deepStrictEqual([error, attempts], ["gone", 3])
      })
    )

    it.effect.each([
      ["dies", () => Effect.die("bug")],
      [
        "throws",
        () => {
          throw new Error("bug")
        }
      ]
    ] as ReadonlyArray<readonly [string, () => Effect.Effect<never, string>]>)(
      "neither retries nor handles a request that %s",
      ([, request]) =>
        Effect.gen(function* () {
          const log: Array<string> = []
          const step = Handler.make("step", {
            handleRequest: (_params: N) => {
              log.push("attempt")
              return request()
            },
            handleError: () => Effect.sync(() => log.push("handled")),
            retry: { times: 2 }
          })
          const pipeline = Pipeline.make("failing", { handlers: { step }, start: "step" })

          const report = yield* Batch.run(pipeline, { params: numbers(1), mode: "collect-all" })

          assert.deepStrictEqual(log, ["attempt"])
          assert.strictEqual(report.failed, 1)
        })
    )
  })

  describe("handleError", () => {
    it.effect("runs once, after the last attempt, with the last error, and takes its place", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        let attempts = 0
        const step = Handler.make("step", {
          handleRequest: (_params: N) => Effect.suspend(() => Effect.fail(`error ${++attempts}`)),
          handleError: ({ n }, error) =>
            Effect.sync(() => {
              log.push(error)
              return `fallback ${n}`
            }),
          retry: { times: 2 }
        })
        const pipeline = Pipeline.make("failing", { handlers: { step }, start: "step" })

        const result = yield* Pipeline.run(pipeline, { params: { n: 7 } })

        assert.deepStrictEqual([result.output, log], ["fallback 7", ["error 3"]])
      })
    )

    it.effect("fails the item with its own error, or with what it throws", () =>
      Effect.gen(function* () {
        const step = Handler.make("step", {
          handleRequest: (_params: N) => Effect.fail("first"),
          handleError: ({ n }) => {
            if (n === 1) throw "bug"
            return Effect.fail("second")
          }
        })
        const pipeline = Pipeline.make("failing", { handlers: { step }, start: "step" })

        const report = yield* Batch.run(pipeline, { params: numbers(2), mode: "collect-all" })

        const causes = report.outcomes.map((outcome) => outcome._tag === "Failed" && Cause.squash(outcome.cause))
        assert.deepStrictEqual(causes, ["second", "bug"])
      })
    )
  })

  describe("timeout", () => {
    it.effect("counts for each attempt, is retried, and reaches handleError", () =>
      Effect.gen(function* () {
        const errors: Array<unknown> = []
        const step = Handler.make("step", {
          handleRequest: (_params: N) => Effect.never,
          handleError: (_, error) =>
            Effect.as(
              Effect.sync(() => errors.push(error)),
              "fallback"
            ),
          timeout: "10 seconds",
          retry: { times: 2, while: (error: HandlerTimeout) => error._tag === "HandlerTimeout" }
        })
        const pipeline = Pipeline.make("slow", { handlers: { step }, start: "step" })

        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: numbers(1) }))
        yield* TestClock.adjust("29999 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        const report = yield* Fiber.join(fiber)

        assert.deepStrictEqual(errors, [new HandlerTimeout({ handler: "step", duration: Duration.seconds(10) })])
        const [outcome] = report.outcomes
        assert(outcome?._tag === "Succeeded")
        assert.deepStrictEqual([outcome.attempts, outcome.output], [3, "fallback"])
      })
    )

    it.effect("stays in the cause where `while` throws over it, which no fallback hides", () =>
      Effect.gen(function* () {
        const step = Handler.make("step", {
          handleRequest: (_params: N): Effect.Effect<never, { readonly response: { readonly status: number } }> =>
            Effect.never,
          handleError: () => Effect.succeed("fallback"),
          timeout: "10 seconds",
          retry: { times: 2, while: (error) => error.response.status >= 500 }
        })
        const pipeline = Pipeline.make("slow", { handlers: { step }, start: "step" })

        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: numbers(1), mode: "collect-all" }))
        yield* TestClock.adjust("10 seconds")
        const [outcome] = (yield* Fiber.join(fiber)).outcomes

        assert(outcome?._tag === "Failed")
        assert.instanceOf(Cause.squash(outcome.cause), TypeError)
        const [, timedOut] = outcome.cause.reasons.map((reason) => Cause.isDieReason(reason) && reason.defect)
        assert.instanceOf(timedOut, HandlerTimeout)
      })
    )

    it.effect("interrupts the attempt, whose finalizers run before the next", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const step = Handler.make("step", {
          handleRequest: (_params: N) =>
            Effect.andThen(
              Effect.sync(() => log.push("attempt")),
              Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push("interrupted")))
            ),
          timeout: 10,
          retry: { times: 1 }
        })
        const pipeline = Pipeline.make("slow", { handlers: { step }, start: "step" })

        const fiber = yield* Effect.forkChild(Effect.flip(Pipeline.run(pipeline, { params: { n: 0 } })))
        yield* TestClock.adjust(20)

        assert.instanceOf(yield* Fiber.join(fiber), HandlerTimeout)
        assert.deepStrictEqual(log, ["attempt", "interrupted", "attempt", "interrupted"])
      })
    )

    it.each([0, -1, "nonsense", Number.NaN] as const)("is thrown as InvalidOptions where it is %s", (timeout) => {
      const make = () =>
        Handler.make("step", { handleRequest: (_params: N) => Effect.void, timeout: timeout as Duration.Input })

      assert.throws(make, InvalidOptions)
    })

    it.each([-1, 1.5, Number.NaN])("is thrown as InvalidOptions where retry.times is %s", (times) => {
      const make = () => Handler.make("step", { handleRequest: (_params: N) => Effect.void, retry: { times } })

      assert.throws(make, InvalidOptions)
    })
  })

  describe("CurrentItem", () => {
    it.effect("stays that of the item, after every wait and in every child fiber", () =>
      Effect.gen(function* () {
        const look = Effect.map(
          Handler.CurrentItem,
          ({ attempt, handler, index, key }) => `${index} ${key} ${handler} ${attempt}`
        )
        const step = Handler.make("step", {
          handleRequest: ({ n }: N) =>
            Effect.gen(function* () {
              const first = yield* look
              yield* Effect.sleep((n * 37) % 11)
              const child = yield* Effect.forkChild(Effect.andThen(Effect.sleep((n * 13) % 7), look))
              yield* Effect.yieldNow
              const second = yield* Fiber.join(child)
              return [first, second, yield* look]
            })
        })
        const pipeline = Pipeline.make("looking", { handlers: { step }, start: "step" })

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, { params: numbers(50), concurrency: 20, key: ({ n }) => `key ${n}` })
        )
        yield* TestClock.adjust("1 second")
        const report = yield* Fiber.join(fiber)

        const outputs = report.outcomes.map((outcome) => outcome._tag === "Succeeded" && outcome.output)
        assert.deepStrictEqual(
          outputs,
          numbers(50).map(({ n }) => Array<string>(3).fill(`${n} key ${n} step 1`))
        )
      })
    )

    it.effect("is shown by what it says of itself, and by nothing else of the item", () =>
      Effect.gen(function* () {
        const shown = (item: Handler.CurrentItem) => [JSON.parse(JSON.stringify(item)), inspect(item)] as const
        const asks = Handler.make("asks", { handleRequest: (_params: N) => Effect.map(Handler.CurrentItem, shown) })
        const calls = Handler.make("calls", {
          handleRequest: (_params: N) => Effect.sync(() => shown(Fiber.getCurrent()!.getRef(Handler.CurrentItem)))
        })

        for (const step of [asks, calls]) {
          const pipeline = Pipeline.make("shown", { handlers: { step }, start: "step" })
          const { outcomes } = yield* Batch.run(pipeline, { params: numbers(1), key: ({ n }) => `key ${n}` })
          const [outcome] = outcomes
          assert(outcome?._tag === "Succeeded")
          const [json, text] = outcome.output
          assert.deepStrictEqual(json, { index: 0, key: "key 0", handler: "step", attempt: 1 })
          assert.strictEqual(text, inspect(json))
        }
      })
    )

    it.effect("is that of the item for functions that ask their fiber, and of none once they have ended", () =>
      Effect.gen(function* () {
        const kept: Array<Handler.CurrentItem> = []
        const named = ({ handler, index, key }: Handler.CurrentItem) => `${index} ${key} ${handler}`
        const seen = new Set<string>()
        const look = () => {
          const item = Fiber.getCurrent()!.getRef(Handler.CurrentItem)
          kept.push(item)
          seen.add(named(item))
        }
        const first = Handler.make("first", { handleRequest: (_params: N) => Effect.sync(look) })
        const wait = Handler.make("wait", { handleRequest: ({ n }: N) => Effect.sleep(n % 3) })
        const last = Handler.make("last", { handleRequest: (_params: N) => Effect.sync(look) })
        const pipeline = Pipeline.make("looking", {
          handlers: { first, wait, last },
          start: "first",
          routes: { first: { default: "wait" }, wait: { default: "last" } }
        })

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, { params: numbers(50), concurrency: 20, key: ({ n }) => `key ${n}` })
        )
        yield* TestClock.adjust("1 second")
        const report = yield* Fiber.join(fiber)

        assert.strictEqual(report.succeeded, 50)
        assert.deepStrictEqual(
          seen,
          new Set(numbers(50).flatMap(({ n }) => [`${n} key ${n} first`, `${n} key ${n} last`]))
        )
        assert.deepStrictEqual([...new Set(kept.map(named))], ["-1  "])
      })
    )

    it.effect("counts the attempts, and names the step", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const look = Effect.flatMap(Handler.CurrentItem, ({ attempt, handler }) => {
          seen.push(`${handler} ${attempt}`)
          return attempt < 3 ? Effect.fail("not yet") : Effect.void
        })
        const one = Handler.make("one", { handleRequest: (_params: N) => look, retry: { times: 5 } })
        const two = Handler.make("two", {
          handleRequest: (_params: N) => look,
          handleError: () => look,
          retry: { times: 1 }
        })
        const pipeline = Pipeline.make("looking", {
          handlers: { first: one, second: two },
          start: "first",
          routes: { first: { default: "second" } }
        })

        yield* Batch.run(pipeline, { params: numbers(1), mode: "collect-all" })

        assert.deepStrictEqual(seen, ["first 1", "first 2", "first 3", "second 1", "second 2", "second 2"])
      })
    )

    it.effect("says outside of a run that there is none", () =>
      Effect.gen(function* () {
        const step = Handler.make("step", { handleRequest: (_params: N) => Effect.yieldNow })
        const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })

        yield* Batch.run(pipeline, { params: numbers(2) })

        assert.deepInclude(yield* Handler.CurrentItem, { index: -1, key: "", handler: "", attempt: 0 })
      })
    )
  })

  describe("services", () => {
    it.effect("sees those of the batch again after a step that provides its own", () =>
      Effect.gen(function* () {
        const spy = Effect.map(Handler.CurrentItem, ({ index }) => index)
        const other = { index: 99, key: "other", handler: "other", attempt: 9 }
        const overriding = Handler.make("overriding", {
          handleRequest: (_params: N) =>
            Effect.provideService(Effect.andThen(Effect.yieldNow, spy), Handler.CurrentItem, other)
        })
        const plain = Handler.make("plain", {
          prepareInputs: ({ previous }: { readonly previous: number }) => previous,
          handleRequest: (previous) => Effect.map(spy, (index) => [previous, index])
        })
        const pipeline = Pipeline.make("pipeline", {
          handlers: { overriding, plain },
          start: "overriding",
          routes: { overriding: { default: "plain" } }
        })

        const report = yield* Batch.run(pipeline, { params: numbers(2), concurrency: 1 })

        const outputs = report.outcomes.map((outcome) => outcome._tag === "Succeeded" && outcome.output)
        assert.deepStrictEqual(outputs, [
          [99, 0],
          [99, 1]
        ])
      })
    )
  })
})
