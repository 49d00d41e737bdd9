import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Schema, Stream } from "effect"
import {
  Batch,
  DuplicateKey,
  Handler,
  HandlerTimeout,
  InvalidParams,
  InvalidReport,
  Outcome,
  Pipeline,
  RenderedError,
  RenderedValue,
  Report,
  SharedDataConflict,
  TooManySteps
} from "parallel-batch-pipeline/effect"

class HttpError extends Schema.TaggedError<HttpError>()("HttpError", {
  status: Schema.Number,
  at: Schema.Date,
  cause: Schema.Defect()
}) {}

interface Call {
  readonly end: "ok" | "http" | "text" | "bug" | "skip" | "untold"
  readonly value?: unknown
}

class Untold extends Error {
  override readonly name = "Untold"
  readonly secret = new WeakMap()
}

const call = Handler.make("call", {
  shared: Schema.Struct({ done: Schema.Array(Schema.String) }),
  handleRequest: ({ end, value }: Call): Effect.Effect<unknown, HttpError | string | Untold> => {
    switch (end) {
      case "http":
        return Effect.fail(new HttpError({ status: 503, at: new Date(0), cause: new Error("socket") }))
      case "text":
        return Effect.fail("sold out")
      case "untold":
        return Effect.fail(new Untold("nobody knows"))
      case "bug":
        throw new TypeError("x is not a function")
      default:
        return Effect.succeed(value)
    }
  },
  processResults: ({ params, shared }) =>
    params.end === "skip" ? Handler.skip("unchanged") : Handler.next("called", { done: [...shared.done, params.end] }),
  error: HttpError
})
const calling = Pipeline.make("calling", { handlers: { call }, start: "call", version: "3" })

const run = (params: ReadonlyArray<Call>) =>
  Batch.run(calling, { params, shared: { done: [] }, mode: "collect-all", timings: true })

/** All that an outcome says, as one value. */
const plain = (outcome: Outcome.Any): unknown =>
  outcome._tag === "NotStarted"
    ? { ...outcome, key: outcome.key }
    : {
        ...outcome,
        key: outcome.key,
        path: outcome.path,
        timings: outcome.timings,
        duration: Duration.toMillis(outcome.duration),
        startedAfter: Duration.toMillis(outcome.startedAfter),
        ...(outcome._tag === "Failed" ? { cause: outcome.cause.reasons.map(reasonOf) } : {})
      }

const reasonOf = (reason: Cause.Reason<unknown>): unknown => {
  if (reason._tag === "Fail") return { fail: reason.error }
  if (reason._tag === "Interrupt") return { interrupt: reason.fiberId }
  const { message, name, stack } = reason.defect as Error
  return { die: { message, name, stack } }
}

const assertSame = (restored: Report.Any, report: Report.Any): void => {
  assert.deepStrictEqual(
    { ...restored, outcomes: restored.outcomes.map(plain), duration: String(restored.duration) },
    { ...report, outcomes: report.outcomes.map(plain), duration: String(report.duration) }
  )
}

