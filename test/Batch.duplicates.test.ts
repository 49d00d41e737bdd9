import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Redacted, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  Batch,
  DuplicateKey,
  Handler,
  InvalidOptions,
  type Outcome,
  Pipeline,
  Report
} from "parallel-batch-pipeline/effect"

interface Item {
  readonly key: string
  readonly end?: "ok" | "fail" | "skip" | "throw" | "stop"
  readonly millis?: number
}

const keyOf = ({ key }: Item) => key

const observed = () => {
  const ran: Array<string> = []
  const work = Handler.make("work", {
    shared: Schema.Struct({ sum: Schema.Number }),
    handleRequest: ({ end = "ok", key, millis = 0 }: Item) =>
      Effect.suspend(() => {
        ran.push(key)
        if (end === "throw") throw new Error("bug")
        return Effect.delay(end === "fail" ? Effect.fail(`no ${key}`) : Effect.succeed(`${key}!`), millis)
      }),
    processResults: ({ params, shared }) => {
      if (params.end === "skip") return Handler.skip("said so")
      if (params.end === "stop") return Handler.stop("enough")
      return Handler.next("done", { sum: shared.sum + params.key.length })
    }
  })
  return { ran, pipeline: Pipeline.make("work", { handlers: { work }, start: "work" }) }
}

const items = (...keys: ReadonlyArray<string>): ReadonlyArray<Item> => keys.map((key) => ({ key, millis: 10 }))

const tags = (report: { readonly outcomes: ReadonlyArray<{ readonly _tag: string }> }) =>
  report.outcomes.map((outcome) => outcome._tag)

const finish = <A, E>(batch: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(batch, { startImmediately: true })
    yield* TestClock.adjust("10 seconds")
    return yield* Fiber.join(fiber)
  })

const base = { shared: { sum: 0 }, key: keyOf, mode: "collect-all" } as const

