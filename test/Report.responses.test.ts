/** What reports and messages say of answers of a server that were thrown as they are. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  Handler as HandlerClass,
  HandlerError,
  ParallelBatchPipeline,
  Pipeline as PipelineClass
} from "parallel-batch-pipeline"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
import { throughBoth } from "./support/savedReports.ts"

/** As `fetch` answers it: the URL is a getter. */
const answerOf = (status: number, statusText = "", url = ""): Response =>
  Object.defineProperty(new Response(null, { status, statusText }), "url", { value: url, configurable: true })

/** As clients of other libraries do: all fields are getters. */
class OtherResponse {
  readonly #url = "http://host/path"
  get status() {
    return 404
  }
  get url() {
    return this.#url
  }
  get body(): never {
    throw new Error("the body was read")
  }
}

class Quota {
  readonly status = 503
  readonly url = "/path"
  readonly reason = "quota"
}

const hostile = Object.defineProperties(answerOf(503), {
  url: {
    get: () => {
      throw new Error("url")
    }
  }
})

const url = "http://host/path"
const texts: ReadonlyArray<readonly [string, unknown, string]> = [
  ["a response", answerOf(503, "Service Unavailable", url), `503 Service Unavailable from ${url}`],
  ["one without a status text", answerOf(503, "", url), `503 from ${url}`],
  ["one without a URL", answerOf(404, "Not Found"), "404 Not Found"],
  ["one whose URL throws", hostile, "503"],
  ["one of another client", new OtherResponse(), `404 from ${url}`],
  ["plain data that says no more", { status: 500, statusText: "Oh", url, ok: false }, `500 Oh from ${url}`]
]

const failures = ["a typed failure", "a thrown bug", "a rejected promise"] as const

const pipelineOf = (how: (typeof failures)[number], thrown: unknown): Pipeline.Any => {
  const ask =
    how === "a rejected promise"
      ? Handler.fromPromise("ask", {
          handleRequest: (_given: { readonly n: number }): Promise<never> => Promise.reject(thrown)
        })
      : Handler.make("ask", {
          handleRequest: (_given: { readonly n: number }): Effect.Effect<never, unknown> =>
            how === "a thrown bug" ? Effect.die(thrown) : Effect.fail(thrown)
        })
  return Pipeline.make("asking", { handlers: { ask }, start: "ask" })
}

const failed = (pipeline: Pipeline.Any) =>
  Batch.run(pipeline as never, { params: [{ n: 1 }], mode: "collect-all" } as never) as Effect.Effect<Report.Any>

/** The element of the page in which the items stand. */
const dataOf = (page: string): string => /id="data">(.*?)<\/script>/s.exec(page)![1]!

describe("Report", () => {
  describe("of a thrown response", () => {
    for (const how of failures) {
      it.effect.each(texts)(`says its status and its URL: %s, ${how}`, ([, thrown, text]) =>
        Effect.gen(function* () {
          const pipeline = pipelineOf(how, thrown)
          const report = yield* failed(pipeline)

          const [group] = Report.digest(report)
          const isUnknown = how === "a rejected promise"
          assert.strictEqual(group?.tag, isUnknown ? "UnknownError" : "Response")
          assert.strictEqual(group?.example, isUnknown ? `Response: ${text}` : text)
          const data = dataOf(Report.toHtml(report))
          assert.include(data, `"detail":["${isUnknown ? "UnknownError: " : ""}Response: ${text}"]`)
          assert.match(data, isUnknown ? /"0":"UnknownError/ : /"0":"Response: \d/)
          const restored = yield* throughBoth(report, pipeline)
          for (const one of [restored, yield* throughBoth(report, undefined), yield* throughBoth(restored, pipeline)]) {
            assert.deepStrictEqual(Report.digest(one), Report.digest(report))
            assert.strictEqual(Report.format(one), Report.format(report))
          }
        })
      )
    }

    it.effect("leaves its fields to what says more, and its message to an error", () =>
      Effect.gen(function* () {
        const error = Object.assign(new TypeError("no such host"), { status: 503, url })
        for (const [thrown, tag, text] of [
          [new Quota(), "object", '"reason":"quota"'],
          [{ status: 503, url, reason: "quota" }, "object", '"reason":"quota"'],
          [{ _tag: "Lost", status: 503, url }, "Lost", '"status":503'],
          [error, "TypeError", "no such host"],
          [Object.assign(new TypeError(""), { status: 503, url }), "TypeError", "TypeError"]
        ] as const) {
          const [group] = Report.digest(yield* failed(pipelineOf("a typed failure", thrown)))
          assert.strictEqual(group?.tag, tag)
          assert.include(group?.example, text)
        }
      })
    )

    it.effect("never reads the body", () =>
      Effect.gen(function* () {
        const response = new Response("secret", { status: 503 })
        const report = yield* failed(pipelineOf("a typed failure", response))

        assert.notInclude(Report.format(report) + Report.toHtml(report) + Report.toJson(report), "secret")
        assert.isFalse(response.bodyUsed)
      })
    )
  })
})

describe("messages about a thrown response", () => {
  const response = answerOf(503, "Service Unavailable", url)
  const said = `Response: 503 Service Unavailable from ${url}`

  it.effect("say it where the batch fails", () =>
    Effect.gen(function* () {
      for (const how of failures) {
        const error = yield* Effect.flip(
          Batch.run(pipelineOf(how, response) as never, { params: [{ n: 1 }] } as never) as Effect.Effect<
            unknown,
            Error
          >
        )
        assert.include(error.message, said)
      }
    })
  )

  it("say it in the Error that handleError gets, and in that of toEffect", async () => {
    const messages: Array<string> = []
    class Ask extends HandlerClass<unknown, string> {
      protected handleRequest(): string {
        throw response
      }
      protected override handleError(_inputs: unknown, error: Error): string {
        messages.push(error.message)
        throw error
      }
    }
    const batch = new ParallelBatchPipeline(new PipelineClass(new Ask()), { params: () => [{}], mode: "collect-all" })
    const [group] = Report.digest(await batch.runReport({}))

    assert.deepStrictEqual(messages, [`A value that is no Error was thrown: ${said}`])
    assert.strictEqual(group?.example, messages[0])
    assert.strictEqual(new HandlerError({ handler: "ask", cause: response }).message, `Handler "ask" failed: ${said}`)
  })
})
