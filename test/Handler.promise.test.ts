import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, HandlerTimeout, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

/** Lets promises settle: one turn of the event loop, no time passes. */
const settle = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

describe("Handler", () => {
  describe("fromPromise", () => {
    it.effect("hands the value of the promise to processResults", () =>
      Effect.gen(function* () {
        const double = Handler.fromPromise("double", {
          handleRequest: async ({ n }: N) => n * 2,
          processResults: ({ outputs }) => (outputs > 2 ? Handler.next("many") : Handler.next("few"))
        })
        const pipeline = Pipeline.make("doubling", { handlers: { double }, start: "double" })

        const report = yield* Batch.run(pipeline, { params: numbers(3) })

        const ends = report.outcomes.map((outcome) =>
          outcome._tag === "Succeeded" ? [outcome.action, outcome.output] : []
        )
        assert.deepStrictEqual(ends, [
          ["few", 0],
          ["few", 2],
          ["many", 4]
        ])
      })
    )

    it.effect.each([
      ["a rejection", async () => Promise.reject(new Error("no"))],
      [
        "a throw before the promise",
        () => {
          throw new Error("no")
        }
      ]
    ] as ReadonlyArray<readonly [string, () => Promise<never>]>)("turns %s into a typed error", ([, request]) =>
      Effect.gen(function* () {
        const failing = Handler.fromPromise("failing", {
          handleRequest: (_params: N) => request(),
          catch: (cause) => ({ caught: (cause as Error).message })
        })
        const pipeline = Pipeline.make("failing", { handlers: { failing }, start: "failing" })

        const error = yield* Effect.flip(Pipeline.run(pipeline, { params: { n: 1 } }))

        assert.deepStrictEqual(error, { caught: "no" })
      })
    )

    it.effect("fails with an UnknownError where nothing catches", () =>
      Effect.gen(function* () {
        const failing = Handler.fromPromise("failing", { handleRequest: async (_params: N) => Promise.reject("no") })
        const pipeline = Pipeline.make("failing", { handlers: { failing }, start: "failing" })

        const error = yield* Effect.flip(Pipeline.run(pipeline, { params: { n: 1 } }))

        assert.instanceOf(error, Cause.UnknownError)
        assert.strictEqual((error as Cause.UnknownError).cause, "no")
      })
    )

    it.effect("fails the item with what `catch` throws", () =>
      Effect.gen(function* () {
        const bug = new Error("bug in catch")
        const failing = Handler.fromPromise("failing", {
          handleRequest: async ({ n }: N) => (n === 1 ? Promise.reject("no") : n),
          catch: (): never => {
            throw bug
          }
        })
        const pipeline = Pipeline.make("failing", { handlers: { failing }, start: "failing" })

        const report = yield* Batch.run(pipeline, { params: numbers(3), mode: "collect-all" })

        const causes = report.outcomes.map((outcome) =>
          outcome._tag === "Failed" ? Cause.squash(outcome.cause) : "ok"
        )
        assert.deepStrictEqual(causes, ["ok", bug, "ok"])
      })
    )

    it.effect("waits for a thenable that is no promise, and takes its first answer only", () =>
      Effect.gen(function* () {
        const thenable: PromiseLike<string> = {
          // oxlint-disable-next-line unicorn/no-thenable -- what the test is about
          then: (onFulfilled, onRejected) => {
            onFulfilled?.("first")
            onFulfilled?.("second")
            onRejected?.("third")
            return thenable as never
          }
        }
        const step = Handler.fromPromise("step", { handleRequest: (_params: N) => thenable })
        const pipeline = Pipeline.make("thenables", { handlers: { step }, start: "step" })

        const report = yield* Batch.run(pipeline, { params: numbers(5), concurrency: 2 })

        assert.strictEqual(report.succeeded, 5)
        assert.isTrue(report.outcomes.every((outcome) => outcome._tag === "Succeeded" && outcome.output === "first"))
      })
    )

    it.effect("aborts the signal when the item is interrupted", () =>
      Effect.gen(function* () {
        const signals: Array<AbortSignal> = []
        const step = Handler.fromPromise("step", {
          handleRequest: (_params: N, signal) => {
            signals.push(signal)
            return new Promise<never>(() => {})
          }
        })
        const pipeline = Pipeline.make("hanging", { handlers: { step }, start: "step" })

        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: numbers(3) }), { startImmediately: true })
        assert.deepStrictEqual(
          signals.map((signal) => signal.aborted),
          [false, false, false]
        )
        yield* Fiber.interrupt(fiber)

        assert.deepStrictEqual(
          signals.map((signal) => signal.aborted),
          [true, true, true]
        )
      })
    )

    it.effect("aborts the signal of a function that takes its arguments as a rest parameter", () =>
      Effect.gen(function* () {
        const signals: Array<AbortSignal> = []
        const step = Handler.fromPromise("step", {
          handleRequest: (...[, signal]: [N, AbortSignal]) => {
            signals.push(signal)
            return new Promise<never>(() => {})
          }
        })
        const pipeline = Pipeline.make("hanging", { handlers: { step }, start: "step" })

        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: numbers(1) }), { startImmediately: true })
        yield* Fiber.interrupt(fiber)

        assert.deepStrictEqual(
          signals.map((signal) => signal.aborted),
          [true]
        )
      })
    )

    it.effect("aborts the signal of an attempt that times out, and tries again with a new one", () =>
      Effect.gen(function* () {
        const signals: Array<AbortSignal> = []
        const step = Handler.fromPromise("step", {
          handleRequest: (_params: N, signal) => {
            signals.push(signal)
            return new Promise<never>(() => {})
          },
          timeout: "1 second",
          retry: { times: 1 }
        })
        const pipeline = Pipeline.make("hanging", { handlers: { step }, start: "step" })

        const fiber = yield* Effect.forkChild(Effect.flip(Pipeline.run(pipeline, { params: { n: 1 } })))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(
          signals.map((signal) => signal.aborted),
          [true, false]
        )
        yield* TestClock.adjust("1 second")

        assert.instanceOf(yield* Fiber.join(fiber), HandlerTimeout)
        assert.deepStrictEqual(
          signals.map((signal) => signal.aborted),
          [true, true]
        )
      })
    )

    it.effect("retries what rejects, and what throws before there is a promise", () =>
      Effect.gen(function* () {
        let calls = 0
        const step = Handler.fromPromise("step", {
          handleRequest: (_params: N) => {
            calls++
            if (calls === 1) throw new Error("thrown")
            return calls === 2 ? Promise.reject(new Error("rejected")) : Promise.resolve(calls)
          },
          retry: { times: 2 }
        })
        const pipeline = Pipeline.make("flaky", { handlers: { step }, start: "step" })

        const result = yield* Pipeline.run(pipeline, { params: { n: 1 } })

        assert.strictEqual(result.output, 3)
      })
    )

    it.effect("ignores what settles after the interruption", () =>
      Effect.gen(function* () {
        const processed: Array<number> = []
        const releases: Array<(n: number) => void> = []
        const step = Handler.fromPromise("step", {
          handleRequest: (_params: N) => new Promise<number>((resolve) => releases.push(resolve)),
          processResults: ({ outputs }) => {
            processed.push(outputs)
            return Handler.next("done")
          }
        })
        const pipeline = Pipeline.make("late", { handlers: { step }, start: "step" })

        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: numbers(8), concurrency: 2 }), {
          startImmediately: true
        })
        yield* Fiber.interrupt(fiber)
        releases.forEach((release, index) => release(index))
        yield* settle

        assert.deepStrictEqual(processed, [])
        assert.strictEqual(releases.length, 2)
      })
    )

    it.effect("fails the item with what processResults throws, and goes on with the next", () =>
      Effect.gen(function* () {
        const step = Handler.fromPromise("step", {
          handleRequest: async ({ n }: N) => n,
          processResults: ({ outputs }) => {
            if (outputs % 2 === 1) throw new Error(`bug ${outputs}`)
            return Handler.next("done")
          }
        })
        const pipeline = Pipeline.make("buggy", { handlers: { step }, start: "step" })

        const report = yield* Batch.run(pipeline, { params: numbers(6), mode: "collect-all", concurrency: 2 })

        const ends = report.outcomes.map((outcome) =>
          outcome._tag === "Failed" ? (Cause.squash(outcome.cause) as Error).message : outcome._tag
        )
        assert.deepStrictEqual(ends, ["Succeeded", "bug 1", "Succeeded", "bug 3", "Succeeded", "bug 5"])
      })
    )

    it.effect("needs no stack for items that fail one after the other behind a promise", () =>
      Effect.gen(function* () {
        const step = Handler.fromPromise("step", {
          prepareInputs: ({ params }: { readonly params: N }) => {
            if (params.n > 0) throw new Error("bug")
            return params
          },
          handleRequest: async ({ n }) => n
        })
        const pipeline = Pipeline.make("buggy", { handlers: { step }, start: "step" })

        const report = yield* Batch.run(pipeline, { params: numbers(20_000), mode: "collect-all", concurrency: 1 })

        assert.strictEqual(report.failed, 19_999)
      })
    )
  })

  describe("fromPromise beside make", () => {
    it.effect("takes 1,000 items through promises, effects that wait, and effects that do not", () =>
      Effect.gen(function* () {
        const promised = Handler.fromPromise("promised", { handleRequest: async ({ n }: N) => n })
        const yielding = Handler.make("yielding", {
          prepareInputs: ({ previous }: { readonly previous: number }) => previous,
          handleRequest: (n) => Effect.as(Effect.yieldNow, n + 1)
        })
        const again = Handler.fromPromise("again", {
          prepareInputs: ({ previous }: { readonly previous: number }) => previous,
          handleRequest: (n) => Promise.resolve(n * 2)
        })
        const pure = Handler.make("pure", {
          prepareInputs: ({ previous }: { readonly previous: number }) => previous,
          handleRequest: (n) => Effect.succeed(n - 1)
        })
        const pipeline = Pipeline.make("mixed", {
          handlers: { promised, yielding, again, pure },
          start: "promised",
          routes: { promised: { default: "yielding" }, yielding: { default: "again" }, again: { default: "pure" } }
        })

        const report = yield* Batch.run(pipeline, { params: numbers(1000), concurrency: 32 })

        const outputs = report.outcomes.map((outcome) => (outcome._tag === "Succeeded" ? outcome.output : undefined))
        assert.deepStrictEqual(
          outputs,
          numbers(1000).map(({ n }) => (n + 1) * 2 - 1)
        )
      })
    )

    it.effect("hears every promise, however many operations the fiber has spent before it", () =>
      Effect.gen(function* () {
        const spend = Handler.make("spend", {
          // A fiber yields after 2,048 operations: one of these items makes it yield just before it waits for the promise.
          handleRequest: ({ n }: N) =>
            Effect.whileLoop({ while: () => n-- > 0, body: () => Effect.asVoid(Effect.sync(() => n)), step: () => {} })
        })
        const ask = Handler.fromPromise("ask", { handleRequest: async (_params: N) => "answer" })
        const pipeline = Pipeline.make("asking", {
          handlers: { spend, ask },
          start: "spend",
          routes: { spend: { default: "ask" } }
        })

        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: numbers(2100), concurrency: "unbounded" }))
        for (let rounds = 0; rounds < 2000 && fiber.pollUnsafe() === undefined; rounds++) yield* settle

        assert.strictEqual(fiber.pollUnsafe()?._tag, "Success")
      })
    )
    it.effect("stops the batch from inside a continuation of a promise", () =>
      Effect.gen(function* () {
        const interrupted: Array<number> = []
        const started: Array<number> = []
        const ask = Handler.fromPromise("ask", {
          handleRequest: async ({ n }: N) => started.push(n),
          processResults: ({ params }) => (params.n % 4 === 3 ? Handler.next("end") : Handler.next("wait"))
        })
        const wait = Handler.make("wait", {
          handleRequest: ({ n }: N) =>
            n === 2
              ? Effect.fail("boom" as const)
              : Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted.push(n)))
        })
        const pipeline = Pipeline.make("asking", {
          handlers: { ask, wait },
          start: "ask",
          routes: { ask: { wait: "wait" } }
        })

        const failed = yield* Effect.flip(Batch.run(pipeline, { params: numbers(10), concurrency: 3 }))
        yield* settle

        assert.strictEqual(failed.error, "boom")
        assert.deepStrictEqual(interrupted, [0, 1])
        assert.deepStrictEqual(started, [0, 1, 2])
        assert.deepStrictEqual(
          failed.report.outcomes.map((outcome) => outcome._tag),
          ["Interrupted", "Interrupted", "Failed", ...Array.from({ length: 7 }, () => "NotStarted")]
        )
      })
    )

    it.effect("has the failure in the report at the moment in which the batch fails", () =>
      Effect.gen(function* () {
        const ask = Handler.fromPromise("ask", {
          handleRequest: async ({ n }: N) => (n === 1 ? Promise.reject("boom") : n),
          catch: () => "boom"
        })
        const pipeline = Pipeline.make("asking", { handlers: { ask }, start: "ask" })

        const outcomes = yield* Batch.run(pipeline, { params: numbers(3), concurrency: 1 }).pipe(
          Effect.mapError(({ report }) => report.outcomes.map((outcome) => outcome?._tag)),
          Effect.flip
        )

        assert.deepStrictEqual(outcomes, ["Succeeded", "Failed", "NotStarted"])
      })
    )

    it.effect.each([1, 2, 7])("ends a fail-fast batch of nothing but promises at concurrency %s", (concurrency) =>
      Effect.gen(function* () {
        const started: Array<number> = []
        const ask = Handler.fromPromise("ask", {
          handleRequest: async ({ n }: N) => {
            started.push(n)
            return n === 5 ? Promise.reject("boom") : n
          },
          catch: (cause) => cause as string
        })
        const pipeline = Pipeline.make("asking", { handlers: { ask }, start: "ask" })

        const failed = yield* Effect.flip(Batch.run(pipeline, { params: numbers(20), concurrency }))
        const startedBefore = started.length
        yield* settle

        const { failed: failures, interrupted, notStarted, outcomes, succeeded } = failed.report
        assert.strictEqual(outcomes[5]?._tag, "Failed")
        assert.strictEqual(failed.error, "boom")
        assert.strictEqual(started.length, startedBefore)
        assert.deepStrictEqual([failures, notStarted], [1, 20 - startedBefore])
        assert.strictEqual(succeeded + failures + interrupted + notStarted, 20)
      })
    )
  })
})
