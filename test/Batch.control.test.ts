import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Schema, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, InvalidOptions, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

const byName = (params: N) => `item ${params.n}`

/** Every item takes a second; a test sees which run. */
const observed = () => {
  const running = new Set<number>()
  const finalized: Array<number> = []
  const request = ({ n }: N) =>
    Effect.acquireUseRelease(
      Effect.sync(() => running.add(n)),
      () => Effect.as(Effect.sleep("1 second"), n),
      () =>
        Effect.sync(() => {
          running.delete(n)
          finalized.push(n)
        })
    )
  const pipeline = Pipeline.make("observed", {
    handlers: { wait: Handler.make("wait", { handleRequest: request }) },
    start: "wait"
  })
  return { pipeline, running, finalized }
}

const tags = (report: { readonly outcomes: ReadonlyArray<{ readonly _tag: string }> }) =>
  report.outcomes.map((outcome) => outcome._tag)

const stateOf = (batch: { readonly progress: SubscriptionRef.SubscriptionRef<Batch.Progress> }) =>
  Effect.map(SubscriptionRef.get(batch.progress), ({ state }) => state)

describe("Batch", () => {
  describe("fork: setConcurrency", () => {
    it.effect("starts more at once, and fewer as items end", () =>
      Effect.gen(function* () {
        const { pipeline, running } = observed()
        const batch = yield* Batch.fork(pipeline, { params: numbers(100), concurrency: 2 })
        const sizes: Array<number> = []
        const look = Effect.sync(() => sizes.push(running.size))

        yield* TestClock.adjust("500 millis")
        yield* look
        yield* batch.setConcurrency(5)
        yield* TestClock.adjust(1)
        yield* look
        yield* batch.setConcurrency(1)
        yield* TestClock.adjust(1)
        yield* look
        yield* TestClock.adjust("500 millis")
        yield* look
        yield* TestClock.adjust("500 millis")
        yield* look
        yield* batch.setConcurrency("unbounded")
        yield* TestClock.adjust(1)
        yield* look

        assert.deepStrictEqual(sizes, [2, 5, 5, 3, 1, 95])
        assert.strictEqual((yield* SubscriptionRef.get(batch.progress)).concurrency, "unbounded")
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* batch.await).succeeded, 100)
      })
    )

    it.effect("goes on where an input keeps a worker waiting", () =>
      Effect.gen(function* () {
        const more = yield* Deferred.make<void>()
        const params = Stream.concat(
          Stream.fromIterable(numbers(2)),
          Stream.unwrap(Effect.as(Deferred.await(more), Stream.fromIterable(numbers(3))))
        )
        const { pipeline, running } = observed()
        const batch = yield* Batch.fork(pipeline, { params, concurrency: 3 })
        yield* TestClock.adjust("2 seconds")
        yield* batch.setConcurrency(1)
        yield* Deferred.succeed(more, undefined)
        yield* TestClock.adjust(1)
        const one = running.size
        yield* batch.setConcurrency(3)
        yield* TestClock.adjust("3 seconds")

        assert.strictEqual(one, 1)
        assert.strictEqual((yield* batch.await).succeeded, 5)
      })
    )

    it.effect.each([0, -1, 2.5, Number.NaN])("dies with InvalidOptions for %s, and the batch goes on", (concurrency) =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(observed().pipeline, { params: numbers(1) })
        const exit = yield* Effect.exit(batch.setConcurrency(concurrency))
        yield* TestClock.adjust("1 second")

        const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
        assert.isTrue(reason?._tag === "Die" && reason.defect instanceof InvalidOptions)
        assert.strictEqual((yield* batch.await).succeeded, 1)
      })
    )
  })

  describe("fork: pause", () => {
    it.effect("starts nothing until resume, while what runs ends", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const batch = yield* Batch.fork(pipeline, { params: numbers(4), concurrency: 2 })
        yield* TestClock.adjust("500 millis")
        yield* batch.pause
        yield* TestClock.adjust("1 minute")
        const paused = yield* batch.report
        const state = yield* stateOf(batch)
        yield* batch.resume
        yield* TestClock.adjust("1 second")

        assert.deepStrictEqual([paused.succeeded, paused.endedBy._tag, state], [2, "Running", "paused"])
        assert.strictEqual((yield* batch.await).succeeded, 4)
      })
    )

    it.effect("lets what has begun be retried", () =>
      Effect.gen(function* () {
        const retried = Pipeline.make("retried", {
          handlers: {
            twice: Handler.make("twice", {
              handleRequest: () =>
                Effect.flatMap(Handler.CurrentItem, ({ attempt }) =>
                  Effect.delay(attempt < 3 ? Effect.fail("no") : Effect.void, 100)
                ),
              retry: { times: 5 }
            })
          },
          start: "twice"
        })
        const batch = yield* Batch.fork(retried, { params: numbers(2), concurrency: 1 })
        yield* TestClock.adjust(50)
        yield* batch.pause
        yield* TestClock.adjust("1 minute")

        assert.deepInclude(yield* batch.report, { succeeded: 1, attempts: 3 })
      })
    )

    it.effect("can be said before anything has started, and twice", () =>
      Effect.gen(function* () {
        const { pipeline, running } = observed()
        const batch = yield* Batch.fork(pipeline, { params: numbers(2) })
        yield* batch.pause
        yield* batch.pause
        yield* TestClock.adjust("1 minute")
        const paused = running.size
        yield* batch.resume
        yield* batch.resume
        yield* TestClock.adjust("1 second")

        assert.strictEqual(paused, 0)
        assert.strictEqual((yield* batch.await).succeeded, 2)
      })
    )

    it.effect("does not stop the clock of a timeout", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(observed().pipeline, {
          params: numbers(2),
          timeout: "3 seconds",
          concurrency: 1
        })
        yield* TestClock.adjust(1)
        yield* batch.pause
        yield* TestClock.adjust("3 seconds")
        const report = yield* batch.await

        assert.deepStrictEqual([tags(report), report.endedBy._tag], [["Succeeded", "NotStarted"], "Timeout"])
      })
    )
  })

  describe("fork: drain", () => {
    it.effect("ends when what runs has ended, and without a failure", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(observed().pipeline, { params: numbers(5), concurrency: 2 })
        yield* TestClock.adjust("500 millis")
        yield* batch.drain
        const state = yield* stateOf(batch)
        yield* TestClock.adjust("500 millis")
        const report = yield* batch.await

        assert.strictEqual(state, "draining")
        assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded", "NotStarted", "NotStarted", "NotStarted"])
        assert.deepStrictEqual(report.endedBy, { _tag: "Drain" })
      })
    )

    it.effect("ends a batch that is paused, or waits for its input, or has not started, or has ended", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const paused = yield* Batch.fork(pipeline, { params: numbers(2), concurrency: 1 })
        yield* TestClock.adjust("500 millis")
        yield* paused.pause
        yield* TestClock.adjust("500 millis")
        yield* paused.drain
        const silent = yield* Batch.fork(pipeline, { params: Stream.never })
        yield* TestClock.adjust(1)
        yield* silent.drain
        const fresh = yield* Batch.fork(pipeline, { params: numbers(2) })
        yield* fresh.drain
        const ended = yield* Batch.fork(pipeline, { params: [] })
        yield* TestClock.adjust(1)
        yield* ended.drain

        assert.deepStrictEqual(tags(yield* paused.await), ["Succeeded", "NotStarted"])
        assert.deepInclude(yield* silent.await, { total: 0, exhausted: false })
        assert.deepStrictEqual(tags(yield* fresh.await), ["NotStarted", "NotStarted"])
        assert.strictEqual((yield* ended.await).endedBy._tag, "Completed")
      })
    )

    it.effect("does not care how the input fails that it asks nothing of", () =>
      Effect.gen(function* () {
        const fails = Stream.unwrap(Effect.as(Effect.sleep("500 millis"), Stream.fail("input")))
        const params = Stream.concat(Stream.fromIterable(numbers(1)), fails)
        const batch = yield* Batch.fork(observed().pipeline, { params, concurrency: 2 })
        yield* TestClock.adjust("100 millis")
        yield* batch.drain
        yield* TestClock.adjust("1 second")
        const report = yield* batch.await

        assert.deepStrictEqual([tags(report), report.endedBy._tag], [["Succeeded"], "Drain"])
      })
    )

    it.effect("is cut short by a timeout", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(observed().pipeline, {
          params: numbers(3),
          concurrency: 2,
          timeout: "900 millis"
        })
        yield* TestClock.adjust("100 millis")
        yield* batch.drain
        yield* TestClock.adjust("800 millis")
        const report = yield* batch.await

        assert.deepStrictEqual(
          [tags(report), report.endedBy._tag],
          [["Interrupted", "Interrupted", "NotStarted"], "Drain"]
        )
      })
    )
  })

  describe("fork: cancel", () => {
    it.effect("interrupts the items with a key, waits for their finalizers, and lets the others go on", () =>
      Effect.gen(function* () {
        const { finalized, pipeline } = observed()
        const batch = yield* Batch.fork(pipeline, { params: numbers(3), concurrency: 2, key: byName })
        yield* TestClock.adjust("500 millis")
        const found = yield* batch.cancel("item 0")
        const after = [...finalized]
        yield* TestClock.adjust("2 seconds")
        const report = yield* batch.await

        assert.deepStrictEqual([found, after], [true, [0]])
        assert.deepStrictEqual(tags(report), ["Interrupted", "Succeeded", "Succeeded"])
        assert.strictEqual(report.endedBy._tag, "Completed")
      })
    )

    it.effect("keeps what has not started from starting", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const batch = yield* Batch.fork(pipeline, { params: numbers(3), concurrency: 1, key: byName })
        const found = yield* batch.cancel("item 2")
        yield* batch.cancel("item 2")
        const events = yield* Effect.forkChild(Stream.runCollect(batch.events), { startImmediately: true })
        yield* TestClock.adjust("2 seconds")
        const report = yield* batch.await

        assert.isFalse(found)
        assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded", "NotStarted"])
        assert.deepInclude(report.outcomes[2], { reason: "It was cancelled" })
        const ended = (yield* Fiber.join(events)).flatMap((event) =>
          event._tag === "ItemEnded" ? [event.outcome._tag] : []
        )
        assert.deepStrictEqual(ended.toSorted(), ["NotStarted", "Succeeded", "Succeeded"])
      })
    )

    it.effect("waits for finalizers also when it is said again", () =>
      Effect.gen(function* () {
        let finalized = false
        const slow = Handler.make("slow", {
          handleRequest: ({ n }: N) =>
            Effect.acquireRelease(Effect.succeed(n), () =>
              Effect.andThen(
                Effect.sleep(100),
                Effect.sync(() => {
                  finalized = true
                })
              )
            ).pipe(Effect.andThen(Effect.never))
        })
        const batch = yield* Batch.fork(Pipeline.make("slow", { handlers: { slow }, start: "slow" }), {
          params: numbers(1),
          key: byName
        })
        yield* TestClock.adjust(1)
        yield* Effect.forkChild(batch.cancel("item 0"), { startImmediately: true })
        const again = yield* Effect.forkChild(
          Effect.map(batch.cancel("item 0"), (had) => [had, finalized]),
          { startImmediately: true }
        )
        yield* TestClock.adjust(100)

        assert.deepStrictEqual(yield* Fiber.join(again), [true, true])
      })
    )

    it.effect("answers no where the item has ended, or never was, and can be said twice", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const batch = yield* Batch.fork(pipeline, { params: numbers(2), concurrency: 1, key: byName })
        yield* TestClock.adjust("1500 millis")
        const answers = [
          yield* batch.cancel("item 0"),
          yield* batch.cancel("item 7"),
          yield* batch.cancel("item 1"),
          yield* batch.cancel("item 1")
        ]
        const report = yield* batch.await
        answers.push(yield* batch.cancel("item 1"))

        assert.deepStrictEqual(answers, [false, false, true, false, false])
        assert.deepStrictEqual(tags(report), ["Succeeded", "Interrupted"])
      })
    )

    it.effect("reaches a request that is a promise", () =>
      Effect.gen(function* () {
        const aborted: Array<number> = []
        const hang = Handler.fromPromise("hang", {
          handleRequest: ({ n }: N, signal) =>
            new Promise<void>(() => signal.addEventListener("abort", () => aborted.push(n)))
        })
        const hanging = yield* Batch.fork(Pipeline.make("hanging", { handlers: { hang }, start: "hang" }), {
          params: numbers(2),
          key: byName
        })
        yield* TestClock.adjust(1)
        yield* hanging.cancel("item 1")
        const seen = [...aborted]
        yield* hanging.cancel("item 0")

        assert.deepStrictEqual([seen, aborted], [[1], [1, 0]])
        assert.deepStrictEqual(tags(yield* hanging.await), ["Interrupted", "Interrupted"])
      })
    )

    it.effect("works while the batch is paused", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const batch = yield* Batch.fork(pipeline, { params: numbers(3), concurrency: 1, key: byName })
        yield* TestClock.adjust("500 millis")
        yield* batch.pause
        yield* batch.cancel("item 0")
        yield* batch.cancel("item 1")
        yield* batch.resume
        yield* TestClock.adjust("1 second")

        assert.deepStrictEqual(tags(yield* batch.await), ["Interrupted", "NotStarted", "Succeeded"])
      })
    )

    it.effect("can be said by the item itself", () =>
      Effect.gen(function* () {
        const handle = yield* Deferred.make<(key: string) => Effect.Effect<boolean>>()
        const self = Handler.make("self", {
          handleRequest: ({ n }: N) =>
            Effect.flatMap(Deferred.await(handle), (cancel) => (n === 0 ? cancel("item 0") : Effect.succeed(true)))
        })
        const batch = yield* Batch.fork(Pipeline.make("self", { handlers: { self }, start: "self" }), {
          params: numbers(2),
          key: byName
        })
        yield* Deferred.succeed(handle, batch.cancel)

        assert.deepStrictEqual(tags(yield* batch.await), ["Interrupted", "Succeeded"])
      })
    )
  })

  describe("fork obeys", () => {
    const Command = Schema.Struct({
      at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 })),
      what: Schema.Literals(["pause", "resume", "one", "four", "unbounded", "cancel", "drain"]),
      n: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
    })

    it.effect.prop(
      "whatever is said to it, and when, every item has one outcome and nothing runs on",
      {
        count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
        concurrency: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
        commands: Schema.Array(Command).check(Schema.isMaxLength(8))
      },
      ({ commands, concurrency, count }) =>
        Effect.gen(function* () {
          let running = 0
          const wait = Handler.make("wait", {
            handleRequest: ({ n }: N) =>
              Effect.acquireUseRelease(
                Effect.sync(() => running++),
                () => Effect.sleep(Duration.millis(n % 3 === 0 ? 0 : 40 + n)),
                () => Effect.sync(() => running--)
              )
          })
          const batch = yield* Batch.fork(Pipeline.make("wait", { handlers: { wait }, start: "wait" }), {
            params: numbers(count),
            concurrency,
            key: byName
          })
          let now = 0
          for (const { at, n, what } of commands.toSorted((a, b) => a.at - b.at)) {
            yield* TestClock.adjust(at - now)
            now = at
            if (what === "one") yield* batch.setConcurrency(1)
            else if (what === "four") yield* batch.setConcurrency(4)
            else if (what === "unbounded") yield* batch.setConcurrency("unbounded")
            else if (what === "cancel") yield* batch.cancel(`item ${n}`)
            else yield* batch[what]
          }
          yield* batch.resume
          yield* TestClock.adjust("10 seconds")
          const report = yield* batch.await

          assert.deepStrictEqual(
            report.outcomes.map(({ index }) => index),
            numbers(count).map(({ n }) => n)
          )
          assert.strictEqual(report.succeeded + report.interrupted + report.notStarted, count)
          assert.strictEqual(running, 0)
          const cancelled = new Set(commands.flatMap(({ n, what }) => (what === "cancel" ? [n] : [])))
          const drained = commands.some(({ what }) => what === "drain")
          for (const { _tag, index } of report.outcomes) {
            if (_tag === "Interrupted") assert.isTrue(cancelled.has(index))
            if (_tag === "NotStarted") assert.isTrue(drained || cancelled.has(index))
          }
        }),
      { arbitrary: { runs: 300, size: 100 }, timeout: 30_000 }
    )
  })
})
