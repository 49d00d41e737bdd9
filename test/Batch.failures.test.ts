import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber, Option, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, Outcome, Pipeline, TooManySteps } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

const tagsOf = (report: { readonly outcomes: ReadonlyArray<Outcome.Any> }) => report.outcomes.map(({ _tag }) => _tag)

/** A pipeline of one step. */
const pipelineOf = <E>(handleRequest: (params: N) => Effect.Effect<unknown, E, Scope.Scope>) => {
  const step = Handler.make("step", { handleRequest })
  return Pipeline.make("pipeline", { handlers: { step }, start: "step" })
}

describe("Batch", () => {
  describe("run with mode fail-fast", () => {
    it.effect.each([
      [0, ["Failed", "NotStarted", "NotStarted", "NotStarted", "NotStarted"]],
      [2, ["Succeeded", "Succeeded", "Failed", "NotStarted", "NotStarted"]],
      [4, ["Succeeded", "Succeeded", "Succeeded", "Succeeded", "Failed"]]
    ] as ReadonlyArray<readonly [number, Array<Outcome.Any["_tag"]>]>)(
      "starts nothing after the failure of item %s",
      ([failing, tags]) =>
        Effect.gen(function* () {
          const started: Array<number> = []
          const pipeline = pipelineOf(({ n }) => {
            started.push(n)
            return n === failing ? Effect.fail("boom" as const) : Effect.yieldNow
          })

          const failed = yield* Effect.flip(Batch.run(pipeline, { params: numbers(5), concurrency: 1 }))

          assert.strictEqual(failed.error, "boom")
          assert.deepStrictEqual(Option.getOrUndefined(Cause.findErrorOption(failed.cause)), "boom")
          assert.deepStrictEqual(tagsOf(failed.report), tags)
          assert.deepStrictEqual(
            started,
            numbers(failing + 1).map(({ n }) => n)
          )
        })
    )

    it.effect("has run every finalizer, slow ones too, when the error arrives", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const pipeline = pipelineOf(({ n }) =>
          n === 2
            ? Effect.delay(Effect.fail("boom"), "1 second")
            : Effect.acquireRelease(Effect.void, () =>
                Effect.andThen(
                  Effect.sleep("1 minute"),
                  Effect.sync(() => log.push(`released ${n}`))
                )
              ).pipe(
                Effect.andThen(Effect.never),
                Effect.onInterrupt(() => Effect.sync(() => log.push(`interrupted ${n}`)))
              )
        )

        const fiber = yield* Effect.forkChild(Effect.flip(Batch.run(pipeline, { params: numbers(6), concurrency: 3 })))
        yield* TestClock.adjust("60 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        const failed = yield* Fiber.join(fiber)

        assert.deepStrictEqual(log, ["interrupted 0", "interrupted 1", "released 0", "released 1"])
        assert.deepStrictEqual(tagsOf(failed.report), [
          "Interrupted",
          "Interrupted",
          "Failed",
          "NotStarted",
          "NotStarted",
          "NotStarted"
        ])
        assert.deepInclude(failed.report, { total: 6, succeeded: 0, failed: 1, interrupted: 2, notStarted: 3 })
      })
    )

    it.effect("lets the finalizers of an item that has just ended finish, and keeps its outcome", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const slow = Effect.andThen(
          Effect.sleep("1 second"),
          Effect.sync(() => log.push("finalized"))
        )
        const pipeline = pipelineOf(({ n }) =>
          n === 0 ? Effect.addFinalizer(() => slow) : Effect.delay(Effect.fail("boom"), 500)
        )

        const fiber = yield* Effect.forkChild(Effect.flip(Batch.run(pipeline, { params: numbers(2) })))
        yield* TestClock.adjust("500 millis")
        yield* TestClock.adjust("500 millis")
        const failed = yield* Fiber.join(fiber)

        assert.deepStrictEqual(log, ["finalized"])
        assert.deepStrictEqual(tagsOf(failed.report), ["Succeeded", "Failed"])
      })
    )

    it.effect.each([1, 3, 256, 700])("stops while the first wave is starting, at item %s", (failing) =>
      Effect.gen(function* () {
        const started: Array<number> = []
        const pipeline = pipelineOf(({ n }) => {
          started.push(n)
          return n === failing ? Effect.fail("boom") : Effect.never
        })

        const failed = yield* Effect.flip(Batch.run(pipeline, { params: numbers(1000), concurrency: "unbounded" }))

        assert.strictEqual(started.length, failing + 1)
        assert.deepInclude(failed.report, { failed: 1, interrupted: failing, notStarted: 999 - failing, total: 1000 })
      })
    )

    it.effect.each([
      ["an Error", new Error("bug")],
      ["a string", "bug"],
      ["undefined", undefined]
    ] as const)("fails without an error, but with the cause, where the bug is %s", ([, bug]) =>
      Effect.gen(function* () {
        const pipeline = pipelineOf(({ n }) => {
          if (n === 1) throw bug
          return Effect.never
        })

        const failed = yield* Effect.flip(Batch.run(pipeline, { params: numbers(3) }))

        assert.strictEqual(failed._tag, "BatchFailed")
        assert.isUndefined(failed.error)
        assert.deepStrictEqual(
          failed.cause.reasons.map((reason) => reason._tag),
          ["Die"]
        )
        assert.strictEqual(Cause.squash(failed.cause), bug)
        assert.deepStrictEqual(tagsOf(failed.report), ["Interrupted", "Failed", "NotStarted"])
      })
    )

    it.effect("closes a generator, and says that more may come", () =>
      Effect.gen(function* () {
        let closed = 0
        function* endless(): Generator<N> {
          try {
            for (let n = 0; ; n++) yield { n }
          } finally {
            closed++
          }
        }
        const pipeline = pipelineOf(({ n }) => (n === 50 ? Effect.fail("boom") : Effect.void))

        const failed = yield* Effect.flip(Batch.run(pipeline, { params: endless(), concurrency: 4 }))

        assert.strictEqual(closed, 1)
        assert.isFalse(failed.report.exhausted)
        assert.strictEqual(failed.report.total, failed.report.outcomes.length)
      })
    )

    it.effect("keeps its error and its report where the input throws as it is closed", () =>
      Effect.gen(function* () {
        function* endless(): Generator<N> {
          try {
            for (let n = 0; ; n++) yield { n }
          } finally {
            // oxlint-disable-next-line no-unsafe-finally -- what the test is about
            throw new Error("cannot close")
          }
        }
        const pipeline = pipelineOf(({ n }) => (n === 3 ? Effect.fail("boom" as const) : Effect.void))

        const failed = yield* Effect.flip(
          Effect.catchDefect(Batch.run(pipeline, { params: endless() }), Effect.succeed)
        )

        assert.strictEqual(failed.error, "boom")
        assert.strictEqual(failed.report.succeeded, 3)
      })
    )

    it.effect("has read all of an array, whose rest is in the report as not started", () =>
      Effect.gen(function* () {
        const pipeline = pipelineOf(({ n }) => (n === 1 ? Effect.fail("boom") : Effect.void))

        const failed = yield* Effect.flip(Batch.run(pipeline, { params: new Set(numbers(5)), concurrency: 1 }))

        assert.deepStrictEqual(
          failed.report.outcomes.map(({ params }) => params),
          numbers(5)
        )
        assert.isTrue(failed.report.exhausted)
      })
    )

    it.effect("ends inside an uninterruptible region as well", () =>
      Effect.gen(function* () {
        const pipeline = pipelineOf(({ n }) => (n === 0 ? Effect.never : Effect.delay(Effect.fail("boom"), 10)))

        const run = Effect.uninterruptible(Effect.flip(Batch.run(pipeline, { params: numbers(2) })))
        const fiber = yield* Effect.forkChild(run)
        yield* TestClock.adjust(10)

        assert.strictEqual((yield* Fiber.join(fiber)).error, "boom")
      })
    )

    it.effect("waits for an item that cannot be interrupted", () =>
      Effect.gen(function* () {
        let written = false
        const write = Effect.uninterruptible(
          Effect.andThen(
            Effect.sleep("1 second"),
            Effect.sync(() => (written = true))
          )
        )
        const pipeline = pipelineOf(({ n }) => (n === 0 ? write : Effect.fail("boom")))

        const fiber = yield* Effect.forkChild(Effect.flip(Batch.run(pipeline, { params: numbers(2) })))
        yield* TestClock.adjust("999 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        const failed = yield* Fiber.join(fiber)

        assert.isTrue(written)
        assert.deepStrictEqual(tagsOf(failed.report), ["Interrupted", "Failed"])
      })
    )
  })

  describe("run with mode collect-all", () => {
    it.effect.each([1, 2, 5, "unbounded"] as const)(
      "gives every item one outcome, in order, at concurrency %s",
      (concurrency) =>
        Effect.gen(function* () {
          const bug = new Error("bug")
          const step = Handler.make("step", {
            handleRequest: ({ n }: N) => {
              if (n === 1) throw bug
              if (n === 2) throw "text"
              if (n === 3) throw undefined
              if (n === 4) return Effect.interrupt
              if (n === 5) return Effect.fail("typed" as const)
              return n === 6 ? Effect.die(bug) : Effect.succeed(n)
            },
            processResults: ({ outputs }) => (outputs === 7 ? Handler.skip("seven") : Handler.next("done"))
          })
          const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })

          const report = yield* Batch.run(pipeline, { params: numbers(9), mode: "collect-all", concurrency })

          const ends = report.outcomes.map((outcome) =>
            outcome._tag === "Failed" && !Cause.hasInterrupts(outcome.cause)
              ? Cause.squash(outcome.cause)
              : outcome._tag
          )
          assert.deepStrictEqual(ends, [
            "Succeeded",
            bug,
            "text",
            undefined,
            "Failed",
            "typed",
            bug,
            "Skipped",
            "Succeeded"
          ])
          assert.deepStrictEqual(
            report.outcomes.map(({ index, params }) => ({ index, params })),
            numbers(9).map((params) => ({ index: params.n, params }))
          )
          assert.deepInclude(report, { total: 9, succeeded: 2, failed: 6, skipped: 1, interrupted: 0, notStarted: 0 })
        })
    )

    it.effect.each([
      [
        "prepareInputs",
        {
          prepareInputs: () => {
            throw new Error("bug")
          }
        }
      ],
      [
        "processResults",
        {
          processResults: () => {
            throw new Error("bug")
          }
        }
      ]
    ] as ReadonlyArray<
      readonly [string, { readonly prepareInputs?: () => N; readonly processResults?: () => Handler.Skip }]
    >)("fails the item with what %s throws; neither retry nor handleError sees it", ([, options]) =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        const step = Handler.make("step", {
          prepareInputs: ({ params }: { readonly params: N }) =>
            params.n === 1 ? (options.prepareInputs?.() ?? params) : params,
          handleRequest: ({ n }) => (n < 0 ? Effect.fail("typed") : Effect.succeed(n)),
          handleError: (_, error) => Effect.sync(() => seen.push(error)),
          processResults: ({ params }) =>
            params.n === 1 ? (options.processResults?.() ?? Handler.next("done")) : Handler.next("done"),
          retry: { times: 3 }
        })
        const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })

        const report = yield* Batch.run(pipeline, { params: numbers(3), mode: "collect-all" })

        const failures = report.outcomes.filter(Outcome.isFailed)
        assert.deepStrictEqual(
          failures.map(({ handler, index, path }) => ({ handler, index, path })),
          [{ handler: "step", index: 1, path: ["step"] }]
        )
        assert.strictEqual((Cause.squash(failures[0]!.cause) as Error).message, "bug")
        assert.deepStrictEqual(seen, [])
      })
    )

    it.effect("stops a graph that loops without end, and only that item", () =>
      Effect.gen(function* () {
        const poll = Handler.make("poll", {
          handleRequest: ({ n }: N) => Effect.succeed(n),
          processResults: ({ outputs }) => (outputs === 1 ? Handler.next("again") : Handler.next("done"))
        })
        const pipeline = Pipeline.make("polling", {
          handlers: { poll },
          start: "poll",
          routes: { poll: { again: "poll" } }
        })

        const report = yield* Batch.run(pipeline, { params: numbers(3), mode: "collect-all", maxSteps: 10 })

        const failure = report.outcomes[1]
        assert(failure?._tag === "Failed")
        assert.deepStrictEqual(Cause.squash(failure.cause), new TooManySteps({ handler: "poll", maxSteps: 10 }))
        assert.deepStrictEqual([failure.handler, failure.path.length, failure.attempts], ["poll", 10, 10])
        assert.deepStrictEqual(tagsOf(report), ["Succeeded", "Failed", "Succeeded"])
      })
    )

    // What code without types can answer.
    const nothing = undefined as never
    const nothingAt = (n: number, effect: Effect.Effect<void>) => (n === 1 ? nothing : effect)

    it.effect.each([
      ["at once", { handleRequest: ({ n }: N) => nothingAt(n, Effect.void) }],
      ["under a policy", { handleRequest: ({ n }: N) => nothingAt(n, Effect.void), retry: { times: 1 } }],
      [
        "from handleError",
        { handleRequest: (_params: N) => Effect.fail("no"), handleError: ({ n }: N) => nothingAt(n, Effect.void) }
      ],
      ["inside", { handleRequest: ({ n }: N) => Effect.flatMap(Effect.yieldNow, () => nothingAt(n, Effect.void)) }]
    ] as ReadonlyArray<readonly [string, { readonly handleRequest: (params: N) => Effect.Effect<void> }]>)(
      "fails the item whose request answers %s something that is no Effect, and only that item",
      ([, options]) =>
        Effect.gen(function* () {
          const step = Handler.make("step", options)
          const pipeline = Pipeline.make("untyped", { handlers: { step }, start: "step" })

          const report = yield* Batch.run(pipeline, { params: numbers(6), mode: "collect-all", concurrency: 2 })

          const tags = ["Succeeded", "Failed", "Succeeded", "Succeeded", "Succeeded", "Succeeded"]
          assert.deepStrictEqual<ReadonlyArray<string>>(tagsOf(report), tags)
        })
    )

    it.effect("survives an item that interrupts its own fiber", () =>
      Effect.gen(function* () {
        const pipeline = pipelineOf(({ n }) =>
          n === 1 ? Effect.withFiber((fiber) => Fiber.interrupt(fiber)) : Effect.yieldNow
        )

        const report = yield* Batch.run(pipeline, { params: numbers(5), mode: "collect-all", concurrency: 2 })

        assert.strictEqual(report.succeeded, 4)
        assert.strictEqual(report.total, 5)
      })
    )
  })
})
