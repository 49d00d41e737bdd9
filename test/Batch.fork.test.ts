import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Ref, Schedule, Scope, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, InvalidOptions, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

/** Every item takes a second. */
const second = Pipeline.make("second", {
  handlers: {
    wait: Handler.make("wait", { handleRequest: ({ n }: N) => Effect.as(Effect.sleep("1 second"), n) })
  },
  start: "wait"
})

/** Item n fails n times, and then takes a second. */
const flaky = Pipeline.make("flaky", {
  handlers: {
    attempt: Handler.make("attempt", {
      handleRequest: ({ n }: N) =>
        Effect.flatMap(Handler.CurrentItem, ({ attempt }) =>
          attempt <= n ? Effect.fail(`attempt ${attempt}`) : Effect.sleep("1 second")
        ),
      retry: { times: 5, schedule: Schedule.spaced("2 seconds") }
    }),
    last: Handler.make("last", { handleRequest: () => Effect.succeed("end") })
  },
  start: "attempt",
  routes: { attempt: { default: "last" } }
})

const byName = (params: N) => `item ${params.n}`

const tags = (report: { readonly outcomes: ReadonlyArray<{ readonly _tag: string }> }) =>
  report.outcomes.map((outcome) => outcome._tag)

const progressOf = (handle: { readonly progress: SubscriptionRef.SubscriptionRef<Batch.Progress> }) =>
  SubscriptionRef.get(handle.progress)

