/** What messages say of errors that have no message themselves. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Effect, Schema } from "effect"
import { HandlerError } from "parallel-batch-pipeline"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"

class ReadError extends Data.TaggedError("ReadError")<{ readonly path: string; readonly code: number }> {}
class HttpError extends Schema.TaggedError<HttpError>()("HttpError", { status: Schema.Number }) {}
class Bare extends Data.TaggedError("Bare") {}
class Unreadable extends Data.TaggedError("Unreadable") {
  readonly field = {
    toJSON: () => {
      throw new Error("no")
    }
  }
}

const failedWith = <E>(error: E) => {
  const ask = Handler.make("ask", { handleRequest: (_params: { readonly n: number }) => Effect.fail(error) })
  const asking = Pipeline.make("asking", { handlers: { ask }, start: "ask" })
  return Effect.flip(Batch.run(asking, { params: [{ n: 1 }] }))
}

const cases: ReadonlyArray<readonly [string, unknown, string]> = [
  ["fields", new ReadError({ path: "/a/b", code: 2 }), 'ReadError: {"path":"/a/b","code":2}'],
  ["fields of a schema", new HttpError({ status: 503 }), 'HttpError: {"status":503}'],
  ["no fields", new Bare(), "Bare"],
  ["nothing", new Error(""), "Error"],
  ["a message", new Error("down"), "Error: down"],
  ["a text", "down", "Error: down"]
]

describe("BatchFailed", () => {
  it.effect.each(cases)("says what failed where the error has %s", ([, error, text]) =>
    Effect.gen(function* () {
      const failed = yield* failedWith(error)

      assert.strictEqual(failed.message.split("not started): ")[1], text)
    })
  )

  it.effect("has the stack of what failed, also of a bug", () =>
    Effect.gen(function* () {
      const parseUser = () => {
        throw new TypeError("no user")
      }
      const parse = Handler.make("parse", {
        handleRequest: (_params: { readonly n: number }) => Effect.sync(parseUser)
      })
      const parsing = Pipeline.make("parsing", { handlers: { parse }, start: "parse" })
      const failed = yield* Effect.flip(Batch.run(parsing, { params: [{ n: 1 }] }))

      assert.match(failed.stack ?? "", /^BatchFailed: The batch stopped .*: TypeError: no user\n +at parseUser /)
    })
  )

  it.effect("is logged without its report", () =>
    Effect.gen(function* () {
      const failed = yield* failedWith(new HttpError({ status: 503 }))

      assert.deepStrictEqual(JSON.parse(JSON.stringify(failed)), {
        _tag: "BatchFailed",
        message: failed.message,
        error: { _tag: "HttpError", status: 503 }
      })
    })
  )

  it.effect("bounds what it says of fields, and bears those that cannot be shown", () =>
    Effect.gen(function* () {
      const long = yield* failedWith(new ReadError({ path: "x/".repeat(100_000), code: 2 }))
      const unreadable = yield* failedWith(new Unreadable())

      assert.isBelow(long.message.length, 420)
      assert.include(long.message, 'ReadError: {"path":"x/x/')
      assert.match(unreadable.message, /not started\): ./)
    })
  )

  it.effect("says the fields in a formatted report as well", () =>
    Effect.gen(function* () {
      const { report } = yield* failedWith(new ReadError({ path: "/a/b", code: 2 }))

      assert.include(Report.format(report), 'such as: {"path":"/a/b","code":2}')
    })
  )
})

describe("the errors that wrap what was thrown", () => {
  it("say its fields", () => {
    const cause = new ReadError({ path: "/a", code: 2 })

    assert.strictEqual(
      new HandlerError({ handler: "read", cause }).message,
      'Handler "read" failed: ReadError: {"path":"/a","code":2}'
    )
  })

  it.effect("and so does that of a promise without catch", () =>
    Effect.gen(function* () {
      const read = Handler.fromPromise("read", {
        handleRequest: (_params: { readonly n: number }) => Promise.reject(new ReadError({ path: "/a", code: 2 }))
      })
      const reading = Pipeline.make("reading", { handlers: { read }, start: "read" })

      const failed = yield* Effect.flip(Batch.run(reading, { params: [{ n: 1 }] }))

      assert.isTrue(Cause.isUnknownError(failed.error))
      assert.include(failed.message, 'Handler "read" failed: ReadError: {"path":"/a","code":2}')
    })
  )
})