describe("Batch", () => {
  describe("duplicates", () => {
    it.effect("runs each item unless told otherwise", () =>
      Effect.gen(function* () {
        const { pipeline, ran } = observed()
        const report = yield* finish(Batch.run(pipeline, { ...base, params: items("a", "b", "a") }))

        assert.deepStrictEqual([ran, report.succeeded], [["a", "b", "a"], 3])
      })
    )

    it.effect("gives all items with a key the outcome of one execution", () =>
      Effect.gen(function* () {
        const { pipeline, ran } = observed()
        const report = yield* finish(
          Batch.run(pipeline, { ...base, params: items("a", "b", "a", "a", "b"), duplicates: "share" })
        )

        assert.deepStrictEqual(ran, ["a", "b"])
        assert.deepStrictEqual([report.total, report.succeeded, report.attempts, report.shared.sum], [5, 5, 2, 2])
        assert.deepStrictEqual(
          report.outcomes.map((outcome) =>
            outcome._tag === "Succeeded"
              ? [outcome.index, outcome.key, outcome.output, outcome.action, outcome.path, outcome.attempts]
              : []
          ),
          ["a", "b", "a", "a", "b"].map((key, index) => [index, key, `${key}!`, "done", ["work"], 1])
        )
      })
    )

    it.effect("tells secrets apart", () =>
      Effect.gen(function* () {
        const ask = Handler.make("ask", {
          handleRequest: ({ token }: { readonly token: Redacted.Redacted }) => Effect.succeed(Redacted.value(token))
        })
        const asking = Pipeline.make("asking", { handlers: { ask }, start: "ask" })
        const params = ["alice", "bob", "alice"].map((token) => ({ token: Redacted.make(token) }))

        const { attempts, outcomes } = yield* Batch.run(asking, { params, duplicates: "share", concurrency: 1 })

        assert.deepStrictEqual(
          outcomes.map((outcome) => outcome._tag === "Succeeded" && outcome.output),
          ["alice", "bob", "alice"]
        )
        assert.strictEqual(attempts, 2)
      })
    )

    it.effect("shares failures, bugs and skips, whether the first has ended or not", () =>
      Effect.gen(function* () {
        const { pipeline, ran } = observed()
        const params = (["fail", "throw", "skip", "ok"] as const).flatMap((end) => [
          { key: end, end, millis: 10 },
          { key: end, end, millis: 10 }
        ])
        const late = yield* finish(Batch.run(pipeline, { ...base, params, duplicates: "share", concurrency: 1 }))
        const early = yield* finish(Batch.run(pipeline, { ...base, params, duplicates: "share", concurrency: 8 }))

        assert.deepStrictEqual(ran, ["fail", "throw", "skip", "ok", "fail", "throw", "skip", "ok"])
        for (const report of [late, early]) {
          assert.deepStrictEqual(tags(report), [
            "Failed",
            "Failed",
            "Failed",
            "Failed",
            "Skipped",
            "Skipped",
            "Succeeded",
            "Succeeded"
          ])
          const [first, second] = report.outcomes as ReadonlyArray<Outcome.Failed<Item, string>>
          assert.deepStrictEqual(second!.cause, first!.cause)
          assert.strictEqual(second!.handler, "work")
        }
      })
    )

    it.effect("hands over the outcome of the first, also where one that waited ends the batch at once", () =>
      Effect.gen(function* () {
        const gate = Promise.withResolvers<void>()
        const work = Handler.fromPromise("work", { handleRequest: ({ key }: Item) => gate.promise.then(() => key) })
        const pipeline = Pipeline.make("work", { handlers: { work }, start: "work" })
        const cost = ({ index }: Outcome.Any) => index + 1
        const options = { params: items("a", "a"), key: keyOf, duplicates: "share", cost, budget: { cost: 1 } } as const
        const batch = yield* Batch.fork(pipeline, options)
        const events = yield* Effect.forkChild(Stream.runCollect(batch.events), { startImmediately: true })
        const stream = yield* Effect.forkChild(Stream.runCollect(Batch.stream(pipeline, options)))
        yield* TestClock.adjust(1)
        gate.resolve()

        const told = (yield* Fiber.join(events)).flatMap((event) =>
          event._tag === "ItemEnded" ? [`${event.outcome.index}`] : [event._tag]
        )
        assert.deepStrictEqual(told.slice(-3), ["0", "1", "BatchEnded"])
        assert.deepStrictEqual(tags({ outcomes: yield* Fiber.join(stream) }), ["Succeeded", "Succeeded"])
      })
    )

    it.effect("lets items that wait for another take no place", () =>
      Effect.gen(function* () {
        const { pipeline, ran } = observed()
        const batch = yield* Batch.fork(pipeline, {
          ...base,
          params: items("a", "a", "a", "b"),
          duplicates: "share",
          concurrency: 2
        })
        yield* TestClock.adjust(1)

        assert.deepStrictEqual(ran, ["a", "b"])
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* batch.await).succeeded, 4)
      })
    )

    it.effect("interrupts those that wait with the one they wait for", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const report = yield* finish(
          Batch.run(pipeline, {
            ...base,
            params: items("a", "a", "b", "b", "c"),
            duplicates: "share",
            concurrency: 2,
            timeout: 5
          })
        )

        assert.deepStrictEqual(tags(report), ["Interrupted", "Interrupted", "Interrupted", "NotStarted", "NotStarted"])
      })
    )

    it.effect("stops a fail-fast batch once, with every item accounted for", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const params: ReadonlyArray<Item> = [
          { key: "a", end: "fail", millis: 5 },
          { key: "a", end: "fail" },
          { key: "b", millis: 50 },
          { key: "a" }
        ]
        const failed = yield* Effect.flip(
          finish(Batch.run(pipeline, { ...base, mode: "fail-fast", params, duplicates: "share", concurrency: 3 }))
        )

        assert.strictEqual(failed.error, "no a")
        assert.deepStrictEqual(tags(failed.report), ["Failed", "Failed", "Interrupted", "Failed"])
      })
    )

    it.effect("ends with one stop", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const params: ReadonlyArray<Item> = [{ key: "a", end: "stop" }, { key: "a", end: "stop" }, { key: "b" }]
        const report = yield* finish(Batch.run(pipeline, { ...base, params, duplicates: "share", concurrency: 1 }))

        assert.deepStrictEqual(tags(report), ["Succeeded", "NotStarted", "NotStarted"])
        assert.deepStrictEqual(report.endedBy, { _tag: "Stop", reason: "enough" })
      })
    )

    it.effect("goes on where the only worker left waits for the input", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const params = Stream.concat(Stream.fromIterable(items("a", "a")), Stream.never)
        const batch = yield* Batch.fork(pipeline, { ...base, params, duplicates: "share", concurrency: 2 })
        yield* TestClock.adjust(1)
        yield* batch.setConcurrency(1)
        yield* TestClock.adjust("1 second")

        assert.strictEqual((yield* batch.report).succeeded, 2)
      })
    )

    it.effect("reads a lazy input no further than so many items may wait", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        let read = 0
        const endless = (function* () {
          for (;;) {
            read++
            yield { key: "a", millis: 10 }
          }
        })()
        const options = { ...base, duplicates: "share", concurrency: 2, parked: 7, timeout: 5 } as const
        const report = yield* finish(Batch.run(pipeline, { ...options, params: endless }))

        assert.deepStrictEqual([read, report.interrupted], [8, 8])
      })
    )

    it.effect("emits every outcome of a stream once", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const outcomes = yield* finish(
          Stream.runCollect(Batch.stream(pipeline, { ...base, params: items("a", "a", "b", "a"), duplicates: "share" }))
        )

        assert.deepStrictEqual(outcomes.map(({ index }) => index).toSorted(), [0, 1, 2, 3])
        assert.isTrue(outcomes.every(({ _tag }) => _tag === "Succeeded"))
      })
    )

    it.effect("shares what became of a snapshot that could not be merged", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const report = yield* finish(
          Batch.run(pipeline, { ...base, params: items("a", "bb", "bb"), isolation: "snapshot", duplicates: "share" })
        )

        assert.deepStrictEqual(tags(report), ["Succeeded", "Failed", "Failed"])
        assert.strictEqual(report.shared.sum, 1)
      })
    )

    it.effect("fails what comes later with DuplicateKey, where keys are to be unique", () =>
      Effect.gen(function* () {
        const { pipeline, ran } = observed()
        const report = yield* finish(
          Batch.run(pipeline, { ...base, params: items("a", "b", "a"), duplicates: "error" })
        )
        const failed = yield* Effect.flip(
          finish(Batch.run(pipeline, { ...base, mode: "fail-fast", params: items("a", "a"), duplicates: "error" }))
        )

        assert.deepStrictEqual(ran.slice(0, 2), ["a", "b"])
        const outcome = report.outcomes[2]
        assert.isTrue(outcome?._tag === "Failed" && outcome.attempts === 0 && outcome.handler === undefined)
        assert.deepStrictEqual(
          outcome?._tag === "Failed" ? Cause.squash(outcome.cause) : undefined,
          new DuplicateKey({ key: "a", index: 2, first: 0 })
        )
        assert.instanceOf(failed.error, DuplicateKey)
      })
    )

    it.effect("says the params where the key is a hash of them", () =>
      Effect.gen(function* () {
        const echo = Handler.make("echo", { handleRequest: (page: { readonly page: string }) => Effect.succeed(page) })
        const echoes = Pipeline.make("echoes", { handlers: { echo }, start: "echo" })
        const messageOf = (page: string) =>
          Effect.gen(function* () {
            const options = { params: [{ page }, { page }], mode: "collect-all", duplicates: "error" } as const
            const report = yield* Batch.run(echoes, options)
            const saved = yield* Report.fromJson(Report.toJson(report))
            const [before, after] = [report, saved].map((one) => Report.digest(one)[0]?.example)
            assert.strictEqual(after, before)
            return before!
          })

        const short = yield* messageOf("/a")
        const long = yield* messageOf("x".repeat(10_000))

        assert.match(short, /^Item 1 has the key "[0-9a-f]{32}" of item 0, with the params \{"page":"\/a"\}$/)
        assert.isBelow(long.length, 250)
      })
    )

    it.effect("fails the items whose key throws", () =>
      Effect.gen(function* () {
        const { pipeline } = observed()
        const key = (item: Item): string => {
          if (item.key === "b") throw new Error("no key")
          return item.key
        }
        for (const duplicates of ["share", "error"] as const) {
          const report = yield* finish(Batch.run(pipeline, { ...base, key, params: items("a", "b", "c"), duplicates }))
          assert.deepStrictEqual(tags(report), ["Succeeded", "Failed", "Succeeded"])
        }
      })
    )

    it.effect("refuses what is no policy", () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(
          Batch.run(observed().pipeline, { ...base, params: [], duplicates: "merge" as never })
        )
        const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined

        assert.isTrue(reason?._tag === "Die" && reason.defect instanceof InvalidOptions)
      })
    )

    it.effect.prop(
      "runs each key once and gives every item its outcome, at any concurrency",
      {
        keys: Schema.Array(Schema.Literals(["a", "b", "c", "d", "e"])).check(Schema.isMaxLength(30)),
        concurrency: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 8 })),
        kind: Schema.Literals(["array", "generator", "stream"])
      },
      ({ concurrency, keys, kind }) =>
        Effect.gen(function* () {
          const { pipeline, ran } = observed()
          const end = { a: "ok", b: "fail", c: "skip", d: "throw", e: "ok" } as const
          const all: ReadonlyArray<Item> = keys.map((key) => ({ key, end: end[key], millis: key === "e" ? 20 : 3 }))
          const params = kind === "array" ? all : kind === "generator" ? all.values() : Stream.fromIterable(all)
          const report = yield* finish(Batch.run(pipeline, { ...base, params, concurrency, duplicates: "share" }))

          assert.deepStrictEqual(ran.toSorted(), [...new Set(keys)].toSorted())
          assert.deepStrictEqual(
            tags(report),
            keys.map((key) => ({ a: "Succeeded", b: "Failed", c: "Skipped", d: "Failed", e: "Succeeded" })[key])
          )
          assert.strictEqual(report.attempts, ran.length)
        })
    )
  })
})