describe("Batch", () => {
  describe("fork", () => {
    it.effect("answers what run answers", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(second, { params: numbers(3), concurrency: 2 })
        yield* TestClock.adjust("2 seconds")
        const report = yield* batch.await

        assert.deepStrictEqual(tags(report), ["Succeeded", "Succeeded", "Succeeded"])
        assert.deepStrictEqual([report.endedBy._tag, report.attempts, report.cost], ["Completed", 3, 0])
        assert.deepStrictEqual(yield* batch.report, report)
      })
    )

    it.effect("hears the first step of the clock, wherever it was forked", () =>
      Effect.gen(function* () {
        const wait = Handler.make("wait", { handleRequest: (n: number) => Effect.as(Effect.sleep(1000), n) })
        const waiting = Pipeline.make("waiting", { handlers: { wait }, start: "wait" })
        const batch = Effect.scoped(
          Effect.flatMap(Batch.fork(waiting, { params: [1, 2, 3] }), (forked) => forked.await)
        )
        const fiber = yield* Effect.forkChild(batch)
        yield* TestClock.adjust(1000)

        assert.strictEqual((yield* Fiber.join(fiber)).succeeded, 3)
      })
    )

    it.effect("answers a failure with await, and with nothing else", () =>
      Effect.gen(function* () {
        const failing = Pipeline.make("failing", {
          handlers: { fail: Handler.make("fail", { handleRequest: ({ n }: N) => Effect.fail(n) }) },
          start: "fail"
        })
        const batch = yield* Batch.fork(failing, { params: numbers(2) })
        const failed = yield* Effect.flip(batch.await)

        assert.deepStrictEqual([failed._tag, failed.error, failed.report.failed], ["BatchFailed", 0, 1])
        assert.strictEqual((yield* batch.report).failed, 1)
      })
    )

    it.effect("interrupts the batch when its scope is closed, and hands over the report", () =>
      Effect.gen(function* () {
        const reports: Array<ReadonlyArray<string>> = []
        const scope = yield* Scope.make()
        const batch = yield* Batch.fork(second, {
          params: numbers(3),
          concurrency: 1,
          onInterrupt: (report) => Effect.sync(() => reports.push(tags(report)))
        }).pipe(Scope.provide(scope))
        yield* TestClock.adjust("1500 millis")
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("1 hour")

        assert.deepStrictEqual(reports, [["Succeeded", "Interrupted", "NotStarted"]])
        assert.strictEqual(Duration.toMillis((yield* progressOf(batch)).elapsed), 1500)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(batch.await)))
        assert.strictEqual((yield* progressOf(batch)).state, "ended")
      })
    )

    it.effect("lets many wait, and goes on when one stops to", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(second, { params: numbers(1) })
        const impatient = yield* Effect.forkChild(batch.await, { startImmediately: true })
        const patient = yield* Effect.forkChild(batch.await, { startImmediately: true })
        yield* Fiber.interrupt(impatient)
        yield* TestClock.adjust("1 second")

        assert.strictEqual((yield* Fiber.join(patient)).succeeded, 1)
        assert.strictEqual((yield* batch.await).succeeded, 1)
      })
    )

    it.effect("dies with nonsense before anything starts", () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(Batch.fork(second, { params: numbers(1), concurrency: 0 }))
        const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined

        assert.isTrue(reason?._tag === "Die" && reason.defect instanceof InvalidOptions)
      })
    )
  })

  describe("fork: progress", () => {
    it.effect("counts each item once, whatever its retries, and ends with the report's counts", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(flaky, { params: numbers(3), concurrency: 3 })
        const at = (duration: Duration.Input) => Effect.andThen(TestClock.adjust(duration), progressOf(batch))

        const first = yield* at("100 millis")
        const retried = yield* at("2000 millis")
        const last = yield* at("10 seconds")

        assert.deepInclude(first, { total: 3, running: 3, succeeded: 0, rate: 0, eta: undefined, state: "running" })
        assert.deepInclude(retried, { total: 3, running: 2, succeeded: 1, attempts: 6 })
        assert.deepInclude(last, { total: 3, running: 0, succeeded: 3, attempts: 9, state: "ended" })
        assert.strictEqual(last.endedBy._tag, "Completed")
        assert.deepStrictEqual(last.eta, Duration.zero)
      })
    )

    it.effect("tells the rate of the last ten seconds, and how long the rest takes", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(second, { params: numbers(200), concurrency: 4 })
        yield* TestClock.adjust("20 seconds")
        const { eta, rate } = yield* progressOf(batch)

        assert.closeTo(rate, 4, 0.1)
        assert.closeTo(Duration.toSeconds(eta!), 30, 1)
      })
    )

    it.effect("does not know the total of a lazy input until it has ended", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(second, { params: numbers(3).values(), concurrency: 1 })
        const first = yield* progressOf(batch)
        yield* TestClock.adjust("3 seconds")
        const last = yield* progressOf(batch)

        assert.deepStrictEqual([first.total, first.eta, last.total], [undefined, undefined, 3])
      })
    )

    it.effect("counts an item while its finalizers run, in one place", () =>
      Effect.gen(function* () {
        const slow = Effect.acquireRelease(Effect.void, () => Effect.sleep("1 second"))
        const scoped = Handler.make("scoped", {
          handleRequest: ({ n }: N) => Effect.andThen(slow, Effect.delay(Effect.succeed(n), "1 hour"))
        })
        const pipeline = Pipeline.make("scoped", { handlers: { scoped }, start: "scoped" })
        const batch = yield* Batch.fork(pipeline, { params: numbers(2), key: byName })
        yield* TestClock.adjust(1)
        yield* Effect.forkChild(batch.cancel("item 0"), { startImmediately: true })
        yield* TestClock.adjust("500 millis")
        const during = yield* progressOf(batch)
        yield* TestClock.adjust("1 second")

        assert.deepInclude(during, { running: 2, interrupted: 0 })
        assert.deepInclude(yield* progressOf(batch), { running: 1, interrupted: 1 })
        yield* Effect.forkChild(batch.cancel("item 1"), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* batch.await).interrupted, 2)
      })
    )

    it.effect("has not ended before everything has, and ends also where it drains", () =>
      Effect.gen(function* () {
        const draining = yield* Batch.fork(second, { params: numbers(3), concurrency: 1 })
        yield* TestClock.adjust(1)
        yield* draining.drain
        const before = yield* progressOf(draining)
        yield* TestClock.adjust("1 second")

        assert.deepInclude(before, { running: 1, state: "draining", endedBy: { _tag: "Drain" } })
        assert.deepInclude(yield* progressOf(draining), { running: 0, notStarted: 2, state: "ended" })
      })
    )

    it.effect("gives who is slow the latest", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(second, { params: numbers(50), concurrency: 1 })
        const seen = yield* Ref.make<ReadonlyArray<number>>([])
        const gate = yield* Deferred.make<void>()
        const slow = yield* SubscriptionRef.changes(batch.progress).pipe(
          Stream.rechunk(1),
          Stream.takeUntil(({ state }) => state === "ended"),
          Stream.runForEach(({ succeeded }) =>
            Effect.andThen(
              Ref.update(seen, (all) => [...all, succeeded]),
              Deferred.await(gate)
            )
          ),
          Effect.forkChild({ startImmediately: true })
        )
        yield* TestClock.adjust("50 seconds")
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(slow)

        assert.deepStrictEqual((yield* batch.await).succeeded, 50)
        assert.deepStrictEqual([(yield* Ref.get(seen)).at(0), (yield* Ref.get(seen)).at(-1)], [0, 50])
        assert.isBelow((yield* Ref.get(seen)).length, 10)
      })
    )
  })

  describe("fork: costs nothing where nobody looks", () => {
    it.effect("sets no timer, so that a day of virtual time is one step", () =>
      Effect.gen(function* () {
        const long = Pipeline.make("long", {
          handlers: { wait: Handler.make("wait", { handleRequest: () => Effect.sleep("1 day") }) },
          start: "wait"
        })
        const batch = yield* Batch.fork(long, { params: numbers(1) })
        yield* TestClock.adjust("1 day")

        assert.strictEqual((yield* batch.await).succeeded, 1)
        assert.strictEqual((yield* progressOf(batch)).state, "ended")
      })
    )

    it.effect("reads progress when it is asked for, and keeps the last", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(second, { params: numbers(4), concurrency: 2 })
        yield* TestClock.adjust("1050 millis")
        const half = yield* progressOf(batch)
        yield* TestClock.adjust("1 second")
        const last = yield* progressOf(batch)
        yield* TestClock.adjust("1 hour")
        yield* batch.pause
        yield* SubscriptionRef.set(batch.progress, half)

        assert.deepInclude(half, { succeeded: 2, running: 2, attempts: 4, state: "running" })
        assert.deepStrictEqual(yield* progressOf(batch), last)
        assert.deepStrictEqual(last.eta, Duration.zero)
      })
    )

    it.effect("tells no time left while nothing new starts", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(second, { params: numbers(9), concurrency: 2 })
        yield* TestClock.adjust("1500 millis")
        const running = yield* progressOf(batch)
        yield* batch.pause
        const paused = yield* progressOf(batch)
        yield* batch.drain
        const draining = yield* progressOf(batch)

        assert.isDefined(running.eta)
        assert.deepStrictEqual([paused.eta, draining.eta], [undefined, undefined])
        assert.isTrue(Number.isInteger(Duration.toMillis(running.eta!)))
      })
    )
  })

  describe("fork: report", () => {
    it.effect("is that of the moment, and after the end the one that was answered", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(second, { params: numbers(4), concurrency: 2 })
        yield* TestClock.adjust("1 second")
        const half = yield* batch.report
        yield* TestClock.adjust("1 second")
        const last = yield* batch.await
        yield* TestClock.adjust("1 minute")

        assert.deepStrictEqual([half.succeeded, tags(half)], [2, ["Succeeded", "Succeeded"]])
        assert.strictEqual(yield* batch.report, last)
      })
    )
  })

  describe("fork: events", () => {
    it.effect("tells what happens, from the beginning to the end", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(flaky, { params: [{ n: 1 }, { n: 0 }], concurrency: 1, key: byName })
        const events = yield* Effect.forkChild(Stream.runCollect(batch.events), { startImmediately: true })
        yield* TestClock.adjust("10 seconds")
        const lines = (yield* Fiber.join(events)).map((event) => {
          switch (event._tag) {
            case "BatchStarted":
              return `${event.pipeline} of ${event.total}`
            case "ItemStarted":
              return `${event.key} starts with ${event.params.n}`
            case "StepEnded":
              return `${event.key} ${event.handler} -> ${event.action}`
            case "RetryScheduled":
              return `${event.key} ${event.handler} ${event.attempt}: ${event.error}, again in ${Duration.format(event.delay)}`
            case "ItemEnded":
              return `${event.outcome.key} ${event.outcome._tag}`
            case "BatchEnded":
              return `end: ${event.report.succeeded}`
          }
        })

        assert.deepStrictEqual(lines, [
          "flaky of 2",
          "item 1 starts with 1",
          "item 1 attempt 1: attempt 1, again in 2s",
          "item 0 starts with 0",
          "item 0 attempt -> default",
          "item 0 last -> default",
          "item 0 Succeeded",
          "item 1 attempt -> default",
          "item 1 last -> default",
          "item 1 Succeeded",
          "end: 2"
        ])
      })
    )

    it.effect("tells who listens late of everything that has ended, and of what runs", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(second, { params: numbers(4), concurrency: 2 })
        yield* TestClock.adjust("1 second")
        const late = yield* Effect.forkChild(Stream.runCollect(batch.events), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        const after = yield* Stream.runCollect(batch.events)

        const names = (events: ReadonlyArray<{ readonly _tag: string }>) => events.map(({ _tag }) => _tag)
        assert.deepStrictEqual(names(yield* Fiber.join(late)), [
          "BatchStarted",
          "ItemEnded",
          "ItemEnded",
          "ItemStarted",
          "ItemStarted",
          "StepEnded",
          "ItemEnded",
          "StepEnded",
          "ItemEnded",
          "BatchEnded"
        ])
        assert.deepStrictEqual(names(after), ["BatchStarted", ...Array(4).fill("ItemEnded"), "BatchEnded"])
      })
    )

    for (const outcomes of ["all", "failures", "none"] as const) {
      it.effect(`gives who never kept up every outcome, with outcomes: ${outcomes}`, () =>
        Effect.gen(function* () {
          const count = 20_000
          const instant = Pipeline.make("instant", {
            handlers: {
              half: Handler.make("half", {
                handleRequest: ({ n }: N) => (n % 2 === 0 ? Effect.succeed(n) : Effect.fail("odd"))
              })
            },
            start: "half"
          })
          const begin = yield* Deferred.make<void>()
          const gated = Stream.unwrap(Effect.as(Deferred.await(begin), Stream.fromIterable(numbers(count))))
          const batch = yield* Batch.fork(instant, { params: gated, mode: "collect-all", outcomes })
          const read = yield* Deferred.make<void>()
          const slow = yield* batch.events.pipe(
            Stream.tap(() => Deferred.await(read)),
            Stream.runCollect,
            Effect.forkChild({ startImmediately: true })
          )
          yield* Deferred.succeed(begin, undefined)
          yield* batch.await
          yield* Deferred.succeed(read, undefined)
          const events = yield* Fiber.join(slow)

          const ended = events.flatMap((event) => (event._tag === "ItemEnded" ? [event.outcome] : []))
          assert.strictEqual(new Set(ended.map(({ index }) => index)).size, count)
          assert.strictEqual(ended.length, count)
          assert.strictEqual(ended.filter(({ _tag }) => _tag === "Failed").length, count / 2)
          assert.isBelow(events.length, count + 6000)
          assert.strictEqual(events.at(-1)!._tag, "BatchEnded")
        })
      )
    }

    it.effect("tells everyone of what happened before it hears what a listener says", () =>
      Effect.gen(function* () {
        const gate = Promise.withResolvers<void>()
        const work = Handler.fromPromise("work", {
          handleRequest: ({ n }: N) => (n === 0 ? gate.promise : new Promise<void>(() => {}))
        })
        const scope = yield* Scope.make()
        const pipeline = Pipeline.make("work", { handlers: { work }, start: "work" })
        const batch = yield* Scope.provide(Batch.fork(pipeline, { params: numbers(2) }), scope)
        const close = (event: { readonly _tag: string }) =>
          event._tag === "ItemEnded" ? Scope.close(scope, Exit.void) : Effect.void
        yield* Effect.forkChild(Stream.runForEach(batch.events, close), { startImmediately: true })
        const other = yield* Effect.forkChild(Stream.runCollect(batch.events), { startImmediately: true })
        yield* TestClock.adjust(1)
        gate.resolve()

        const ends = (yield* Fiber.join(other)).flatMap((event) =>
          event._tag === "ItemEnded" ? [event.outcome._tag as string] : [event._tag]
        )
        assert.deepStrictEqual(ends.slice(-3), ["Succeeded", "Interrupted", "BatchEnded"])
      })
    )

    it.effect("lets a listener cancel an item that has just begun", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(second, { params: numbers(3), concurrency: 1, key: byName })
        const answers: Array<boolean> = []
        yield* batch.events.pipe(
          Stream.runForEach((event) =>
            event._tag === "ItemStarted" && event.key !== "item 1"
              ? Effect.map(batch.cancel(event.key), (had) => void answers.push(had))
              : Effect.void
          ),
          Effect.forkChild({ startImmediately: true })
        )
        yield* Effect.repeat(TestClock.adjust("500 millis"), { times: 9 })

        assert.deepStrictEqual(tags(yield* batch.await), ["Interrupted", "Succeeded", "Interrupted"])
        assert.deepStrictEqual(answers, [true, true])
      })
    )

    it.effect("does not care for a listener that fails, throws or goes away", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(second, { params: numbers(3), concurrency: 1 })
        const failing = yield* batch.events.pipe(
          Stream.runForEach(() => Effect.fail("listener")),
          Effect.exit,
          Effect.forkChild({ startImmediately: true })
        )
        const throwing = yield* batch.events.pipe(
          Stream.runForEach((): Effect.Effect<void> => {
            throw new Error("listener")
          }),
          Effect.exit,
          Effect.forkChild({ startImmediately: true })
        )
        const leaving = yield* Effect.forkChild(Stream.runHead(batch.events), { startImmediately: true })
        yield* TestClock.adjust("3 seconds")

        assert.strictEqual((yield* batch.await).succeeded, 3)
        assert.isTrue(Exit.isFailure(yield* Fiber.join(failing)))
        assert.isTrue(Exit.isFailure(yield* Fiber.join(throwing)))
        assert.strictEqual((yield* Fiber.join(leaving))._tag, "Some")
      })
    )
  })
})
