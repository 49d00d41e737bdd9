import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { InvalidReport, Report } from "parallel-batch-pipeline/effect"
import { assertSame, calling, run } from "./support/savedReports.ts"

/** `JSON.stringify` does not go as deep as `JSON.parse`. */
const stringify = (json: any): string => {
  const output = json?.outcomes?.[0]?.output ?? json?.output
  if (!Array.isArray(output) || !Array.isArray(output[0]?.[0])) return JSON.stringify(json)
  const holder = json.outcomes?.[0] ?? json
  holder.output = "@deep"
  const text = JSON.stringify(json).replace('"@deep"', "[".repeat(50_000) + "]".repeat(50_000))
  holder.output = output
  return text
}

describe("Report", () => {
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
      ["a number of errors", (json) => (json.interrupted = 1), "total: expected 4"],
      [
        "what failed",
        (json) => Object.assign(json, { failed: 1, skipped: 1 }),
        "failed: expected 2, as many as the outcomes say, got 1"
      ],
      ["what was reused", (json) => (json.reused = 1), "reused: expected 0, as many as the outcomes say, got 1"],
      ["how many are kept", (json) => Object.assign(json, { total: 2, failed: 1 }), "kept: expected at most 2"],
      ["an index", (json) => (json.outcomes[1].index = 0), "outcomes[1].index: expected more than 0, got 0"],
      ["why it ended in part", (json) => (json.endedBy = { _tag: "Timeout" }), "endedBy.duration: expected a duration"],
      [
        "the bound of a budget",
        (json) =>
          (json.endedBy = { _tag: "Budget", bound: "calls", limit: { $: "Duration", value: "1 millis" }, used: 1 }),
        "endedBy.limit: expected a number"
      ],
      [
        "an error of the library",
        (json) => (json.outcomes[1].cause[0] = { _tag: "Fail", tag: "DuplicateKey", message: "", own: { key: "a" } }),
        "outcomes[1].cause[0].own.index: expected an integer of at least 0, got undefined"
      ],
      [
        "an error of the library as a whole",
        (json) => (json.outcomes[1].cause[0] = { _tag: "Fail", tag: "InvalidParams", message: "", own: null }),
        "outcomes[1].cause[0].own: expected an object, got null"
      ],
      [
        "a fiber",
        (json) => (json.outcomes[1].cause[0] = { _tag: "Interrupt", fiberId: "a" }),
        'outcomes[1].cause[0].fiberId: expected a number, got "a"'
      ],
      [
        "the depth of a value",
        (json) => (json.outcomes[0].output = JSON.parse("[".repeat(50_000) + "]".repeat(50_000))),
        `outcomes[0].output${"[0]".repeat(93)}[0…: expected at most 500 values in each other`
      ],
      ["why it ended", (json) => (json.endedBy = "bored"), 'endedBy: expected an object with a _tag, got "bored"']
    ]
    it.effect.each(changes)("names the place of %s that was changed", ([, change, message]) =>
      Effect.gen(function* () {
        const { text } = yield* saved
        const json = JSON.parse(text)
        change(json)

        const error = yield* errorOf(stringify(json))
        const [outcomes, ...header] = [json.outcomes ?? [], json]
        const lines = [...header, ...(Array.isArray(outcomes) ? outcomes : [])].map((line) => `${stringify(line)}\n`)
        const other = yield* Effect.flip(Report.fromJsonLines(Stream.fromIterable(lines), calling))

        assert.instanceOf(other, InvalidReport)
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

    it.effect("says so where the bytes are no UTF-8, and takes a mark before the text", () =>
      Effect.gen(function* () {
        const { report, text } = yield* linesOf
        const bytes = new TextEncoder().encode(text)
        const broken = bytes.slice()
        broken[bytes.indexOf(0xc3) + 1] = 0x20

        const error = yield* Effect.flip(read(broken))

        assert.instanceOf(error, InvalidReport)
        assert.include(error.message, `Cannot read the report at bytes 0 to ${bytes.length}: expected UTF-8`)
        assertSame(yield* read(`\ufeff${text}`), report)
        assertSame(yield* read(new TextEncoder().encode(`\ufeff${text}`)), report)
        assertSame(yield* Report.fromJson(`\ufeff${Report.toJson(report, calling)}`, calling), report)
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
      })
    )
  })
})
