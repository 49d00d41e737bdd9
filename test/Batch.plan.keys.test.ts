/** What is matched with what where keys are not unique. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Batch, Handler, Outcome, Pipeline, Plan, Report } from "parallel-batch-pipeline/effect"

interface Row {
  readonly tenant: string
  readonly id: number
  readonly rev?: number
}

const a1: Row = { tenant: "a", id: 1 }
const b1: Row = { tenant: "b", id: 1 }
const a2: Row = { tenant: "a", id: 2 }

/** Ids are unique for each tenant only. */
const key = ({ id }: Row) => String(id)

const rowsDown = (...down: ReadonlyArray<string>) => {
  const broken = new Set(down)
  const asked: Array<string> = []
  const load = Handler.make("load", {
    handleRequest: ({ id, tenant }: Row) => {
      asked.push(tenant + id)
      return broken.has(tenant + id) ? Effect.fail("down") : Effect.succeed(tenant + id)
    }
  })
  const pipeline = Pipeline.make("rows", { handlers: { load }, start: "load" })
  const run = (params: ReadonlyArray<Row>) => Batch.run(pipeline, { params, mode: "collect-all", key })
  return { asked, broken, pipeline, run }
}

const reasonsOf = (plan: { readonly entries: ReadonlyArray<{ _tag: string; params: Row; reason: string }> }) =>
  plan.entries.map(({ _tag, params, reason }) => `${params.tenant}${params.id} ${_tag}: ${reason}`)

