/** Why items were not run: what reports say of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Batch, Breaker, Gate, Handler, Pipeline, Plan, Report } from "parallel-batch-pipeline/effect"

interface Call {
  readonly n: number
  readonly host: string
}

const calls = (count: number, host: string): ReadonlyArray<Call> =>
  Array.from({ length: count }, (_, n) => ({ n, host }))

const down = ({ host }: Call) => (host === "up" ? Effect.succeed(host) : Effect.fail("down"))

const gate = () =>
  Gate.make({ key: ({ host }: Call) => host, breaker: Breaker.make({ failures: 2, openFor: "1 minute" }) })

const one = () => {
  const ask = Handler.make("ask", { handleRequest: down, gate: gate() })
  return Pipeline.make("asking", { handlers: { ask }, start: "ask" })
}

const two = () => {
  const first = Handler.make("first", { handleRequest: (call: Call) => Effect.succeed(call) })
  const second = Handler.make("second", {
    prepareInputs: ({ params }: { readonly params: Call }) => params,
    handleRequest: down,
    gate: gate()
  })
  return Pipeline.make("two", { handlers: { first, second }, start: "first", routes: { first: { default: "second" } } })
}

const run = (
  pipeline: ReturnType<typeof one> | ReturnType<typeof two>,
  params: ReadonlyArray<Call>,
  duplicates: "run" | "share" = "run"
) => Batch.run(pipeline as ReturnType<typeof one>, { params, concurrency: 1, mode: "collect-all", duplicates })

describe("Report.format", () => {
  it.effect("counts what was not started by its reason, those that differ in the key as one", () =>
    Effect.gen(function* () {
      const report = yield* run(one(), [...calls(5, "a"), ...calls(4, "b"), ...calls(1, "up")])

      assert.deepStrictEqual(Report.format(report).split("\n").slice(2, 8), [
        "  succeeded    1  10.0 %",
        "  failed       4  40.0 %",
        "  not started  5  50.0 %",
        "",
        '5 not started: the circuit of its gate is open for "a", and so for 1 other key.',
        ""
      ])
    })
  )

  it.effect("counts what was interrupted by its reason, also of a saved report", () =>
    Effect.gen(function* () {
      const report = yield* run(two(), calls(5, "a"))
      const saved = yield* Report.fromJson(Report.toJson(report))

      for (const one of [report, saved]) {
        assert.include(Report.format(one), '\n3 interrupted: the circuit of its gate is open for "a".')
        assert.deepStrictEqual(
          one.outcomes.flatMap((outcome) => (outcome._tag === "Interrupted" ? [outcome.reason] : [])),
          Array<string>(3).fill('The circuit of its gate is open for "a"')
        )
        assert.strictEqual(Report.toJson(one), Report.toJson(report))
      }
    })
  )

  it.effect("says nothing of reasons where there are none", () =>
    Effect.gen(function* () {
      const report = yield* Effect.flip(Batch.run(one(), { params: calls(3, "a"), concurrency: 1 }))

      assert.notInclude(Report.format(report.report), "not started:")
    })
  )

  it.effect("gives those that share an outcome its reason", () =>
    Effect.gen(function* () {
      const same = { n: 2, host: "a" }
      const report = yield* run(one(), [...calls(2, "a"), same, same, same], "share")

      assert.include(Report.format(report), '\n3 not started: the circuit of its gate is open for "a".')
    })
  )
})

describe("Report.toHtml", () => {
  it.effect("shows the reasons, counted and for each item", () =>
    Effect.gen(function* () {
      const html = Report.toHtml(yield* run(two(), calls(5, "a")))
      const data = JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!)

      assert.include(html, "<li><bdi>3 interrupted: the circuit of its gate is open for &#34;a&#34;.</bdi></li>")
      assert.strictEqual(data.detail[4], 'The circuit of its gate is open for "a"')
    })
  )
})

describe("Plan.format", () => {
  it.effect("says why an item was interrupted", () =>
    Effect.gen(function* () {
      const pipeline = two()
      const report = yield* run(pipeline, calls(5, "a"))

      const plan = yield* Batch.plan(pipeline, report)

      assert.include(Plan.format(plan), "interrupted in second: The circuit of its gate is open for")
    })
  )
})
