import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Batch, Handler, InvalidOptions, InvalidPipeline, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

const step = Handler.make("step", {
  handleRequest: ({ n }: N) => (n === 1 ? Effect.fail("odd" as const) : Effect.succeed(n))
})
const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })

describe("Batch", () => {
  describe("run with bad options", () => {
    it.effect.each([
      ["concurrency", 0],
      ["concurrency", -1],
      ["concurrency", 2.5],
      ["concurrency", Number.NaN],
      ["concurrency", "all"],
      ["mode", "stop"],
      ["isolation", "full"],
      ["outcomes", "some"],
      ["maxSteps", 0],
      ["maxSteps", Number.NaN],
      ["params", null],
      ["params", 3],
      ["params", {}]
    ] as ReadonlyArray<readonly [string, unknown]>)(
      "dies where %s is %s, with the value, before the input is read",
      ([option, value]) =>
        Effect.gen(function* () {
          let opened = false
          const params: Iterable<N> = {
            [Symbol.iterator]: () => {
              opened = true
              return numbers(1)[Symbol.iterator]()
            }
          }
          const options = { params, mode: "collect-all", [option]: value }

          // The types rule out all of these; the error channel stays `never`.
          const run: Effect.Effect<unknown> = Batch.run(
            pipeline,
            options as { readonly params: Iterable<N>; readonly mode: "collect-all" }
          )
          const defect = yield* Effect.catchDefect(run, Effect.succeed)

          assert.instanceOf(defect, InvalidOptions)
          assert.strictEqual(defect.option, option)
          assert.deepStrictEqual(defect.value, value)
          assert.isFalse(opened)
        })
    )

    it.effect("dies with the problems of a pipeline that is not valid, before anything runs", () =>
      Effect.gen(function* () {
        const broken = Pipeline.make("broken", { handlers: { step }, start: "stop" as "step" })

        const defect = yield* Effect.catchDefect(Batch.run(broken, { params: numbers(1) }), Effect.succeed)

        assert.deepStrictEqual(
          defect,
          new InvalidPipeline({ pipeline: "broken", problems: ['start names no handler: "stop"'] })
        )
      })
    )
  })

  describe("option outcomes", () => {
    it.effect.each([
      ["all", [0, 1, 2]],
      ["failures", [1]],
      ["none", []]
    ] as ReadonlyArray<readonly ["all" | "failures" | "none", Array<number>]>)("keeps %s", ([outcomes, indexes]) =>
      Effect.gen(function* () {
        const report = yield* Batch.run(pipeline, { params: numbers(3), mode: "collect-all", outcomes })

        assert.deepStrictEqual(
          report.outcomes.map(({ index }) => index),
          indexes
        )
        assert.deepInclude(report, { total: 3, succeeded: 2, failed: 1 })
      })
    )

    it.effect("keeps failures in input order, whatever the order in which they came", () =>
      Effect.gen(function* () {
        const failing = Handler.make("failing", {
          handleRequest: ({ n }: N) => Effect.andThen(n % 2 === 0 ? Effect.yieldNow : Effect.void, Effect.fail(n))
        })
        const all = Pipeline.make("pipeline", { handlers: { failing }, start: "failing" })

        const report = yield* Batch.run(all, { params: numbers(9), mode: "collect-all", outcomes: "failures" })

        assert.deepStrictEqual(
          report.outcomes.map(({ index }) => index),
          numbers(9).map(({ n }) => n)
        )
      })
    )

    it.effect.each(["none", "failures"] as const)("takes 100,000 items of a generator with outcomes %s", (outcomes) =>
      Effect.gen(function* () {
        function* params(): Generator<N> {
          for (let n = 0; n < 100_000; n++) yield { n: n % 1000 }
        }

        const report = yield* Batch.run(pipeline, { params: params(), mode: "collect-all", outcomes, concurrency: 64 })

        assert.deepInclude(report, { total: 100_000, succeeded: 99_900, failed: 100, exhausted: true })
        assert.strictEqual(report.outcomes.length, outcomes === "none" ? 0 : 100)
      })
    )
  })

  describe("option key", () => {
    it.effect("names items, and is not called unless someone asks", () =>
      Effect.gen(function* () {
        let calls = 0
        const key = ({ n }: N) => {
          calls++
          return `number ${n}`
        }

        const report = yield* Batch.run(pipeline, { params: numbers(3), mode: "collect-all", key })
        assert.strictEqual(calls, 0)
        const keys = report.outcomes.map((outcome) => [outcome.key, outcome.key])

        assert.deepStrictEqual(keys, [
          ["number 0", "number 0"],
          ["number 1", "number 1"],
          ["number 2", "number 2"]
        ])
        assert.strictEqual(calls, 3)
      })
    )

    it.effect("defaults to the content of the params, whatever their place and their order", () =>
      Effect.gen(function* () {
        const any = Handler.make("any", { handleRequest: (_params: object) => Effect.void })
        const anything = Pipeline.make("anything", { handlers: { any }, start: "any" })

        const report = yield* Batch.run(anything, {
          params: [
            { a: 1, b: 2 },
            { b: 2, a: 1 },
            { a: 1, b: 3 }
          ]
        })

        const [first, second, third] = report.outcomes.map(({ key }) => key)
        assert.strictEqual(first, second)
        assert.notStrictEqual(first, third)
      })
    )
  })

  describe("long runs", () => {
    it.effect("walks a graph that loops 20,000 times, in effects and in promises", () =>
      Effect.gen(function* () {
        const counts = { effects: 0, promises: 0 }
        const spin = Handler.make("spin", {
          handleRequest: (_params: N) => Effect.sync(() => ++counts.effects),
          processResults: ({ outputs }) => (outputs < 20_000 ? Handler.next("again") : Handler.next("on"))
        })
        const ask = Handler.fromPromise("ask", {
          handleRequest: async (_params: N) => ++counts.promises,
          processResults: ({ outputs }) => (outputs < 20_000 ? Handler.next("again") : Handler.next("done"))
        })
        const loops = Pipeline.make("loops", {
          handlers: { spin, ask },
          start: "spin",
          routes: { spin: { again: "spin", on: "ask" }, ask: { again: "ask" } }
        })

        const report = yield* Batch.run(loops, { params: numbers(1) })

        const [outcome] = report.outcomes
        assert(outcome?._tag === "Succeeded")
        assert.deepStrictEqual(
          [outcome.attempts, outcome.path.length, outcome.path[0], outcome.path.at(-1)],
          [40_000, 40_000, "spin", "ask"]
        )
      })
    )

    it.effect("lets other fibers run", () =>
      Effect.gen(function* () {
        const busy = Handler.make("busy", {
          handleRequest: (_params: N) =>
            Effect.sync(() => {
              const end = performance.now() + 2
              while (performance.now() < end);
            })
        })
        const long = Pipeline.make("long", { handlers: { busy }, start: "busy" })
        let turns = 0

        yield* Effect.raceFirst(
          Batch.run(long, { params: numbers(300), outcomes: "none" }),
          Effect.forever(Effect.sync(() => turns++))
        )

        assert.isAbove(turns, 1)
      })
    )
  })
})
