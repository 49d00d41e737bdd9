import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Schema } from "effect"
import {
  Batch,
  DuplicateKey,
  Handler,
  HandlerTimeout,
  InvalidParams,
  Pipeline,
  RenderedError,
  RenderedValue,
  Report,
  SharedDataConflict,
  TooManySteps
} from "parallel-batch-pipeline/effect"
import { assertSame, calling, HttpError, plain, run, throughBoth } from "./support/savedReports.ts"

describe("Report", () => {
  describe("toJson and fromJson", () => {
    it.effect("keep every kind of outcome, and typed errors as what they were", () =>
      Effect.gen(function* () {
        const ends = ["ok", "http", "text", "bug", "skip"] as const
        const report = yield* run(ends.map((end) => ({ end, value: { nested: [end] } })))

        const restored = yield* throughBoth(report, calling)

        assertSame(restored, report)
        const [error] = Report.errors(restored)
        assert.instanceOf(error, HttpError)
        assert.deepStrictEqual((error as HttpError).at, new Date(0))
        assert.deepStrictEqual(Report.digest(restored), Report.digest(report))
      })
    )

    it.effect("keep what was interrupted and what never started, and why the batch ended", () =>
      Effect.gen(function* () {
        const wait = Handler.make("wait", {
          handleRequest: ({ n }: { readonly n: number }) => (n === 0 ? Effect.fail("boom") : Effect.never)
        })
        const waiting = Pipeline.make("waiting", { handlers: { wait }, start: "wait" })
        const params = [{ n: 1 }, { n: 0 }, { n: 2 }]
        const { report } = yield* Effect.flip(Batch.run(waiting, { params, concurrency: 2 }))

        const restored = yield* throughBoth(report, waiting)

        assertSame(restored, report)
        assert.deepStrictEqual(
          restored.outcomes.map(({ _tag }) => _tag),
          ["Interrupted", "Failed", "NotStarted"]
        )
        assert.deepStrictEqual(restored.endedBy, { _tag: "Failure" })
      })
    )

    it.effect("keep the text of an error that no schema describes, and say so", () =>
      Effect.gen(function* () {
        const report = yield* run([{ end: "untold" }])

        const restored = yield* throughBoth(report, calling)
        const [error] = Report.errors(restored)

        assert.instanceOf(error, RenderedError)
        assert.deepInclude({ ...(error as RenderedError) }, { tag: "Untold", text: "nobody knows" })
        assert.include(
          (error as RenderedError).message,
          "kept as text: the error schema of the handler does not describe it"
        )
        assert.deepStrictEqual(Report.digest(restored), Report.digest(report))
      })
    )

    it.effect("read without the pipeline as well: a typed error is then its text", () =>
      Effect.gen(function* () {
        const report = yield* run([{ end: "http" }, { end: "ok", value: 1 }])

        const restored = yield* Report.fromJson(Report.toJson(report, calling))
        const withoutBoth = yield* throughBoth(report, undefined)

        const errors = [...Report.errors(restored), ...Report.errors(withoutBoth)] as ReadonlyArray<RenderedError>
        assert.deepStrictEqual(
          errors.map(({ problem, tag }) => [tag, problem]),
          [
            ["HttpError", "it was read without its schema"],
            ["HttpError", "the handler has no error schema"]
          ]
        )
        assert.strictEqual(restored.outcomes[1]?._tag === "Succeeded" && restored.outcomes[1].output, 1)
      })
    )

    it.effect("keep the errors of the library without a schema", () =>
      Effect.gen(function* () {
        const errors = [
          new HandlerTimeout({ handler: "call", duration: Duration.seconds(3) }),
          new TooManySteps({ handler: "call", maxSteps: 3 }),
          new DuplicateKey({ key: "a", index: 2, first: 1 }),
          new InvalidParams({
            index: 1,
            path: ["a", 0],
            value: new Map([[1, undefined]]),
            expected: "Expected string"
          }),
          new SharedDataConflict({ key: "a.b", base: 1n, mine: Number.NaN, theirs: new Date(5) })
        ]
        const fail = Handler.make("fail", { handleRequest: ({ n }: { readonly n: number }) => Effect.fail(errors[n]!) })
        const failing = Pipeline.make("failing", { handlers: { fail }, start: "fail" })
        const report = yield* Batch.run(failing, { params: errors.map((_, n) => ({ n })), mode: "collect-all" })

        const restored = yield* throughBoth(report, failing)

        assert.deepStrictEqual(Report.errors(restored), Report.errors(report))
        assert.deepStrictEqual(
          Report.errors(restored).map((error) => (error as Error).message),
          errors.map(({ message }) => message)
        )
      })
    )

    it.effect("keep causes with several reasons", () =>
      Effect.gen(function* () {
        const report = yield* run([{ end: "http" }])
        const [failed] = Report.failures(report)
        const cause = Cause.combine(failed!.cause, Cause.combine(Cause.die(new RangeError("bad")), Cause.interrupt(7)))
        const outcomes = [
          {
            ...failed!,
            ...(plain(failed!) as object),
            cause,
            duration: failed!.duration,
            startedAfter: failed!.startedAfter
          }
        ]

        const restored = yield* throughBoth({ ...report, outcomes }, calling)

        assert.deepStrictEqual(
          Report.failures(restored)[0]!.cause.reasons.map((reason) => reason._tag),
          ["Fail", "Die", "Interrupt"]
        )
        assertSame(restored, { ...report, outcomes })
      })
    )

    it.effect("write params, outputs and shared data that are no plain data with their schemas", () =>
      Effect.gen(function* () {
        class Money extends Schema.Class<Money>("Money")({ cents: Schema.BigInt }) {}
        const pay = Handler.make("pay", {
          params: Money,
          shared: Schema.Struct({ total: Money }),
          handleRequest: (money) => Effect.succeed(money),
          processResults: ({ outputs }) => Handler.next("paid", { total: outputs }),
          output: Money
        })
        const paying = Pipeline.make("paying", { handlers: { pay }, start: "pay" })
        const money = new Money({ cents: 5n })
        const report = yield* Batch.run(paying, {
          params: [money],
          shared: { total: money },
          decodeParams: false
        })

        const restored = yield* Report.fromJson(Report.toJson(report, paying), paying)

        const [outcome] = restored.outcomes
        assert(outcome?._tag === "Succeeded")
        assert.instanceOf(outcome.params, Money)
        assert.deepStrictEqual([outcome.params, outcome.output], [money, money])
        assert.deepStrictEqual(restored.shared, { total: money })
        assert.strictEqual(outcome.key, report.outcomes[0]!.key)

        // Without the schemas nobody takes what they have written for the values, and it is not lost.
        const without: Report.Any = yield* Report.fromJson(Report.toJson(report, paying))
        const [unread] = without.outcomes
        assert.instanceOf(unread?._tag === "Succeeded" && unread.output, RenderedValue)
        assert.instanceOf(without.shared, RenderedValue)
        assert.strictEqual(Report.toJson(without), Report.toJson(report, paying))
        assert.deepStrictEqual((yield* Report.fromJson(Report.toJson(without), paying)).shared, { total: money })
      })
    )

    const values: ReadonlyArray<readonly [string, unknown]> = [
      ["undefined", { a: undefined, b: [undefined] }],
      ["numbers JSON has no form for", [Number.NaN, Infinity, -Infinity, -0, 1e308, 5e-324]],
      ["bigint", [0n, -(2n ** 70n)]],
      ["dates", [new Date(0), new Date(8.64e15), new Date(Number.NaN)]],
      ["collections", new Map<unknown, unknown>([[new Set([1, { a: new Map() }]), new Date(1)]])],
      ["bytes, URLs, expressions", [new Uint8Array([0, 255, 128]), new URL("https://a.b/c?d#e"), /a\/b/giu]],
      [
        "typed arrays",
        [
          new Float64Array([1.5, -0]),
          new BigInt64Array([-5n]),
          new Uint8ClampedArray([1]),
          Uint16Array.of(1, 258).buffer
        ]
      ],
      ["durations", [Duration.millis(1.5), Duration.nanos(7n), Duration.infinity, Duration.days(400)]],
      ["keys that mean something", { $: "Date", value: 1, nested: { $: { $: 2 } } }],
      ["__proto__ as a key", JSON.parse('{"__proto__":{"polluted":true},"constructor":1}')],
      ["strings", ["", "\u0000", "\ud800", "\u2028", "</script>", "🙂"]]
    ]
    it.effect.each(values)("keep %s", ([, value]) =>
      Effect.gen(function* () {
        const report = yield* run([{ end: "ok", value }])

        const restored = yield* throughBoth(report, calling)

        const [outcome] = restored.outcomes
        assert(outcome?._tag === "Succeeded")
        assert.deepStrictEqual(outcome.output, value)
        assert.isUndefined(({} as { polluted?: unknown }).polluted)
      })
    )

    it.effect("keep the bytes of a Buffer, and of a part of a larger one", () =>
      Effect.gen(function* () {
        const value = { whole: Buffer.from("héllo"), part: Int16Array.of(1, 2, 3, 4).subarray(1, 3) }
        const report = yield* run([{ end: "ok", value }])

        const restored = yield* throughBoth(report, calling)

        const [outcome] = restored.outcomes
        assert(outcome?._tag === "Succeeded")
        assert.deepStrictEqual(outcome.output, {
          whole: new TextEncoder().encode("héllo"),
          part: Int16Array.of(2, 3)
        })
      })
    )

    it.effect("work where Array.map calls them", () =>
      Effect.gen(function* () {
        const report = yield* run([{ end: "ok", value: 1 }])
        const [text] = [report].map(Report.toJson as (report: Report.Any) => string)

        assert.strictEqual(text, Report.toJson(report))
      })
    )

    it.effect("keep the text of values that are no data, and say so", () =>
      Effect.gen(function* () {
        class Socket {
          readonly port = 80
        }
        const loop: Array<unknown> = []
        loop.push(loop)
        const getter = Object.defineProperty({}, "a", { enumerable: true, get: () => assert.fail("read") })
        let deep: unknown = 1
        for (let depth = 0; depth < 10_000; depth++) deep = [deep]
        const values = [new Socket(), () => 1, Symbol("s"), loop, getter, deep]
        const report = yield* run(values.map((value) => ({ end: "ok", value })))

        const restored = yield* throughBoth(report, calling)

        const texts = restored.outcomes.map((outcome) => (outcome._tag === "Succeeded" ? outcome.output : undefined))
        assert.deepStrictEqual(texts[0], new RenderedValue({ text: 'Socket({"port":80})' }))
        assert.strictEqual(String(texts[0]), 'Socket({"port":80}) (kept as text)')
        assert.strictEqual(texts.length, 6)
      })
    )

    it.effect.prop(
      "keep all plain data",
      { value: Schema.Json },
      ({ value }) =>
        Effect.gen(function* () {
          const report = yield* run([{ end: "ok", value }])

          const restored = yield* throughBoth(report, calling)

          assertSame(restored, report)
        }),
      { arbitrary: { runs: 200, size: 40 }, timeout: 30_000 }
    )

    it.effect("work for reports of the classes, whose errors are what was thrown", () =>
      Effect.gen(function* () {
        const { BatchPipeline, Handler, Pipeline } = yield* Effect.promise(() => import("parallel-batch-pipeline"))
        class Half extends Handler<{ n: number }, number> {
          protected override handleRequest({ n }: { n: number }): number {
            if (n % 2 !== 0) throw new RangeError(`${n} is odd`)
            return n / 2
          }
        }
        const halves = new BatchPipeline(new Pipeline(new Half()), {
          params: () => [{ n: 2 }, { n: 3 }, { n: 4 }],
          timings: true
        })
        const report = yield* Effect.promise(() => halves.runReport({}))

        const restored = yield* Report.fromJson(Report.toJson(report))

        assert.deepInclude(restored, { total: 3, succeeded: 1, failed: 1, notStarted: 1 })
        assert.deepStrictEqual(
          Report.digest(restored).map(({ message, tag }) => `${tag}: ${message}`),
          ["RangeError: <n> is odd"]
        )
        const [first] = report.outcomes
        assert(first?._tag === "Succeeded")
        assert.deepStrictEqual(
          first.timings?.map(({ step }) => step),
          ["Half"]
        )
        assert.include(Report.format(report), "RangeError")
        assert.include(Report.toHtml(report), "RangeError")
        assert.strictEqual(restored.pipeline.name, "BatchPipeline")
      })
    )
  })
})