describe("Batch.plan with keys that are not unique", () => {
  it.effect("matches the items of a key by their params, whatever their order", () =>
    Effect.gen(function* () {
      const { asked, broken, pipeline, run } = rowsDown("b1")
      const report = yield* run([a1, b1, a2])
      const saved = yield* Report.fromJson(Report.toJson(report, pipeline), pipeline)
      broken.clear()

      for (const one of [report, saved]) {
        asked.length = 0
        const plan = yield* Batch.plan(pipeline, one, { params: [b1, a2, a1].map((row) => ({ ...row })), key })
        const merged = yield* Batch.redrive(plan)

        assert.deepStrictEqual(reasonsOf(plan), [
          'b1 Run: failed in load with "down"',
          "a2 Reuse: succeeded",
          "a1 Reuse: succeeded"
        ])
        assert.deepStrictEqual(asked, ["b1"])
        assert.deepStrictEqual(
          merged.outcomes.map((outcome) => Outcome.isSucceeded(outcome) && outcome.output),
          ["b1", "a2", "a1"]
        )
        assert.include(Plan.format(plan), '\nThe key "1" names 2 items with different params: matched by params.')
      }
    })
  )

  it.effect("runs what equals none of the items of its key", () =>
    Effect.gen(function* () {
      const { pipeline, run } = rowsDown()
      const two = yield* run([a1, b1])
      const one = yield* run([a1])

      const changed = yield* Batch.plan(pipeline, two, { params: [{ ...b1, rev: 2 }, a1], key })
      const shorter = yield* Batch.plan(pipeline, two, { params: [{ ...b1, rev: 2 }], key })
      const longer = yield* Batch.plan(pipeline, one, { params: [b1, a1, a1], key })

      assert.deepStrictEqual(reasonsOf(changed), [
        "b1 New: not in the report with these params",
        "a1 Reuse: succeeded",
        "b1 Dropped: not among the params any more"
      ])
      assert.deepStrictEqual(reasonsOf(shorter), [
        "b1 New: not in the report with these params",
        "a1 Dropped: not among the params any more",
        "b1 Dropped: not among the params any more"
      ])
      assert.deepStrictEqual(reasonsOf(longer), [
        "b1 New: not in the report with these params",
        "a1 Reuse: succeeded",
        "a1 New: not in the report with these params"
      ])
    })
  )

  it.effect("takes any success for items that have the same params too", () =>
    Effect.gen(function* () {
      let calls = 0
      const first = Handler.make("first", {
        handleRequest: ({ id }: Row) => (++calls === 1 ? Effect.fail("busy") : Effect.succeed(id))
      })
      const firsts = Pipeline.make("firsts", { handlers: { first }, start: "first" })
      const report = yield* Batch.run(firsts, { params: [a1, a1], mode: "collect-all", key, concurrency: 1 })

      const plan = yield* Batch.plan(firsts, report, { params: [a1], key })

      assert.deepStrictEqual(reasonsOf(plan), ["a1 Reuse: succeeded", "a1 Dropped: not among the params any more"])
      assert.notInclude(Plan.format(plan), "different params")
    })
  )

  it.effect("matches none of the params that a saved report has as text", () =>
    Effect.gen(function* () {
      class Opaque {
        readonly #secret = 1
        toString(): string {
          return `Opaque ${this.#secret}`
        }
      }
      const params = [
        { id: 1, of: new Opaque() },
        { id: 1, of: "b" }
      ] as const
      const ask = Handler.make("ask", { handleRequest: ({ id }: { readonly id: number }) => Effect.succeed(id) })
      const asks = Pipeline.make("asks", { handlers: { ask }, start: "ask" })
      const byId = ({ id }: { readonly id: number }) => String(id)
      const report = yield* Batch.run(asks, { params, key: byId })
      const saved = yield* Report.fromJson(Report.toJson(report, asks), asks)

      const plan = yield* Batch.plan(asks, saved, { params, key: byId })

      assert.deepStrictEqual(
        plan.entries.map(({ _tag }) => _tag),
        ["New", "Reuse", "Dropped"]
      )
    })
  )

  it.effect("counts the keys where there are several", () =>
    Effect.gen(function* () {
      const { pipeline, run } = rowsDown()
      const report = yield* run([a1, b1, a2, { ...a2, tenant: "b" }])

      const plan = yield* Batch.plan(pipeline, report)

      assert.include(
        Plan.format(plan),
        '2 keys name several items with different params, such as "1": matched by params.'
      )
    })
  )

  it.effect("takes a step for each of 100,000 items with one key", () =>
    Effect.gen(function* () {
      const { pipeline } = rowsDown()
      const params = Array.from({ length: 100_000 }, (_, id): Row => ({ tenant: "a", id }))
      const one = () => "one"
      const report = yield* Batch.run(pipeline, { params, key: one })

      const plan = yield* Batch.plan(pipeline, report, { params: params.toReversed(), key: one })

      assert.strictEqual(plan.reuse, 100_000)
      assert.isTrue(
        plan.entries.every((entry) => entry._tag === "Reuse" && entry.outcome.output === `a${entry.params.id}`)
      )
    })
  )
})

describe("Report with keys that are not unique", () => {
  it.effect("answers the failed one by key, replays it, and compares items with the same params", () =>
    Effect.gen(function* () {
      const { broken, pipeline, run } = rowsDown("b1")
      const before = yield* run([a1, b1])
      const replayed = yield* Batch.replay(pipeline, before, "1")
      broken.clear()
      broken.add("a1")
      const after = yield* run([b1, a1])

      const diff = Report.diff(before, after)

      assert.deepInclude(Report.byKey(before).get("1"), { _tag: "Failed", params: b1 })
      assert.deepInclude(replayed, { _tag: "Failed", params: b1, index: 1 })
      assert.deepStrictEqual(
        diff.fixed.map(({ after }) => after.params),
        [b1]
      )
      assert.deepStrictEqual(
        diff.broken.map(({ after }) => after.params),
        [a1]
      )
      assert.deepStrictEqual(diff.stillFailing, [])
    })
  )

  it.effect("tells apart what only one of the reports has", () =>
    Effect.gen(function* () {
      const { run } = rowsDown()
      const before = yield* run([a1, b1])
      const after = yield* run([b1, { ...b1, tenant: "c" }])

      const { added, removed } = Report.diff(before, after)

      assert.deepStrictEqual(
        added.map(({ params }) => params.tenant),
        ["c"]
      )
      assert.deepStrictEqual(
        removed.map(({ params }) => params.tenant),
        ["a"]
      )
    })
  )
})
