import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"

describe("Batch", () => {
  describe("plan, redrive and replay", () => {
    it.effect("look through no value where nothing was ever read that was kept as text", () =>
      Effect.gen(function* () {
        let looked = 0
        const traps = { ownKeys: () => (looked++, []), getPrototypeOf: () => (looked++, Object.prototype) }
        const work = Handler.make("work", {
          handleRequest: (_params: { readonly n: number }) => Effect.sync(() => new Proxy({}, traps))
        })
        const pipeline = Pipeline.make("work", { handlers: { work }, start: "work" })
        const report = yield* Batch.run(pipeline, { params: [{ n: 1 }] })
        const before = looked

        assert.strictEqual((yield* Batch.plan(pipeline, report)).reuse, 1)
        assert.strictEqual(looked, before)
      })
    )

    const many = Array.from({ length: 150_000 }, (_, n) => n)
    const values: ReadonlyArray<readonly [string, unknown]> = [
      ["an array", many],
      ["a Map", new Map(many.map((n) => [n, n]))],
      ["a Set", new Set(many)],
      ["an object", Object.fromEntries(many.map((n) => [`key${n}`, n]))]
    ]
    it.effect.each(values)("take %s of 150,000 parts for shared data and for an output", ([, value]) =>
      Effect.gen(function* () {
        const work = Handler.make("work", {
          handleRequest: ({ n }: { readonly n: number }): Effect.Effect<unknown, string> =>
            n === 0 ? Effect.succeed(value) : Effect.fail("down"),
          processResults: ({ shared }: { readonly shared: { readonly value: unknown } }) => Handler.next("done", shared)
        })
        const pipeline = Pipeline.make("work", { handlers: { work }, start: "work" })
        const params = [{ n: 0 }, { n: 1 }]
        const report = yield* Batch.run(pipeline, { params, mode: "collect-all", shared: { value } })
        const restored = yield* Report.fromJson(Report.toJson(report, pipeline), pipeline)

        // From here on values are searched.
        const odd = Handler.make("odd", { handleRequest: () => Effect.succeed(Symbol("odd")) })
        const odds = Pipeline.make("odds", { handlers: { odd }, start: "odd" })
        const text = yield* Report.fromJson(Report.toJson(yield* Batch.run(odds, { params: [{}] })), odds)
        assert.strictEqual((yield* Batch.plan(odds, text)).run, 1)

        for (const one of [report, restored]) {
          const plan = yield* Batch.plan(pipeline, one)
          const next = yield* Batch.redrive(plan, { mode: "collect-all" })
          const replayed = yield* Batch.replay(pipeline, one, one.outcomes[1]!.key)

          assert.deepInclude(next, { succeeded: 1, reused: 1, failed: 1 })
          assert.strictEqual(replayed._tag, "Failed")
        }
      })
    )
  })
})