/** Through both formats, and once more. */
const throughBoth = Effect.fnUntraced(function* (report: Report.Any, pipeline: Pipeline.Any | undefined) {
  const text = Report.toJson(report, pipeline)
  const lines = yield* Stream.runCollect(Report.toJsonLines(report, pipeline))
  const restored = yield* Report.fromJson(text, pipeline as Pipeline.Any)
  assertSame(yield* Report.fromJsonLines(Stream.fromIterable(lines), pipeline as Pipeline.Any), restored)
  assert.strictEqual(Report.toJson(restored, pipeline), text)
  return restored as Report.Any
})

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
      })
    )

    const values: ReadonlyArray<readonly [string, unknown]> = [
      ["undefined", { a: undefined, b: [undefined] }],
      ["numbers JSON has no form for", [Number.NaN, Infinity, -Infinity, -0, 1e308, 5e-324]],
      ["bigint", [0n, -(2n ** 70n)]],
      ["dates", [new Date(0), new Date(8.64e15), new Date(Number.NaN)]],
      ["collections", new Map<unknown, unknown>([[new Set([1, { a: new Map() }]), new Date(1)]])],
      ["bytes, URLs, expressions", [new Uint8Array([0, 255, 128]), new URL("https://a.b/c?d#e"), /a\/b/giu]],
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
        const halves = new BatchPipeline(new Pipeline(new Half()), { params: () => [{ n: 2 }, { n: 3 }, { n: 4 }] })
        const report = yield* Effect.promise(() => halves.runReport({}))

        const restored = yield* Report.fromJson(Report.toJson(report))

        assert.deepInclude(restored, { total: 3, succeeded: 1, failed: 1, notStarted: 1 })
        assert.deepStrictEqual(
          Report.digest(restored).map(({ message, tag }) => `${tag}: ${message}`),
          ["RangeError: <n> is odd"]
        )
        assert.include(Report.format(report), "RangeError")
        assert.include(Report.toHtml(report), "RangeError")
        assert.strictEqual(restored.pipeline.name, "BatchPipeline")
      })
    )
  })

  describe("fromJson", () => {
    const saved = Effect.map(run([{ end: "ok", value: [1] }, { end: "http" }, { end: "bug" }]), (report) => ({
      report,
      text: Report.toJson(report, calling)
    }))
    const errorOf = (text: string) => Effect.flip(Report.fromJson(text, calling))

    it.effect("says of every part of a report that it is truncated, and where", () =>
      Effect.gen(function* () {
        const { text } = yield* saved

        for (let length = 1; length < text.trimEnd().length; length++) {
          const error = yield* errorOf(text.slice(0, length))
          assert.deepInclude({ ...error }, { _tag: "InvalidReport", reason: "Truncated" }, text.slice(0, length))
          assert.match(error.place, /^position \d+$/)
        }
        assert.strictEqual((yield* errorOf("")).reason, "Truncated")
      })
    )

    const foreign: ReadonlyArray<readonly [string, string, string]> = [
      [
        "Foreign",
        '{"name":"left-pad","version":"1.0.0"}',
        'at format: expected "parallel-batch-pipeline/report", got undefined'
      ],
      ["Foreign", "[1,2,3]", 'at format: expected "parallel-batch-pipeline/report", got [1,2,3]'],
      ["Foreign", "null", 'at format: expected "parallel-batch-pipeline/report", got null'],
      ["Syntax", "<html>", 'at the beginning: expected JSON, got "<html>"'],
      [
        "Future",
        '{"format":"parallel-batch-pipeline/report","version":2}',
        "at version: expected 1 or less; a newer version of this library has written it, got 2"
      ],
      ["Invalid", '{"format":"parallel-batch-pipeline/report"}', "at version: expected 1, got undefined"]
    ]
    it.effect.each(foreign)("says that this is %s: %s", ([reason, text, message]) =>
      Effect.gen(function* () {
        const error = yield* errorOf(text)

        assert.strictEqual(error.reason, reason)
        assert.strictEqual(error.message, `Cannot read the report ${message}`)
      })
    )

    const changes: ReadonlyArray<readonly [string, (json: any) => void, string]> = [
      ["a count", (json) => (json.failed = "2"), 'failed: expected an integer of at least 0, got "2"'],
      ["a sum", (json) => (json.total = 4), "total: expected 3, the sum of the other counts, got 4"],
      ["outcomes", (json) => json.outcomes.pop(), "outcomes: expected 3 outcomes, got 2"],
      ["no outcomes", (json) => delete json.outcomes, "outcomes: expected an array, got undefined"],
      [
        "a tag",
        (json) => (json.outcomes[0]._tag = "Done"),
        'outcomes[0]._tag: expected Succeeded, Failed, Skipped, Interrupted or NotStarted, got "Done"'
      ],
      ["a key", (json) => (json.outcomes[1].key = 7), "outcomes[1].key: expected a string, got 7"],
      ["a path", (json) => (json.outcomes[1].path[0] = null), "outcomes[1].path[0]: expected a string, got null"],
      [
        "a typed error",
        (json) => (json.outcomes[1].cause[0].error.status = "x"),
        "outcomes[1].cause[0].error.status: expected what the schema describes"
      ],
      [
        "a reason",
        (json) => (json.outcomes[2].cause[0]._tag = "Panic"),
        "outcomes[2].cause[0]: expected a reason with the _tag Fail, Die or Interrupt"
      ],
      [
        "a value",
        (json) => (json.outcomes[0].output = [{ $: "Date", value: "soon" }]),
        'outcomes[0].output[0].value: expected a time such as 2000-01-01T00:00:00.000Z, got "soon"'
      ],
      [
        "a kind of value",
        (json) => (json.outcomes[0].output = { a: { $: "Tree" } }),
        'outcomes[0].output.a.$: expected a kind of value that this version knows, got "Tree"'
      ],
      ["the stamp", (json) => (json.pipeline.steps = 1), "pipeline.steps: expected an array of strings, got 1"],
      [
        "a timing",
        (json) => (json.outcomes[0].timings[0][2] = -1),
        "outcomes[0].timings[0][2]: expected milliseconds, at least 0, got -1"
      ],
      ["why it ended", (json) => (json.endedBy = "bored"), 'endedBy: expected an object with a _tag, got "bored"']
    ]
    it.effect.each(changes)("names the place of %s that was changed", ([, change, message]) =>
      Effect.gen(function* () {
        const { text } = yield* saved
        const json = JSON.parse(text)
        change(json)

        const error = yield* errorOf(JSON.stringify(json))

        assert.instanceOf(error, InvalidReport)
        assert.strictEqual(error.reason, "Invalid")
        assert.include(error.message, `Cannot read the report at ${message}`)
      })
    )

    it.effect("keeps a reason for the end that it does not know", () =>
      Effect.gen(function* () {
        const { text } = yield* saved
        const json = JSON.parse(text)
        json.endedBy = { _tag: "Eclipse", of: "the moon" }

        const report = yield* Report.fromJson(JSON.stringify(json), calling)

        assert.include(Report.format(report), 'The batch ended by Eclipse, of "the moon".')
      })
    )
  })

  describe("fromJsonLines", () => {
    const linesOf = Effect.flatMap(run([{ end: "ok", value: "é🙂" }, { end: "http" }]), (report) =>
      Effect.map(Stream.mkString(Report.toJsonLines(report, calling)), (text) => ({ report, text }))
    )
    const read = (...pieces: ReadonlyArray<string | Uint8Array>) =>
      Report.fromJsonLines(Stream.fromIterable(pieces), calling)

    it.effect("reads bytes that are cut anywhere", () =>
      Effect.gen(function* () {
        const { report, text } = yield* linesOf
        const bytes = new TextEncoder().encode(text)

        const restored = yield* read(...Array.from(bytes, (byte) => Uint8Array.of(byte)))

        assertSame(restored, report)
      })
    )

    it.effect("names the line where something is missing, wrong or too much", () =>
      Effect.gen(function* () {
        const { text } = yield* linesOf
        const [header, first, second] = text.trimEnd().split("\n")
        const problem = (...pieces: ReadonlyArray<string>) =>
          Effect.map(Effect.flip(read(...pieces)), (error) => `${error.reason} at ${error.place}`)

        assert.strictEqual(yield* problem(), "Truncated at line 1")
        assert.strictEqual(yield* problem(`${header}\n`, `${first}\n`), "Truncated at line 3")
        assert.strictEqual(yield* problem(text.slice(0, -20)), `Truncated at line 3, position ${second!.length - 19}`)
        assert.strictEqual(yield* problem(header!.slice(0, 50)), "Truncated at line 1, position 50")
        assert.strictEqual(yield* problem(`${header}\n{"_tag":}\n${second}\n`), "Syntax at line 2")
        assert.strictEqual(yield* problem(`${header}\n${first}\n{}\n`), "Invalid at line 3: index")
        assert.strictEqual(yield* problem(`${text}${second}\n`), "Invalid at line 4")
        assert.strictEqual(yield* problem('{"level":"info"}\n'), "Foreign at line 1: format")
      })
    )

    it.effect("fails with the error of the stream", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Report.fromJsonLines(Stream.fail("no such file" as const), calling))

        assert.strictEqual(error, "no such file")
        assert.isTrue(Exit.isExit(Exit.void))
      })
    )
  })
})
