import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, InvalidOptions, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Item n takes n seconds. */
const seconds = Pipeline.make("seconds", {
  handlers: { wait: Handler.make("wait", { handleRequest: ({ n }: N) => Effect.sleep(Duration.seconds(n)) }) },
  start: "wait"
})

/** Stops the batch at item 3; the others take a second. */
const untilThree = Pipeline.make("untilThree", {
  handlers: {
    look: Handler.make("look", {
      handleRequest: ({ n }: N) => (n === 3 ? Effect.succeed(n) : Effect.as(Effect.sleep("1 second"), n)),
      processResults: ({ outputs }) => (outputs === 3 ? Handler.stop("three") : Handler.next("other"))
    })
  },
  start: "look"
})

const tags = (report: { readonly outcomes: ReadonlyArray<{ readonly _tag: string }> }) =>
  report.outcomes.map((outcome) => outcome._tag)

describe("Batch", () => {
  describe("timeout", () => {
    it.effect("ends the batch at its instant with everything accounted for", () =>
      Effect.gen(function* () {
        const batch = yield* Effect.forkChild(
          Batch.run(seconds, { params: numbers(6), concurrency: 4, timeout: "2500 millis" }),
          { startImmediately: true }
        )
        yield* TestClock.adjust("2499 millis")
        assert.isUndefined(batch.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        const report = yield* Fiber.join(batch)

        assert.deepStrictEqual(report.endedBy, { _tag: "Timeout", duration: Duration.millis(2500) })
        assert.deepStrictEqual(tags(report), [
          "Succeeded",
          "Succeeded",
          "Succeeded",
          "Interrupted",
          "Interrupted",
          "Interrupted"
        ])
        assert.strictEqual(Duration.toMillis(report.duration), 2500)
      })
    )

    it.effect("waits for the finalizers, closes the input, and is no interruption", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const step = Handler.make("step", {
          handleRequest: ({ n }: N) =>
            Effect.acquireRelease(Effect.void, () => Effect.sync(() => log.push(`released ${n}`))).pipe(
              Effect.andThen(Effect.never)
            )
        })
        function* input() {
          try {
            for (let n = 0; ; n++) yield { n }
          } finally {
            log.push("closed")
          }
        }
        const batch = yield* Effect.forkChild(
          Batch.run(Pipeline.make("pipeline", { handlers: { step }, start: "step" }), {
            params: input(),
            concurrency: 2,
            timeout: "1 second",
            onInterrupt: () => Effect.sync(() => log.push("interrupted"))
          }),
          { startImmediately: true }
        )
        yield* TestClock.adjust("1 second")
        const report = yield* Fiber.join(batch)

        assert.deepStrictEqual(log, ["released 0", "released 1", "closed"])
        assert.deepStrictEqual([report.total, report.interrupted, report.exhausted], [2, 2, false])
      })
    )

    it.effect("leaves a batch alone that ends before", () =>
      Effect.gen(function* () {
        const batch = yield* Effect.forkChild(Batch.run(seconds, { params: numbers(3), timeout: "1 minute" }), {
          startImmediately: true
        })
        yield* TestClock.adjust("2 seconds")
        const report = yield* Fiber.join(batch)

        assert.deepStrictEqual(report.endedBy, { _tag: "Completed" })
      })
    )

    it.effect("ends a stream after what had finished, with an outcome for every parameter set", () =>
      Effect.gen(function* () {
        const outcomes = yield* Effect.forkChild(
          Batch.stream(seconds, { params: numbers(4), concurrency: 2, timeout: "1500 millis" }).pipe(Stream.runCollect),
          { startImmediately: true }
        )
        yield* TestClock.adjust("1500 millis")

        assert.sameMembers(tags({ outcomes: yield* Fiber.join(outcomes) }), [
          "Succeeded",
          "Succeeded",
          "Interrupted",
          "Interrupted"
        ])
      })
    )

    it.effect.each([0, -1, "soon"])("refuses %s", (timeout) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(Batch.run(seconds, { params: [], timeout: timeout as never }))

        const error = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
        assert.instanceOf(error?._tag === "Die" ? error.defect : undefined, InvalidOptions)
      })
    )
  })

  describe("drain", () => {
    it.effect("lets what runs end, starts nothing, and interrupts what is late", () =>
      Effect.gen(function* () {
        const batch = yield* Effect.forkChild(
          Batch.run(seconds, {
            params: [{ n: 1 }, { n: 3 }, { n: 9 }, { n: 1 }, { n: 1 }],
            concurrency: 3,
            timeout: "1500 millis",
            drain: "3 seconds"
          }),
          { startImmediately: true }
        )
        yield* TestClock.adjust("4499 millis")
        assert.isUndefined(batch.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        const report = yield* Fiber.join(batch)

        assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded", "Interrupted", "Succeeded", "NotStarted"])
        assert.deepStrictEqual(report.endedBy, { _tag: "Timeout", duration: Duration.millis(1500) })
      })
    )

    it.effect("is over with the last item, also where others wait for an input that went silent", () =>
      Effect.gen(function* () {
        const silent = Stream.concat(Stream.fromIterable([{ n: 1 }, { n: 4 }]), Stream.never)
        const batch = yield* Effect.forkChild(
          Batch.run(seconds, { params: silent, concurrency: 3, timeout: "2 seconds", drain: "1 hour" }),
          { startImmediately: true }
        )
        yield* TestClock.adjust("4 seconds")
        const report = yield* Fiber.join(batch)

        assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded"])
        assert.strictEqual(Duration.toMillis(report.duration), 4000)
      })
    )

    it.effect("lets the others end after Handler.stop", () =>
      Effect.gen(function* () {
        const batch = yield* Effect.forkChild(
          Batch.run(untilThree, { params: numbers(8), concurrency: 5, drain: "1 minute" }),
          { startImmediately: true }
        )
        yield* TestClock.adjust("1 second")
        const report = yield* Fiber.join(batch)

        assert.deepStrictEqual([report.succeeded, report.interrupted, report.notStarted], [4, 0, 4])
        assert.deepStrictEqual(report.endedBy, { _tag: "Stop", reason: "three" })
      })
    )

    it.effect("ends at a failure of a fail-fast batch", () =>
      Effect.gen(function* () {
        const late = Pipeline.make("late", {
          handlers: {
            fail: Handler.make("fail", {
              handleRequest: ({ n }: N) =>
                Effect.delay(n === 2 ? Effect.fail("late") : Effect.void, Duration.seconds(n))
            })
          },
          start: "fail"
        })
        const batch = yield* Effect.forkChild(
          Effect.flip(Batch.run(late, { params: [{ n: 2 }, { n: 9 }], timeout: "1 second", drain: "1 minute" })),
          { startImmediately: true }
        )
        yield* TestClock.adjust("2 seconds")
        const { report } = yield* Fiber.join(batch)

        assert.deepStrictEqual([report.failed, report.interrupted, report.endedBy._tag], [1, 1, "Failure"])
      })
    )

    it.effect("is for stops only: an interruption waits for finalizers and no longer", () =>
      Effect.gen(function* () {
        const batch = yield* Effect.forkChild(
          Batch.run(seconds, { params: [{ n: 9 }], timeout: "1 second", drain: "1 minute" }),
          { startImmediately: true }
        )
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.interrupt(batch)

        assert.isDefined(batch.pollUnsafe())
      })
    )

    it.effect.prop(
      "accounts for every item and keeps to its time, whenever the batch ends",
      {
        lengths: Schema.Array(integer(0, 9)).check(Schema.isMaxLength(20)),
        concurrency: integer(1, 6),
        timeout: integer(1, 15),
        drain: integer(1, 15)
      },
      ({ concurrency, drain, lengths, timeout }) =>
        Effect.gen(function* () {
          let starts = 0
          const step = Handler.make("step", {
            handleRequest: ({ n }: N) => Effect.suspend(() => (starts++, Effect.sleep(Duration.seconds(n))))
          })
          const batch = yield* Effect.forkChild(
            Batch.run(Pipeline.make("pipeline", { handlers: { step }, start: "step" }), {
              params: lengths.map((n) => ({ n })),
              concurrency,
              timeout: Duration.seconds(timeout),
              drain: Duration.seconds(drain)
            }),
            { startImmediately: true }
          )
          yield* TestClock.adjust(Duration.seconds(timeout))
          const startsInTime = starts
          yield* TestClock.adjust(Duration.seconds(drain))
          const report = yield* Fiber.join(batch)

          assert.strictEqual(starts, startsInTime)
          assert.strictEqual(report.succeeded + report.interrupted, starts)
          assert.strictEqual(report.notStarted, lengths.length - starts)
          assert.deepStrictEqual(
            report.outcomes.map((outcome) => outcome.index),
            lengths.map((_, index) => index)
          )
          if (report.interrupted > 0) assert.strictEqual(Duration.toSeconds(report.duration), timeout + drain)
        })
    )
  })

  describe("Handler.stop", () => {
    it.effect("ends the batch at once, with the item that stopped it as a success", () =>
      Effect.gen(function* () {
        const report = yield* Batch.run(untilThree, { params: numbers(8), concurrency: 5 })

        assert.deepStrictEqual(report.endedBy, { _tag: "Stop", reason: "three" })
        assert.deepStrictEqual(tags(report), [
          "Interrupted",
          "Interrupted",
          "Interrupted",
          "Succeeded",
          // The ramp had not come to the fifth worker.
          "NotStarted",
          "NotStarted",
          "NotStarted",
          "NotStarted"
        ])
        const found = report.outcomes[3]
        assert.deepStrictEqual(found?._tag === "Succeeded" ? [found.action, found.output] : [], ["stop", 3])
      })
    )

    it.effect("waits for the finalizers of what runs", () =>
      Effect.gen(function* () {
        const started = yield* Deferred.make<void>()
        const log: Array<string> = []
        const step = Handler.make("step", {
          handleRequest: ({ n }: N) =>
            n === 0
              ? Effect.acquireRelease(Deferred.succeed(started, undefined), () =>
                  Effect.sync(() => log.push("released"))
                ).pipe(Effect.andThen(Effect.never))
              : Deferred.await(started),
          processResults: () => Handler.stop("enough")
        })
        const report = yield* Batch.run(Pipeline.make("pipeline", { handlers: { step }, start: "step" }), {
          params: numbers(2)
        })

        assert.deepStrictEqual([log, tags(report)], [["released"], ["Interrupted", "Succeeded"]])
      })
    )

    it.effect("ends the batch from inside of a nested pipeline, and follows no route", () =>
      Effect.gen(function* () {
        let after = 0
        const outer = Pipeline.make("outer", {
          handlers: {
            inner: Pipeline.toHandler(untilThree),
            after: Handler.make("after", {
              handleRequest: () => Effect.sync(() => after++)
            })
          },
          start: "inner",
          routes: { inner: { stop: "after" } }
        })

        const report = yield* Batch.run(outer, { params: [{ n: 3 }, { n: 3 }], concurrency: 1 })

        assert.deepStrictEqual([after, tags(report)], [0, ["Succeeded", "NotStarted"]])
      })
    )

    it.effect("hands its own outcome to a stream", () =>
      Effect.gen(function* () {
        const outcomes = yield* Stream.runCollect(Batch.stream(untilThree, { params: [{ n: 3 }, { n: 3 }] }))

        assert.deepStrictEqual(tags({ outcomes }), ["Succeeded", "NotStarted"])
      })
    )

    it.effect("stops the batch of a request that is a promise", () =>
      Effect.gen(function* () {
        const look = Handler.fromPromise("look", {
          handleRequest: async ({ n }: N) => n,
          processResults: ({ outputs }) => (outputs === 3 ? Handler.stop("three") : Handler.next("other"))
        })
        const report = yield* Batch.run(Pipeline.make("pipeline", { handlers: { look }, start: "look" }), {
          params: numbers(6),
          concurrency: 1
        })

        assert.deepStrictEqual(tags(report), [
          "Succeeded",
          "Succeeded",
          "Succeeded",
          "Succeeded",
          "NotStarted",
          "NotStarted"
        ])
      })
    )

    it.effect("is an action like any other in Pipeline.run", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Pipeline.run(untilThree, { params: { n: 3 } }), {
          action: "stop",
          output: 3,
          shared: undefined
        })
      })
    )

    it.effect.prop(
      "leaves exactly one outcome for each item, wherever it stops",
      {
        count: integer(1, 30),
        at: integer(0, 29),
        concurrency: integer(1, 8)
      },
      ({ at, concurrency, count }) =>
        Effect.gen(function* () {
          const step = Handler.make("step", {
            handleRequest: ({ n }: N) => Effect.as(n % 3 === 0 ? Effect.void : Effect.yieldNow, n),
            processResults: ({ outputs }) => (outputs === at ? Handler.stop("here") : Handler.next("on"))
          })
          const report = yield* Batch.run(Pipeline.make("pipeline", { handlers: { step }, start: "step" }), {
            params: numbers(count),
            concurrency
          })

          assert.deepStrictEqual(
            report.outcomes.map((outcome) => outcome.index),
            numbers(count).map(({ n }) => n)
          )
          assert.strictEqual(report.succeeded + report.interrupted + report.notStarted, count)
          assert.strictEqual(report.endedBy._tag, at < count ? "Stop" : "Completed")
        })
    )
  })

  describe("endedBy", () => {
    const failing = Pipeline.make("failing", {
      handlers: { fail: Handler.make("fail", { handleRequest: ({ n }: N) => Effect.fail(`boom ${n}`) }) },
      start: "fail"
    })

    it.effect("says that a fail-fast batch failed, and that a collect-all batch completed", () =>
      Effect.gen(function* () {
        const failed = yield* Effect.flip(Batch.run(failing, { params: numbers(2) }))
        const report = yield* Batch.run(failing, { params: numbers(2), mode: "collect-all" })

        assert.deepStrictEqual([failed.report.endedBy._tag, report.endedBy._tag], ["Failure", "Completed"])
      })
    )

    it.effect("tells onInterrupt an interruption from an input that failed", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const onInterrupt = (report: { readonly endedBy: { readonly _tag: string } }) =>
          Effect.sync(() => seen.push(report.endedBy._tag))

        const batch = yield* Effect.forkChild(Batch.run(seconds, { params: [{ n: 9 }], onInterrupt }), {
          startImmediately: true
        })
        yield* Fiber.interrupt(batch)
        const failed = yield* Effect.flip(Batch.run(seconds, { params: Stream.fail("input" as const), onInterrupt }))

        assert.deepStrictEqual([failed, seen], ["input", ["Interruption", "InputFailure"]])
      })
    )
  })
})
