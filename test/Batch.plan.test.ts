import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Batch, Handler, IncompleteReport, Pipeline, Plan, Report } from "parallel-batch-pipeline/effect"

interface Job {
  id: number
  readonly fail?: unknown
  readonly rev?: number
}

const work = Handler.make("work", {
  handleRequest: ({ fail, id }: Job): Effect.Effect<number, unknown> =>
    fail === undefined ? Effect.succeed(id) : Effect.fail(fail)
})
const pipeline = Pipeline.make("jobs", { handlers: { work }, start: "work" })
const key = ({ id }: Job) => `job ${id}`
const run = (params: ReadonlyArray<Job>) => Batch.run(pipeline, { params, mode: "collect-all", key })

describe("Batch.plan", () => {
  it.effect("has those successes run again that the caller names", () =>
    Effect.gen(function* () {
      const fallback = Handler.make("fetch", {
        handleRequest: ({ id }: Job) => (id === 2 ? Effect.fail("down") : Effect.succeed(`page ${id}`)),
        handleError: ({ id }) => Effect.succeed(`old page ${id}`)
      })
      const pages = Pipeline.make("pages", { handlers: { fetch: fallback }, start: "fetch" })
      const report = yield* Batch.run(pages, { params: [{ id: 1 }, { id: 2 }] })

      const plan = yield* Batch.plan(pages, report, { rerun: ({ output }) => String(output).startsWith("old") })
      const merged = yield* Batch.redrive(plan)
      const thrown = yield* Effect.exit(Batch.plan(pages, report, { rerun: true as never }))

      assert.deepStrictEqual(
        plan.entries.map(({ _tag, reason }) => [_tag, reason]),
        [
          ["Reuse", "succeeded"],
          ["Run", "succeeded, and is to run again"]
        ]
      )
      assert.deepStrictEqual([merged.succeeded, merged.reused], [2, 1])
      assert.include(String(thrown), 'Expected option "rerun" of a plan to be a function, got true')
    })
  )

  it.effect("is shown in ten reasons at most, of every kind at least one", () =>
    Effect.gen(function* () {
      const jobs = Array.from({ length: 400 }, (_, id): Job => ({ id, fail: { _tag: `Kind${id % 40}` } }))
      const report = yield* run([{ id: -1 }, ...jobs])

      const plan = yield* Batch.plan(pipeline, report, { params: [{ id: -2 }, { id: -1 }, ...jobs.slice(1)], key })
      const lines = Plan.format(plan).split("\n")

      assert.strictEqual(lines.length, 13, lines.join("\n"))
      for (const name of ["reuse", "new", "dropped"]) assert.match(lines.join("\n"), new RegExp(`^  ${name} +1 `, "m"))
      assert.strictEqual(lines.at(-1), "  and 329 items of 33 other reasons")
    })
  )

  it.effect(
    "says the reasons as the digest reads them",
    () =>
      Effect.gen(function* () {
        const report = yield* run(
          Array.from({ length: 200_000 }, (_, id): Job => ({ id, fail: `no user ${id.toString(36)}x` }))
        )

        const plan = yield* Batch.plan(pipeline, report)

        assert.deepStrictEqual(Plan.format(plan).split("\n").slice(2), [
          '  run  200,000  failed in work with "no user <…>"  job 0, job 1, …'
        ])
      }),
    // Of 200,000 failures; a busy machine takes more than five seconds.
    30_000
  )

  it.effect("says where the params under a key are other ones", () =>
    Effect.gen(function* () {
      const report = yield* run([
        { id: 1, rev: 1 },
        { id: 2, rev: 1 }
      ])
      const saved = yield* Report.fromJson(Report.toJson(report, pipeline), pipeline)

      for (const one of [report, saved]) {
        const params = [
          { id: 1, rev: 1 },
          { id: 2, rev: 2 }
        ]
        const plan = yield* Batch.plan(pipeline, one, { params, key })

        assert.deepStrictEqual(
          plan.entries.map(({ _tag, reason }) => `${_tag}: ${reason}`),
          ["Reuse: succeeded", "Reuse: succeeded, with other params"]
        )
      }
    })
  )

  it.effect("knows the keys of the report before it looks at the new params", () =>
    Effect.gen(function* () {
      const job: Job = { id: 1 }
      const report = yield* run([job])

      const params = Stream.suspend(() => {
        job.id = 2
        return Stream.make({ id: 1 })
      })
      const error = yield* Effect.flip(Batch.plan(pipeline, report, { params, key }))

      assert.instanceOf(error, IncompleteReport)
      assert.include(error.message, 'the key of item 0 is "job 1" in the report and "job 2" now')
    })
  )

  it.effect("and replay live with a key that throws", () =>
    Effect.gen(function* () {
      const key = ({ id }: { readonly id: number | undefined }) => id!.toFixed(0)
      const one = Handler.make("one", {
        handleRequest: ({ id }: { readonly id: number | undefined }) =>
          id === undefined ? Effect.succeed(0) : Effect.fail("down")
      })
      const ones = Pipeline.make("ones", { handlers: { one }, start: "one" })
      const params = [{ id: undefined }, { id: 2 }]
      const report = yield* Batch.run(ones, { params, mode: "collect-all", key })
      const saved = yield* Report.fromJson(Report.toJson(report, ones), ones)

      for (const one of [report, saved]) {
        const plan = yield* Batch.plan(ones, one, { params, key })
        const next = yield* Batch.redrive(yield* Batch.plan(ones, one), { mode: "collect-all" })
        const outcome = yield* Batch.replay(ones, one, "2")
        const error = yield* Effect.flip(Batch.replay(ones, one, "3"))

        assert.deepStrictEqual(
          plan.entries.map(({ _tag, reason }) => `${_tag}: ${reason}`),
          ["New: its key cannot be made", 'Run: failed in one with "down"', "Dropped: not among the params any more"]
        )
        assert.deepInclude(next, { reused: 1, failed: 1 })
        assert.strictEqual(outcome._tag, "Failed")
        assert.include(error.message, "(item 0 has no key: ")
      }
    })
  )

  it.effect("refuses a report of a batch that still runs, which adds up and can be saved", () =>
    Effect.gen(function* () {
      const wait = Handler.make("wait", {
        handleRequest: ({ id }: Job) => (id < 2 ? Effect.succeed(id) : Effect.never)
      })
      const waiting = Pipeline.make("waiting", { handlers: { wait }, start: "wait" })
      const handle = yield* Batch.fork(waiting, { params: [1, 2, 3, 0].map((id) => ({ id })), concurrency: 4 })
      yield* Effect.yieldNow
      yield* Effect.yieldNow

      const report = yield* handle.report
      const progress = yield* handle.drain.pipe(Effect.andThen(handle.report))

      for (const one of [report, progress]) {
        const restored = yield* Report.fromJson(Report.toJson(one, waiting), waiting)
        const error = yield* Effect.flip(Batch.plan(waiting, restored))

        assert.deepInclude(restored, { total: 2, succeeded: 2, exhausted: false, endedBy: { _tag: "Running" } })
        assert.instanceOf(error, IncompleteReport)
        assert.include(error.message, "the batch was still running when it was taken")
      }
    })
  )
})
