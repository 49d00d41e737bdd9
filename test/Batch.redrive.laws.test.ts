import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Schema } from "effect"
import { Batch, type Outcome, Report } from "parallel-batch-pipeline/effect"
import { type Page, site, tagsOf } from "./support/site.ts"

const idsOf = (outcomes: ReadonlyArray<{ readonly params: Page }>) => outcomes.map(({ params }) => params.id)

/** What has to be the same of two reports that say the same. */
const gist = (report: Report.Report<unknown, Outcome.Outcome<Page, string, number, string>>) => ({
  ...report,
  duration: 0,
  attempts: 0,
  reused: 0,
  outcomes: report.outcomes.map((outcome) => ({
    tag: outcome._tag,
    index: outcome.index,
    key: outcome.key,
    params: outcome.params,
    ...(outcome._tag === "Succeeded" ? { output: outcome.output, action: outcome.action } : {}),
    ...(outcome._tag === "Failed" ? { error: Cause.squash(outcome.cause) } : {})
  }))
})

const sum = ({ failed, interrupted, notStarted, skipped, succeeded }: Report.Any) =>
  succeeded + failed + skipped + interrupted + notStarted

const Ids = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))).check(Schema.isMaxLength(20))
const laws = { arbitrary: { runs: 200, size: 60 }, timeout: 30_000 }

describe("Batch", () => {
  describe("redrive obeys", () => {
    it.effect.prop(
      "a report without failures runs nothing, and stays as it is",
      { ids: Ids },
      ({ ids }) =>
        Effect.gen(function* () {
          const { asked, pipeline, run } = site()
          const report = yield* run(ids)
          asked.length = 0

          const plan = yield* Batch.plan(pipeline, report)
          const merged = yield* Batch.redrive(plan)

          assert.deepStrictEqual(asked, [])
          assert.deepStrictEqual(tagsOf(plan.entries), Array<string>(ids.length).fill("Reuse"))
          assert.deepStrictEqual(gist(merged), gist(report))
          assert.strictEqual(merged.reused, ids.length)
        }),
      laws
    )

    it.effect.prop(
      "twice is once",
      { ids: Ids, down: Ids, repaired: Ids },
      ({ down, ids, repaired }) =>
        Effect.gen(function* () {
          const { broken, pipeline, run } = site(...down)
          const report = yield* run(ids)
          for (const id of repaired) broken.delete(id)

          const once = yield* Batch.redrive(yield* Batch.plan(pipeline, report), { mode: "collect-all" })
          const twice = yield* Batch.redrive(yield* Batch.plan(pipeline, once), { mode: "collect-all" })

          assert.deepStrictEqual(gist(twice), gist(once))
        }),
      laws
    )

    it.effect.prop(
      "after k of n failures were repaired, n items run, k more have succeeded, and the counts add up",
      {
        ids: Ids,
        down: Ids,
        repaired: Ids,
        concurrency: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 8 }))
      },
      ({ concurrency, down, ids, repaired }) =>
        Effect.gen(function* () {
          const { asked, broken, pipeline, run } = site(...down)
          const report = yield* run(ids)
          const failed = idsOf(Report.failures(report))
          for (const id of repaired) broken.delete(id)
          const fixed = failed.filter((id) => !broken.has(id))
          asked.length = 0

          const plan = yield* Batch.plan(pipeline, report)
          const merged = yield* Batch.redrive(plan, { mode: "collect-all", concurrency })

          assert.deepStrictEqual(asked.toSorted(), failed.toSorted())
          assert.deepInclude(merged, {
            total: ids.length,
            succeeded: report.succeeded + fixed.length,
            reused: report.succeeded,
            failed: failed.length - fixed.length,
            exhausted: true
          })
          assert.strictEqual(sum(merged), merged.total)
          assert.deepStrictEqual(idsOf(merged.outcomes), [...ids])
          assert.deepStrictEqual(
            merged.outcomes.map(({ index }) => index),
            ids.map((_, index) => index)
          )
          // Each page that was ever fetched is in the shared data once.
          assert.deepStrictEqual(merged.shared.ids.toSorted(), ids.filter((id) => !broken.has(id)).toSorted())
        }),
      laws
    )

    it.effect.prop(
      "shuffled, shortened and extended inputs are matched by key, each item of the report once",
      { before: Ids, after: Ids, down: Ids },
      ({ after, before, down }) =>
        Effect.gen(function* () {
          const { asked, pipeline, run } = site(...down)
          const report = yield* run(before)
          asked.length = 0

          const plan = yield* Batch.plan(pipeline, report, { params: after.map((id) => ({ id })) })
          const merged = yield* Batch.redrive(plan, { mode: "collect-all" })

          const left = [...before]
          const expected = after.map((id) => {
            const at = left.indexOf(id)
            if (at === -1) return "New"
            left.splice(at, 1)
            return down.includes(id) ? "Run" : "Reuse"
          })
          assert.deepStrictEqual(tagsOf(plan.entries), [...expected, ...left.map(() => "Dropped")])
          const dropped = plan.entries.filter(({ _tag }) => _tag === "Dropped")
          assert.deepStrictEqual(idsOf(dropped).toSorted(), left.toSorted())
          assert.deepStrictEqual(asked.toSorted(), after.filter((_, at) => expected[at] !== "Reuse").toSorted())
          assert.deepStrictEqual(idsOf(merged.outcomes), [...after])
          assert.strictEqual(merged.reused, expected.filter((tag) => tag === "Reuse").length)
          assert.strictEqual(sum(merged), after.length)
        }),
      laws
    )
  })
})
