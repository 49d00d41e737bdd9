import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  Batch,
  Handler,
  InvalidOptions,
  InvalidParams,
  InvalidPipeline,
  ItemSkipped,
  Pipeline,
  TooManySteps
} from "parallel-batch-pipeline/effect"

interface N {
  readonly n: number
}

const Total = Schema.Struct({ sum: Schema.Number })

const add = Handler.make("add", {
  params: Schema.Struct({ n: Schema.NumberFromString }),
  shared: Total,
  handleRequest: ({ n }) => Effect.succeed(n),
  processResults: ({ outputs, shared }) =>
    outputs < 0 ? Handler.skip("negative") : Handler.next("added", { sum: shared.sum + outputs })
})
const adding = Pipeline.make("adding", { handlers: { add }, start: "add" })

describe("Pipeline", () => {
  describe("run", () => {
    it.effect("answers the action, the output, and the next value of the shared data", () =>
      Effect.gen(function* () {
        const shared = { sum: 1 }

        const result = yield* Pipeline.run(adding, { params: { n: "2" }, shared })

        assert.deepStrictEqual(result, { action: "added", output: 2, shared: { sum: 3 } })
        assert.deepStrictEqual(shared, { sum: 1 })
      })
    )

    it.effect("works on a Ref", () =>
      Effect.gen(function* () {
        const shared = yield* Ref.make({ sum: 1 })

        yield* Effect.forEach(["1", "2", "3"], (n) => adding.pipe(Pipeline.run({ params: { n }, shared })), {
          concurrency: 3
        })

        assert.deepStrictEqual(yield* Ref.get(shared), { sum: 7 })
      })
    )

    it.effect("fails with ItemSkipped where a handler skips", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Pipeline.run(adding, { params: { n: "-1" }, shared: { sum: 0 } }))

        assert.deepStrictEqual(error, new ItemSkipped({ handler: "add", reason: "negative" }))
      })
    )

    it.effect("fails with InvalidParams", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Pipeline.run(adding, { params: { n: 1 as never }, shared: { sum: 0 } }))

        assert.instanceOf(error, InvalidParams)
        assert.deepInclude(error, { index: 0, path: ["n"], value: 1 })
      })
    )

    it.effect("dies with a thrown bug, and with options that make no sense", () =>
      Effect.gen(function* () {
        const bug = new Error("bug")
        const throws = Handler.make("throws", {
          handleRequest: (_params: N): Effect.Effect<void> => {
            throw bug
          }
        })
        const throwing = Pipeline.make("throwing", { handlers: { throws }, start: "throws" })

        const died = yield* Effect.catchDefect(Pipeline.run(throwing, { params: { n: 1 } }), Effect.succeed)
        const invalid = yield* Effect.catchDefect(
          Pipeline.run(throwing, { params: { n: 1 }, maxSteps: 0 }),
          Effect.succeed
        )

        assert.strictEqual(died, bug)
        assert.instanceOf(invalid, InvalidOptions)
      })
    )

    it.effect("is interrupted with its finalizers", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const hang = Handler.make("hang", {
          handleRequest: (_params: N) =>
            Effect.andThen(
              Effect.addFinalizer(() => Effect.sync(() => log.push("finalized"))),
              Effect.never
            )
        })
        const hanging = Pipeline.make("hanging", { handlers: { hang }, start: "hang" })

        const fiber = yield* Effect.forkChild(Pipeline.run(hanging, { params: { n: 1 } }), { startImmediately: true })
        yield* Fiber.interrupt(fiber)

        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        assert.deepStrictEqual(log, ["finalized"])
      })
    )

    it.effect("interrupts on a timeout around it, under virtual time", () =>
      Effect.gen(function* () {
        const hang = Handler.make("hang", { handleRequest: (_params: N) => Effect.never })
        const hanging = Pipeline.make("hanging", { handlers: { hang }, start: "hang" })

        const fiber = yield* Effect.forkChild(
          Effect.flip(Effect.timeout(Pipeline.run(hanging, { params: { n: 1 } }), "1 second"))
        )
        yield* TestClock.adjust("1 second")

        assert.strictEqual((yield* Fiber.join(fiber))._tag, "TimeoutError")
      })
    )
  })

  describe("toHandler", () => {
    const previousOf = (previous: unknown) => (previous === undefined ? "nothing" : previous)
    const look = (name: string) =>
      Handler.make(name, {
        prepareInputs: ({ params, previous }: { readonly params: N; readonly previous: unknown }) =>
          [params.n, previousOf(previous)] as const,
        handleRequest: ([, previous]) => Effect.succeed(`${name} after ${String(previous).split(" ")[0]}`)
      })
    const inner = Pipeline.make("inner", {
      handlers: { a: look("a"), b: look("b") },
      start: "a",
      routes: { a: { default: "b" } }
    })
    const middle = Pipeline.make("middle", {
      handlers: { inner: Pipeline.toHandler(inner), c: look("c") },
      start: "inner",
      routes: { inner: { default: "c" } }
    })
    const outer = Pipeline.make("outer", {
      handlers: { first: look("first"), middle: Pipeline.toHandler(middle), last: look("last") },
      start: "first",
      routes: { first: { default: "middle" }, middle: { default: "last" } }
    })

    it.effect("names the steps by their path, and routes from graph to graph", () =>
      Effect.gen(function* () {
        const report = yield* Batch.run(outer, { params: [{ n: 1 }] })

        const [outcome] = report.outcomes
        assert(outcome?._tag === "Succeeded")
        assert.deepStrictEqual(outcome.path, ["first", "middle/inner/a", "middle/inner/b", "middle/c", "last"])
        assert.strictEqual(outcome.output, "last after c")
      })
    )

    it.effect("begins without a previous output, and keeps it inside and behind", () =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        const spy = (name: string) =>
          Handler.make(name, {
            prepareInputs: ({ previous }: { readonly params: N; readonly previous: unknown }) =>
              seen.push([name, previous]),
            handleRequest: () => Effect.succeed(name)
          })
        const nested = Pipeline.make("nested", {
          handlers: { a: spy("a"), b: spy("b") },
          start: "a",
          routes: { a: { default: "b" } }
        })
        const around = Pipeline.make("around", {
          handlers: { x: spy("x"), nested: Pipeline.toHandler(nested), y: spy("y") },
          start: "x",
          routes: { x: { default: "nested" }, nested: { default: "y" } }
        })

        yield* Batch.run(around, { params: [{ n: 1 }] })

        assert.deepStrictEqual(seen, [
          ["x", undefined],
          ["a", undefined],
          ["b", "a"],
          ["y", "b"]
        ])
      })
    )

    it.effect("loops across the border of a nested pipeline, without a stack", () =>
      Effect.gen(function* () {
        let rounds = 0
        const count = Handler.make("count", {
          handleRequest: (_params: N) => Effect.sync(() => ++rounds),
          processResults: ({ outputs }) => (outputs < 20_000 ? Handler.next("more") : Handler.next("enough"))
        })
        const counting = Pipeline.make("counting", { handlers: { count }, start: "count" })
        const pass = Handler.make("pass", { handleRequest: (_params: N) => Effect.void })
        const loop = Pipeline.make("loop", {
          handlers: { counting: Pipeline.toHandler(counting), pass },
          start: "counting",
          routes: { counting: { more: "pass" }, pass: { default: "counting" } }
        })

        const error = yield* Effect.flip(Pipeline.run(loop, { params: { n: 1 }, maxSteps: 2 }))
        const result = yield* Pipeline.run(loop, { params: { n: 1 } })

        assert.strictEqual(result.action, "enough")
        assert.deepStrictEqual(error, new TooManySteps({ handler: "counting/count", maxSteps: 2 }))
      })
    )

    it.effect("says which nested step failed", () =>
      Effect.gen(function* () {
        const fail = Handler.make("fail", { handleRequest: (_params: N) => Effect.fail("boom") })
        const failing = Pipeline.make("failing", { handlers: { fail }, start: "fail" })
        const around = Pipeline.make("around", { handlers: { nested: Pipeline.toHandler(failing) }, start: "nested" })

        const report = yield* Batch.run(around, { params: [{ n: 1 }], mode: "collect-all" })

        const [outcome] = report.outcomes
        assert.deepStrictEqual(outcome?._tag === "Failed" && [outcome.handler, outcome.path], [
          "nested/fail",
          ["nested/fail"]
        ])
      })
    )
  })

  describe("validate", () => {
    const step = Handler.make("step", { handleRequest: (_params: N) => Effect.void })

    it.effect("answers a pipeline that is valid", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* Pipeline.validate(adding), adding)
      })
    )

    it.effect("finds every problem of a graph made from data, nested ones as well", () =>
      Effect.gen(function* () {
        const graph = JSON.parse('{"start":"a","routes":{"x":{"default":"step"},"step":{"default":"toString"}}}')
        const nested = Pipeline.make("nested", { handlers: { step }, ...graph })
        const around = Pipeline.make("around", { handlers: { nested: Pipeline.toHandler(nested) }, start: "nested" })

        const error = yield* Effect.flip(Pipeline.validate(around))

        assert.deepStrictEqual(
          error,
          new InvalidPipeline({
            pipeline: "around",
            problems: [
              'nested: start names no handler: "a"',
              'nested: routes name no handler: "x"',
              'nested: action "default" of "step" leads to no handler: "toString"'
            ]
          })
        )
      })
    )
  })

  describe("toMermaid", () => {
    it("draws the start, the nested pipelines and the routes", () => {
      const step = Handler.make("step", { handleRequest: (_params: N) => Effect.void })
      const nested = Pipeline.toHandler(Pipeline.make("nested", { handlers: { step }, start: "step" }))
      const pipeline = Pipeline.make("all", {
        handlers: { step, nested },
        start: "step",
        routes: { step: { default: "nested" }, nested: { default: "step" } }
      })

      const lines = Pipeline.toMermaid(pipeline).split("\n")

      assert.deepStrictEqual(lines, [
        "flowchart TD",
        '  0(["step"])',
        '  1[["nested"]]',
        '  0 -->|"default"| 1',
        '  1 -->|"default"| 0'
      ])
    })

    it("escapes what Mermaid would read as markup", () => {
      const step = Handler.make("step", {
        handleRequest: (_params: N) => Effect.void,
        processResults: () => Handler.next('"<b>`|#&\n')
      })
      const pipeline = Pipeline.make("all", {
        handlers: { 'a"]': step },
        start: 'a"]',
        routes: { 'a"]': { '"<b>`|#&\n': 'a"]' } }
      })

      const lines = Pipeline.toMermaid(pipeline).split("\n")

      assert.deepStrictEqual(lines, [
        "flowchart TD",
        '  0(["a#34;]"])',
        '  0 -->|"#34;#60;b#62;#96;#124;#35;#38;#10;"| 0'
      ])
    })
  })
})
