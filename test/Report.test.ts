import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { styleText } from "node:util"
import { Batch, Handler, Outcome, Pipeline, Report } from "parallel-batch-pipeline/effect"

interface Job {
  readonly id: number
  readonly fail?: unknown
  readonly bug?: unknown
  readonly millis?: number
}

const work = Handler.make("work", {
  handleRequest: ({ bug, fail, id, millis }: Job): Effect.Effect<number, unknown> => {
    if (bug !== undefined) throw bug
    const answer = fail === undefined ? Effect.succeed(id) : Effect.fail(fail)
    return millis === undefined ? answer : Effect.delay(answer, millis)
  }
})
const pipeline = Pipeline.make("jobs", { handlers: { work }, start: "work" })
const run = (jobs: ReadonlyArray<Job>) =>
  Batch.run(pipeline, { params: jobs, mode: "collect-all", key: ({ id }) => `job ${id}` })

class HttpError extends Data.TaggedError("HttpError")<{ readonly status: number }> {}

describe("Report", () => {
  describe("digest", () => {
    const messages: ReadonlyArray<readonly [string, string]> = [
      ["status 503 after 1,204.5 ms, try 3/5", "status 503 after <n> ms, try <n>/<n>"],
      ["GET https://example.com/a?b=c&d=7: refused", "GET <url> refused"],
      ["connect ECONNREFUSED 10.0.0.7:5432", "connect ECONNREFUSED <n>:<n>"],
      [
        "ENOENT: no such file or directory, open '/var/log/app/x-1.log'",
        "ENOENT: no such file or directory, open '<path>'"
      ],
      ["cannot read C:\\Users\\ada\\notes.txt", "cannot read <path>"],
      ["missing ./src/index.ts and src/lib/b.ts", "missing <path> and <path>"],
      ["order 6f1c2a9e-8b1d-4c55-9d0e-0a1b2c3d4e5f is gone", "order <id> is gone"],
      ["commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "commit <id>"],
      ["token sk_live_4eC39HqLyjWDarjtT1zdp7dc rejected", "token <id> rejected"],
      ["mail to ada.lovelace+x@example.co.uk bounced", "mail to <email> bounced"],
      ["at 2024-05-06T07:08:09.123Z the lease ended", "at <time> the lease ended"],
      ["temperature -3.5e-7", "temperature <n>"],
      ["item42 and item-42", "item<n> and item-<n>"],
      ["and/or is a word, so are deadbeef and facade", "and/or is a word, so are deadbeef and facade"],
      ["lodash@4.17.21 is not lodash@v5-next", "lodash@<n> is not lodash@v<n>-next"],
      ["two\n  lines\tof text ", "two lines of text"]
    ]
    it.effect.each(messages)("folds %s", ([message, folded]) =>
      Effect.gen(function* () {
        const [group] = Report.digest(yield* run([{ id: 1, fail: new Error(message) }]))

        assert.deepInclude(group, { message: folded, example: message, count: 1, tag: "Error", handler: "work" })
      })
    )

    it.effect("reads 4,000 failures as a few lines, the largest group first, with two keys each", () =>
      Effect.gen(function* () {
        const jobs = Array.from({ length: 4000 }, (_, id): Job => {
          if (id % 40 === 0) return { id, bug: new TypeError(`x${id} is not a function`) }
          return { id, fail: id % 4 === 0 ? new HttpError({ status: 500 + (id % 3) }) : `no page at /pages/${id}` }
        })

        const groups = Report.digest(yield* run(jobs))

        assert.deepStrictEqual(
          groups.map(({ count, defect, message, sampleKeys, tag }) => [count, tag, defect, message, ...sampleKeys]),
          [
            [3000, "string", false, "no page at <path>", "job 1", "job 2"],
            [300, "HttpError", false, '{"status":501}', "job 4", "job 16"],
            [300, "HttpError", false, '{"status":502}', "job 8", "job 20"],
            [300, "HttpError", false, '{"status":500}', "job 12", "job 24"],
            [100, "TypeError", true, "x<n> is not a function", "job 0", "job 40"]
          ]
        )
      })
    )

    it.effect("folds what is quoted once there are many messages, and not before", () =>
      Effect.gen(function* () {
        const cities = ["Ulm", "Bonn", "Jena", "Kiel", "Gera", "Hof", "Ulm"]
        const jobs = (count: number) =>
          cities.slice(0, count).map((city, id) => ({ id, fail: new Error(`no city is called "${city}"`) }))

        const few = Report.digest(yield* run(jobs(3)))
        const many = Report.digest(yield* run(jobs(7)))

        assert.strictEqual(few.length, 3)
        assert.deepStrictEqual(
          many.map(({ count, message, sampleKeys }) => [count, message, ...sampleKeys]),
          [[7, 'no city is called "…"', "job 0", "job 1"]]
        )
      })
    )

    it.effect("says what a promise was rejected with", () =>
      Effect.gen(function* () {
        const reject = Handler.fromPromise("reject", {
          handleRequest: async (_inputs: { readonly n: number }) => Promise.reject(new RangeError("too far"))
        })
        const rejecting = Pipeline.make("rejecting", { handlers: { reject }, start: "reject" })

        const report = yield* Batch.run(rejecting, { params: [{ n: 1 }], mode: "collect-all" })

        assert.deepInclude(Report.digest(report)[0], { tag: "UnknownError", message: "RangeError: too far" })
      })
    )

    const odd: ReadonlyArray<readonly [string, unknown, string, string]> = [
      ["undefined", undefined, "TypeError", "x"],
      ["null", null, "null", "null"],
      ["a number", 7, "number", "<n>"],
      ["an object", { code: 7 }, "object", '{"code":<n>}'],
      ["an empty message", new Error(""), "Error", "Error"],
      [
        "an error whose message throws",
        Object.defineProperty(new Error("a"), "message", { get: () => assert.fail() }),
        "Error",
        ""
      ],
      ["a very long message", new Error("word ".repeat(10_000)), "Error", "word ".repeat(60).trim()]
    ]
    it.effect.each(odd)("takes %s for an error", ([name, fail, tag]) =>
      Effect.gen(function* () {
        const report = yield* run([name === "undefined" ? { id: 1, bug: new TypeError("x") } : { id: 1, fail }])

        assert.strictEqual(Report.digest(report)[0]?.tag, tag)
      })
    )
  })

  describe("errors, failures, byKey", () => {
    it.effect("pick what they say", () =>
      Effect.gen(function* () {
        const jobs = [{ id: 1 }, { id: 2, fail: "a" }, { id: 3, bug: new Error("b") }, { id: 2, fail: "c" }]
        const report = yield* run(jobs)

        assert.deepStrictEqual(Report.errors(report), ["a", "c"])
        assert.deepStrictEqual(
          Report.failures(report).map(({ cause }) => Cause.squash(cause)),
          ["a", new Error("b"), "c"]
        )
        const byKey = Report.byKey(report)
        assert.deepStrictEqual([...byKey.keys()], ["job 1", "job 2", "job 3"])
        assert.strictEqual(byKey.get("job 2")?.index, 1)
      })
    )
  })

  describe("diff", () => {
    it.effect("says by key what got fixed, what broke, what is slower, and what is there no more", () =>
      Effect.gen(function* () {
        const before = yield* run([
          { id: 1, fail: "down" },
          { id: 2 },
          { id: 3, fail: "down" },
          { id: 4 },
          { id: 5 },
          { id: 6 }
        ])
        const fiber = yield* Effect.forkChild(
          run([
            { id: 7 },
            { id: 6, millis: 90 },
            { id: 5, millis: 400 },
            { id: 4, millis: 900 },
            { id: 3, fail: "up" },
            { id: 2, fail: "down" },
            { id: 1 }
          ])
        )
        yield* TestClock.adjust("1 second")
        const after = yield* Fiber.join(fiber)
        const diff = Report.diff(before, after)
        const back = Report.diff(before)(after)

        const keys = (changes: ReadonlyArray<{ readonly key: string }>) => changes.map(({ key }) => key)
        assert.deepStrictEqual(
          [diff.fixed, diff.broken, diff.stillFailing, diff.slower, diff.faster, diff.added, diff.removed].map(keys),
          [["job 1"], ["job 2"], ["job 3"], ["job 4", "job 5"], [], ["job 7"], []]
        )
        assert.deepStrictEqual(keys(back.faster), ["job 4", "job 5"])
        assert.deepStrictEqual(keys(back.removed), ["job 7"])
        assert.deepStrictEqual(keys(Report.diff(before, after, { atLeast: 50 }).slower), ["job 4", "job 5", "job 6"])
        assert.throws(
          () => Report.diff(before, after, { factor: 0 }),
          'Expected option "factor" to be a number of at least 1, got 0'
        )
      })
    )

    it.effect("takes only what is slower by half again and by 100 ms for slower", () =>
      Effect.gen(function* () {
        const report = yield* run([{ id: 1 }, { id: 2 }, { id: 3 }])
        const lasting = (...millis: ReadonlyArray<number>) => ({
          ...report,
          outcomes: report.outcomes.map((outcome, at) => {
            const { key } = outcome
            return { ...outcome, key, duration: Duration.millis(millis[at]!), startedAfter: Duration.zero, path: [] }
          })
        })

        const { faster, slower } = Report.diff(lasting(1000, 1000, 10), lasting(1499, 1500, 109))

        assert.deepStrictEqual(
          slower.map(({ key }) => key),
          ["job 2"]
        )
        assert.deepStrictEqual(faster, [])
      })
    )
  })

  describe("format", () => {
    it.effect("shows a report without failures in three lines", () =>
      Effect.gen(function* () {
        const report = yield* run([{ id: 1 }, { id: 2 }])

        assert.strictEqual(Report.format(report), "jobs: 2 items in 0 ms\n\n  succeeded  2  100 %")
      })
    )

    it.effect("shows params where nobody has named the items", () =>
      Effect.gen(function* () {
        const report = yield* Batch.run(pipeline, { params: [{ id: 1, fail: "no" }], mode: "collect-all" })

        assert.match(Report.format(report), /\n {5}[0-9a-f]{32} \{"id":1,"fail":"no"\}$/)
      })
    )

    it.effect("says that not all outcomes were kept, and why the batch ended", () =>
      Effect.gen(function* () {
        const report = yield* Batch.run(pipeline, {
          params: (function* () {
            for (let id = 0; ; id++) yield { id }
          })(),
          budget: { calls: 3 },
          concurrency: 1,
          outcomes: "none"
        })

        const lines = Report.format(report).split("\n")

        assert.include(lines, "The batch ended after 3 calls: its budget is 3.")
        assert.include(lines, "The input may hold more parameter sets than were read.")
        assert.include(lines.at(-1), "The report keeps 0 of 4 outcomes.")
      })
    )

    it.effect("says that failures were not kept, as the page does", () =>
      Effect.gen(function* () {
        const report = yield* Batch.run(pipeline, {
          params: [{ id: 1, fail: "down" }, { id: 2 }],
          mode: "collect-all",
          outcomes: "none"
        })

        assert.include(Report.format(report), "What failed is counted and not kept")
        assert.include(Report.toHtml(report), "The outcomes were not kept")
        assert.deepStrictEqual(Report.digest(report), [])
      })
    )

    it.effect("colours through styleText, and lets nothing of the data control the terminal", () =>
      Effect.gen(function* () {
        const report = yield* run([{ id: 1, fail: new Error("\u001b[2Jclear\r\nand \u202eback") }])

        const text = Report.format(report)
        const coloured = Report.format(report, {
          styleText: (style, part) => styleText(style, part, { validateStream: false })
        })

        for (const control of ["\u001b", "\r", "\u202e"]) assert.notInclude(text, control)
        assert.include(text, "\\x1b[<n>Jclear and \\u202eback")
        assert.include(coloured, "\u001b[31m")
        // eslint-disable-next-line no-control-regex
        assert.strictEqual(coloured.replaceAll(/\u001b\[\d+m/g, ""), text)
      })
    )

    it.effect("keeps to its width and to ten kinds of failures", () =>
      Effect.gen(function* () {
        const jobs = Array.from({ length: 30 }, (_, id) => ({
          id,
          fail: new (class extends Data.TaggedError(`Tag${"abcdefghijklmnopqrstuvwxyzABCD"[id]}`) {})({
            message: "word ".repeat(90)
          } as never)
        }))

        const lines = Report.format(yield* run(jobs), { width: 80 }).split("\n")

        assert.isAtMost(Math.max(...lines.map(({ length }) => length)), 80)
        assert.include(lines.at(-1), "and 20 failures of 20 other kinds")
      })
    )
  })

  describe("outcomes", () => {
    const step = (name: string, millis: number) =>
      Handler.make(name, { handleRequest: (_job: Job) => Effect.sleep(millis), prepareInputs: undefined })

    it.effect("say when they started, and with timings when each of their steps did", () =>
      Effect.gen(function* () {
        const steps = Pipeline.make("steps", {
          handlers: { one: step("one", 20), two: step("two", 30) },
          start: "one",
          routes: { one: { default: "two" } }
        })
        const params = [{ id: 1 }, { id: 2 }]
        const fiber = yield* Effect.forkChild(Batch.run(steps, { params, concurrency: 1, timings: true }))
        yield* TestClock.adjust(100)
        const report = yield* Fiber.join(fiber)

        const millis = Duration.toMillis
        assert.deepStrictEqual(
          report.outcomes
            .filter(Outcome.isSucceeded)
            .map((outcome) => [
              millis(outcome.startedAfter),
              millis(outcome.duration),
              outcome.timings?.map(({ duration, startedAfter, step }) => [step, millis(startedAfter), millis(duration)])
            ]),
          [
            [
              0,
              50,
              [
                ["one", 0, 20],
                ["two", 20, 30]
              ]
            ],
            [
              50,
              50,
              [
                ["one", 50, 20],
                ["two", 70, 30]
              ]
            ]
          ]
        )
      })
    )

    it.effect("have no timings without the option, and say which pipeline they are of", () =>
      Effect.gen(function* () {
        const report = yield* run([{ id: 1 }, { id: 2, fail: "a" }])

        assert.deepStrictEqual(
          report.outcomes.map((outcome) => (outcome._tag === "NotStarted" ? [] : outcome.timings)),
          [undefined, undefined]
        )
        assert.deepStrictEqual(report.pipeline, {
          name: "jobs",
          version: undefined,
          start: "work",
          steps: ["work"],
          routes: {}
        })
      })
    )
  })
})
