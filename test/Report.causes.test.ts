/** What reports and messages say of the causes of an error. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Effect, Schema } from "effect"
import { HandlerError } from "parallel-batch-pipeline"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
import { throughBoth } from "./support/savedReports.ts"

const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" })
const fetchFailed = (cause: unknown) => new TypeError("fetch failed", { cause })
const wrapped = (depth: number): Error =>
  depth === 0 ? new Error("the end") : new Error(`level ${depth}`, { cause: wrapped(depth - 1) })

const circle = new Error("a")
circle.cause = new Error("b", { cause: circle })

const unreadable = Object.defineProperty(new Error("said"), "cause", {
  get: () => {
    throw new Error("cause")
  }
})

class Empty extends Data.TaggedError("Empty")<Record<never, never>> {}
class Tagged extends Data.TaggedError("Tagged")<{ readonly n: number; readonly cause?: unknown }> {}

const circleOfTags = [new Empty(), new Empty()] as const
circleOfTags.forEach((error, index) => Object.defineProperty(error, "cause", { value: circleOfTags[1 - index] }))

const texts: ReadonlyArray<readonly [string, unknown, string]> = [
  ["no cause", new Error("down"), "down"],
  ["a cause", fetchFailed(refused), "fetch failed: connect ECONNREFUSED 127.0.0.1:1"],
  [
    "a cause with a code",
    fetchFailed(Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" })),
    "fetch failed: other side closed (UND_ERR_SOCKET)"
  ],
  [
    "one for each address of a host",
    fetchFailed(Object.assign(new AggregateError([new Error("connect ::1"), refused], ""), { code: "ECONNREFUSED" })),
    "fetch failed: connect ::1, connect ECONNREFUSED 127.0.0.1:1"
  ],
  [
    "several errors",
    new AggregateError([new Error("one"), new Error("two"), new Error("one")], "none did"),
    "none did: one, two"
  ],
  ["a cause that is a text", new Error("lost", { cause: "at sea" }), "lost: at sea"],
  ["a cause of plain data", new Error("lost", { cause: { code: "E_SEA" } }), "lost: E_SEA"],
  ["a cause with fields", new Error("lost", { cause: new Tagged({ n: 1 }) }), 'lost: Tagged: {"n":1}'],
  ["a response", new Error("lost", { cause: new Response(null, { status: 503, statusText: "Oh" }) }), "lost: 503 Oh"],
  ["a Cause", new Error("lost", { cause: Cause.fail(new Error("at sea")) }), "lost: at sea"],
  ["an interruption", new Error("lost", { cause: Cause.interrupt(1) }), "lost"],
  ["a name alone", new Error("lost", { cause: new RangeError() }), "lost: RangeError"],
  ["nothing in it", new Error("lost", { cause: new Error("") }), "lost"],
  ["what it says already", new Error("it failed: at sea", { cause: new Error("at sea") }), "it failed: at sea"],
  ["what says it all", new Error("lost", { cause: new Error("lost at sea") }), "lost at sea"],
  ["causes of causes", wrapped(2), "level 2: level 1: the end"],
  ["very many", wrapped(1000), "level 1000: level 999: level 998: level 997: level 996: level 995"],
  ["a circle", circle, "a: b"],
  ["a circle of errors without messages", circleOfTags[0], "Empty"],
  ["lines", new Error("lost", { cause: new Error("at\n  sea") }), "lost: at sea"],
  ["a getter that throws", unreadable, "said"]
]

const pipelineOf = (error: unknown, how: "fails" | "dies"): Pipeline.Any => {
  const ask = Handler.make("ask", {
    handleRequest: (_given: { readonly n: number }): Effect.Effect<never, unknown> =>
      how === "dies" ? Effect.die(error) : Effect.fail(error)
  })
  return Pipeline.make("asking", { handlers: { ask }, start: "ask" })
}

const failed = (pipeline: Pipeline.Any) =>
  Batch.run(pipeline as never, { params: [{ n: 1 }], mode: "collect-all" } as never) as Effect.Effect<Report.Any>

describe("Report", () => {
  describe("of errors with causes", () => {
    for (const how of ["fails", "dies"] as const) {
      it.effect.each(texts)(`says them once, also when it was saved, where an item ${how}: %s`, ([, error, text]) =>
        Effect.gen(function* () {
          const pipeline = pipelineOf(error, how)
          const report = yield* failed(pipeline)

          assert.strictEqual(Report.digest(report)[0]?.example, text)
          assert.include(Report.toHtml(report), "</html>")
          const restored = yield* throughBoth(report, pipeline)
          for (const one of [restored, yield* throughBoth(report, undefined), yield* throughBoth(restored, pipeline)]) {
            assert.deepStrictEqual(Report.digest(one), Report.digest(report))
            assert.strictEqual(Report.format(one), Report.format(report))
          }
        })
      )
    }

    it.effect("bounds what they say", () =>
      Effect.gen(function* () {
        const report = yield* failed(pipelineOf(fetchFailed(new Error("x".repeat(1_000_000))), "fails"))

        assert.isBelow(Report.digest(report)[0]!.example.length, 400)
      })
    )

    it.effect("keeps them of typed errors of which a schema keeps only a part", () =>
      Effect.gen(function* () {
        class Http extends Schema.TaggedError<Http>()("Http", { status: Schema.Number, message: Schema.String }) {}
        const error = Object.defineProperty(new Http({ status: 0, message: "no answer" }), "cause", { value: refused })
        const ask = Handler.make("ask", {
          handleRequest: (_given: { readonly n: number }) => Effect.fail(error),
          error: Http
        })
        const pipeline = Pipeline.make("asking", { handlers: { ask }, start: "ask" })
        const report: Report.Any = yield* failed(pipeline)
        const restored = yield* throughBoth(report, pipeline)

        assert.strictEqual(Report.digest(report)[0]?.example, "no answer: connect ECONNREFUSED 127.0.0.1:1")
        assert.deepStrictEqual(Report.digest(restored), Report.digest(report))
      })
    )

    it.effect("says them of a rejected promise", () =>
      Effect.gen(function* () {
        const ask = Handler.fromPromise("ask", {
          handleRequest: (_given: { readonly n: number }): Promise<never> => Promise.reject(fetchFailed(refused))
        })
        const pipeline = Pipeline.make("asking", { handlers: { ask }, start: "ask" })
        const error = yield* Effect.flip(Batch.run(pipeline, { params: [{ n: 1 }] }))

        assert.strictEqual(
          Report.digest(error.report)[0]?.example,
          "TypeError: fetch failed: connect ECONNREFUSED 127.0.0.1:1"
        )
        assert.isTrue(error.message.endsWith('Handler "ask" failed: fetch failed: connect ECONNREFUSED 127.0.0.1:1'))
      })
    )
  })
})

describe("messages about errors with causes", () => {
  it.effect("say them where the batch fails", () =>
    Effect.gen(function* () {
      const error = fetchFailed(refused)
      for (const how of ["fails", "dies"] as const) {
        const { message } = yield* Effect.flip(
          Batch.run(pipelineOf(error, how) as never, { params: [{ n: 1 }] } as never) as Effect.Effect<unknown, Error>
        )
        assert.isTrue(message.endsWith("TypeError: fetch failed: connect ECONNREFUSED 127.0.0.1:1"), message)
      }
      assert.strictEqual(
        new HandlerError({ handler: "ask", cause: error }).message,
        'Handler "ask" failed: fetch failed: connect ECONNREFUSED 127.0.0.1:1'
      )
    })
  )

  it.effect("say them where the input fails", () =>
    Effect.gen(function* () {
      const params = (function* (): Iterable<{ readonly n: number }> {
        yield { n: 1 }
        throw fetchFailed(refused)
      })()
      const reports: Array<Report.Any> = []
      const succeed = Handler.make("succeed", { handleRequest: (_given: { readonly n: number }) => Effect.succeed(1) })
      const pipeline = Pipeline.make("succeeding", { handlers: { succeed }, start: "succeed" })
      const onInterrupt = (report: Report.Any) => Effect.sync(() => reports.push(report))
      yield* Effect.exit(Batch.run(pipeline, { params, onInterrupt }))

      assert.deepStrictEqual(reports[0]?.endedBy, {
        _tag: "InputFailure",
        reason: "TypeError: fetch failed: connect ECONNREFUSED 127.0.0.1:1"
      })
    })
  )
})
