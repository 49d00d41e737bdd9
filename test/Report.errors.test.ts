import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, Schema } from "effect"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
import { throughBoth } from "./support/savedReports.ts"

interface Given {
  readonly index: number
}

class Described extends Schema.TaggedError<Described>()("Described", { status: Schema.Number }) {}
class Tagged extends Data.TaggedError("Tagged")<{ readonly status: number }> {}
class Named extends Error {
  override readonly name = "Named"
}
class Instance {
  readonly port = 80
}

/** Throws whatever is asked of it. */
const hostile = (): unknown =>
  new Proxy(
    {},
    {
      get: () => {
        throw new Error("get")
      },
      has: () => {
        throw new Error("has")
      },
      ownKeys: () => {
        throw new Error("ownKeys")
      },
      getPrototypeOf: () => {
        throw new Error("getPrototypeOf")
      }
    }
  )

const getters = (): unknown =>
  Object.defineProperties(new Error("seen"), {
    _tag: {
      enumerable: true,
      get: () => {
        throw new Error("_tag")
      }
    },
    stack: {
      get: () => {
        throw new Error("stack")
      }
    }
  })

const errors: ReadonlyArray<readonly [string, unknown]> = [
  ["a typed error with a schema", new Described({ status: 503 })],
  ["a typed error without one", new Tagged({ status: 503 })],
  ["an error", new TypeError("x is not a function")],
  ["an error without a message", new RangeError()],
  ["an error of a class", new Named("lost")],
  ["a plain tagged error", { _tag: "Lost", at: new Date(0), n: 1n }],
  ["a plain object", { code: "E1", nested: [1] }],
  ["an object that is no plain data in part", { _tag: "Lost", by: new Instance() }],
  ["an object with a function", { code: 1, retry: () => 1 }],
  ["an instance of a class", new Instance()],
  ["a string", "sold out"],
  ["an empty string", ""],
  ["a number", 7],
  ["null", null],
  ["a symbol", Symbol("s")],
  ["a function", function retry() {}],
  ["a proxy that throws", hostile()],
  ["an error whose getters throw", getters()]
]

const at = ({ index }: Given): unknown => errors[index]![1]

const fail = Handler.make("fail", { handleRequest: (given: Given) => Effect.fail(at(given)) })
const described = Handler.make("described", {
  handleRequest: (given: Given): Effect.Effect<never, Described> => Effect.fail(at(given) as Described),
  error: Described
})
const die = Handler.make("die", { handleRequest: (given: Given) => Effect.die(at(given)) })
const reject = Handler.fromPromise("reject", {
  handleRequest: (given: Given): Promise<never> => Promise.reject(at(given))
})

describe("Report", () => {
  describe("of failures of every kind", () => {
    const runs = {
      "a typed failure": Pipeline.make("failing", { handlers: { fail }, start: "fail" }),
      "a typed failure beside a schema": Pipeline.make("failing", { handlers: { described }, start: "described" }),
      "a thrown bug": Pipeline.make("failing", { handlers: { die }, start: "die" }),
      "a rejected promise": Pipeline.make("failing", { handlers: { reject }, start: "reject" })
    }
    for (const [how, pipeline] of Object.entries(runs)) {
      it.effect.each(errors.map(([name], index) => [name, index] as const))(
        `says the same of %s once it was saved: ${how}`,
        ([, index]) =>
          Effect.gen(function* () {
            const report: Report.Any = yield* Batch.run(pipeline as (typeof runs)["a thrown bug"], {
              params: [{ index }],
              mode: "collect-all"
            })

            const restored: Report.Any = yield* throughBoth(report, pipeline)
            const again: Report.Any = yield* throughBoth(restored, pipeline)
            const bare: Report.Any = yield* throughBoth(report, undefined)

            for (const one of [restored, again, bare]) {
              assert.deepStrictEqual(Report.digest(one), Report.digest(report))
              assert.strictEqual(Report.format(one), Report.format(report))
            }
            assert.include(Report.toHtml(report), "</html>")
          })
      )
    }

    it.effect("is shown and saved whatever params, outputs and shared data throw when they are read", () =>
      Effect.gen(function* () {
        const echo = Handler.make("echo", {
          handleRequest: ({ index, trap }: Given & { readonly trap: unknown }): Effect.Effect<unknown, unknown> =>
            index === 1 ? Effect.fail(trap) : Effect.succeed(trap),
          output: Schema.Struct({ a: Schema.Number })
        })
        const pipeline = Pipeline.make("echo", { handlers: { echo }, start: "echo" })
        const report: Report.Any = yield* Batch.run(
          pipeline as Pipeline.Any,
          {
            params: [hostile, getters].flatMap((make) => [0, 1].map((index) => ({ index, trap: make() }))),
            shared: { trap: hostile() },
            mode: "collect-all"
          } as never
        )

        assert.strictEqual(report.total, 4)
        assert.include(Report.format(report), "failed")
        assert.include(Report.toHtml(report), "</html>")
        assert.isAtLeast(Report.byKey(report).size, 1)
        const restored: Report.Any = yield* throughBoth(report, pipeline)
        assert.deepStrictEqual(Report.digest(restored), Report.digest(report))
        assert.deepStrictEqual(Report.diff(report, restored).broken, [])
      })
    )

    it.effect("keeps what a promise was rejected with, where the handler has no catch", () =>
      Effect.gen(function* () {
        const pipeline = runs["a rejected promise"]
        const report = yield* Batch.run(pipeline, { params: [{ index: 2 }], mode: "collect-all" })

        const restored = yield* throughBoth(report, pipeline)

        assert.strictEqual(Report.digest(restored)[0]?.message, "TypeError: x is not a function")
      })
    )

    it.effect("says what an error said of which a schema keeps only a part", () =>
      Effect.gen(function* () {
        const partly = Handler.make("partly", {
          handleRequest: (_given: Given): Effect.Effect<never, { readonly _tag: "Lost"; readonly at: string }> =>
            Effect.fail(Object.assign({ _tag: "Lost" as const, at: "sea" }, { since: 7 })),
          error: Schema.Struct({ _tag: Schema.Literal("Lost"), at: Schema.String })
        })
        const pipeline = Pipeline.make("partly", { handlers: { partly }, start: "partly" })
        const report = yield* Batch.run(pipeline, { params: [{ index: 0 }], mode: "collect-all" })

        const restored = yield* throughBoth(yield* throughBoth(report, pipeline), pipeline)

        assert.deepStrictEqual(Report.digest(restored), Report.digest(report))
      })
    )
  })
})
