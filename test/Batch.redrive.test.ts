import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Ref, Schema, Stream } from "effect"
import {
  Batch,
  Handler,
  IncompleteReport,
  Pipeline,
  PipelineChanged,
  Plan,
  Report,
  UnknownKey
} from "parallel-batch-pipeline/effect"
import { type Page, site, tagsOf, Total } from "./support/site.ts"

describe("Batch", () => {
  describe("plan", () => {
    it.effect("says for each item what becomes of it, and why", () =>
      Effect.gen(function* () {
        const work = Handler.make("work", {
          handleRequest: ({ id }: Page) => {
            if (id === 3) throw new TypeError("bug")
            return id === 2 ? Effect.fail(new Cause.NoSuchElementError()) : Effect.succeed(id)
          },
          processResults: ({ outputs }) => (outputs === 4 ? Handler.skip("unchanged") : Handler.next("done"))
        })
        const pipeline = Pipeline.make("work", { handlers: { work }, start: "work" })
        const key = ({ id }: Page) => `page ${id}`
        const pages = [1, 2, 3, 4, 5].map((id) => ({ id }))
        const report = yield* Batch.run(pipeline, { params: pages, mode: "collect-all", key })

        const plan = yield* Batch.plan(pipeline, report, { params: [...pages.slice(0, 4), { id: 6 }], key })

        assert.deepStrictEqual(
          plan.entries.map(({ _tag, key, reason }) => `${_tag} ${key}: ${reason}`),
          [
            "Reuse page 1: succeeded",
            "Run page 2: failed in work with NoSuchElementError",
            "Run page 3: failed in work with TypeError, a bug",
            "Run page 4: skipped by work",
            "New page 6: not in the report",
            "Dropped page 5: not among the params any more"
          ]
        )
        assert.deepInclude(plan, { name: "work", reuse: 1, run: 3, new: 1, dropped: 1, exhausted: true })
        assert.deepStrictEqual(Plan.format(plan).split("\n"), [
          "work: 4 items to run, 1 of them new, 1 reused, 1 dropped",
          "",
          "  reuse    1  succeeded                               page 1",
          "  run      1  failed in work with NoSuchElementError  page 2",
          "  run      1  failed in work with TypeError, a bug    page 3",
          "  run      1  skipped by work                         page 4",
          "  new      1  not in the report                       page 6",
          "  dropped  1  not among the params any more           page 5"
        ])
      })
    )

    it.effect("refuses a report of another version, says what has changed, and takes it when told to", () =>
      Effect.gen(function* () {
        const one = Handler.make("one", { handleRequest: (_page: Page) => Effect.succeed(1) })
        const two = Handler.make("two", { handleRequest: () => Effect.succeed(2) })
        const make = (version: string | undefined, handlers: { one: typeof one; two: typeof two }) =>
          Pipeline.make("ones", { handlers, start: "one", routes: { one: { default: "two" } }, version })
        const report = yield* Batch.run(make("1", { one, two }), { params: [{ id: 1 }] })
        const other = Pipeline.make("ones", { handlers: { one, three: two }, start: "one", version: "2" })

        const error = yield* Effect.flip(Batch.plan(other, report))
        const plan = yield* Batch.plan(other, report, { allowChanges: true })

        assert.instanceOf(error, PipelineChanged)
        assert.deepStrictEqual(plan.changes, [
          'its version was "1" and is "2"',
          'step "two" is gone',
          'step "three" is new',
          'the route of "one" for "default" was "two" and is none'
        ])
        assert.include(error.message, plan.changes.join("; "))
        assert.include(Plan.format(plan), "The pipeline has changed since: ")
        assert.deepStrictEqual(tagsOf(plan.entries), ["Reuse"])
      })
    )

    it.effect("sees the versions of pipelines inside, and that wrapping steps changes their names", () =>
      Effect.gen(function* () {
        const one = Handler.make("one", { handleRequest: (_page: Page) => Effect.succeed(1) })
        const outer = (version: string) => {
          const inner = Pipeline.make("inner", { handlers: { one }, start: "one", version })
          return Pipeline.make("outer", {
            handlers: { inner: Pipeline.toHandler(inner) },
            start: "inner",
            version: "7"
          })
        }
        const report = yield* Batch.run(outer("1"), { params: [{ id: 1 }] })

        assert.deepStrictEqual(report.pipeline, {
          name: "outer",
          version: "7, inner: 1",
          start: "inner/one",
          steps: ["inner/one"],
          routes: {}
        })
        assert.instanceOf(yield* Effect.flip(Batch.plan(outer("2"), report)), PipelineChanged)
        assert.strictEqual((yield* Batch.plan(outer("1"), report)).reuse, 1)
      })
    )

    it.effect("refuses a report that does not keep all outcomes", () =>
      Effect.gen(function* () {
        const { pipeline } = site(1)
        const report = yield* Batch.run(pipeline, {
          params: [{ id: 0 }, { id: 1 }],
          shared: { ids: [] },
          mode: "collect-all",
          outcomes: "failures"
        })

        const error = yield* Effect.flip(Batch.plan(pipeline, report))

        assert.instanceOf(error, IncompleteReport)
        assert.include(error.message, 'it keeps 1 of 2 outcomes; run the batch with outcomes: "all"')
      })
    )

    it.effect("refuses params whose keys are made otherwise than those of the report", () =>
      Effect.gen(function* () {
        const { pipeline } = site()
        const params = [{ id: 1 }]
        const report = yield* Batch.run(pipeline, { params, shared: { ids: [] }, key: ({ id }) => `page ${id}` })

        const error = yield* Effect.flip(Batch.plan(pipeline, report, { params }))

        assert.instanceOf(error, IncompleteReport)
        assert.match(error.message, /the key of item 0 is "page 1" in the report and "[0-9a-f]{32}" now/)
      })
    )

    it.effect("reads params from an async iterable and from a stream, and takes the pipeline last", () =>
      Effect.gen(function* () {
        const { pipeline, run } = site(2)
        const report = yield* run([1, 2])
        const pages = async function* () {
          yield* [{ id: 2 }, { id: 1 }, { id: 3 }]
        }

        const fromIterable = yield* Batch.plan(pipeline, report, { params: pages() })
        const fromStream = yield* pipeline.pipe(Batch.plan(report, { params: Stream.make({ id: 1 }) }))

        assert.deepStrictEqual(tagsOf(fromIterable.entries), ["Run", "Reuse", "New"])
        assert.deepStrictEqual(tagsOf(fromStream.entries), ["Reuse", "Dropped"])
      })
    )

    it.effect("says where a lazy input held more than the report knows of", () =>
      Effect.gen(function* () {
        const { pipeline } = site(1)
        const pages = function* () {
          for (let id = 0; ; id++) yield { id }
        }
        const { report } = yield* Effect.flip(
          Batch.run(pipeline, { params: pages(), shared: { ids: [] }, concurrency: 1 })
        )

        const plan = yield* Batch.plan(pipeline, report)
        const merged = yield* Batch.redrive(plan, { mode: "collect-all" })

        assert.isFalse(plan.exhausted)
        assert.include(Plan.format(plan), "The input held more than the report knows of")
        assert.isFalse(merged.exhausted)
        assert.isTrue((yield* Batch.plan(pipeline, report, { params: [{ id: 0 }] })).exhausted)
      })
    )

    it.effect("dies of params that are no input", () =>
      Effect.gen(function* () {
        const { pipeline, run } = site()
        const exit = yield* Effect.exit(Batch.plan(pipeline, yield* run([1]), { params: 7 as never }))

        assert(exit._tag === "Failure")
        assert.include(Cause.pretty(exit.cause), 'Expected option "params" to be an Iterable')
      })
    )
  })

  describe("redrive", () => {
    it.effect("goes on with the shared data of the report, which it does not change", () =>
      Effect.gen(function* () {
        const { broken, pipeline, run } = site(2)
        const report = yield* run([1, 2, 3])
        broken.clear()

        const merged = yield* Batch.redrive(yield* Batch.plan(pipeline, report))

        assert.deepStrictEqual(merged.shared, { ids: [1, 3, 2] })
        assert.deepStrictEqual(report.shared, { ids: [1, 3] })
      })
    )

    it.effect("takes other shared data, also a Ref, and is an effect that runs the plan anew each time", () =>
      Effect.gen(function* () {
        const { asked, pipeline, run } = site(2)
        const plan = yield* Batch.plan(pipeline, yield* run([1, 2]))
        const ref = yield* Ref.make<typeof Total.Type>({ ids: [7] })
        const redriven = Batch.redrive(plan, { shared: ref, mode: "collect-all" })
        asked.length = 0

        yield* redriven
        const { shared } = yield* redriven

        assert.deepStrictEqual(asked, [2, 2])
        assert.deepStrictEqual(shared, { ids: [7] })
      })
    )

    it.effect("keeps what is reused where it ends early, whatever stands behind", () =>
      Effect.gen(function* () {
        const { pipeline, run } = site(2, 4)
        const report = yield* run([1, 2, 3, 4, 5])
        const plan = yield* Batch.plan(pipeline, report)

        const failed = yield* Effect.flip(Batch.redrive(plan, { concurrency: 1 }))

        assert(failed._tag === "BatchFailed")
        assert.deepStrictEqual(tagsOf(failed.report.outcomes), [
          "Succeeded",
          "Failed",
          "Succeeded",
          "NotStarted",
          "Succeeded"
        ])
        assert.deepInclude(failed.report, {
          total: 5,
          succeeded: 3,
          reused: 3,
          failed: 1,
          notStarted: 1,
          exhausted: true
        })
      })
    )

    it.effect("judges by what it runs: what is reused does not count for what is tolerated", () =>
      Effect.gen(function* () {
        const { pipeline, run } = site(1, 2, 3)
        const report = yield* run([1, 2, 3, ...Array.from({ length: 97 }, (_, n) => n + 4)])
        const plan = yield* Batch.plan(pipeline, report)
        const tolerate = { percent: 50, minSample: 2 }

        const failed = yield* Effect.flip(Batch.redrive(plan, { mode: "collect-all", concurrency: 1, tolerate }))

        assert(failed._tag === "BatchFailed")
        assert.deepInclude(failed.report.endedBy, { _tag: "Tolerance", failed: 2, ended: 2 })
        assert.deepInclude(failed.report, { total: 100, succeeded: 97, reused: 97, failed: 2, notStarted: 1 })
      })
    )

    it.effect("has the first items that run for a canary, and not those that are reused", () =>
      Effect.gen(function* () {
        const { asked, pipeline, run } = site(6, 8, 9)
        const plan = yield* Batch.plan(pipeline, yield* run([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]))
        asked.length = 0

        const merged = yield* Batch.redrive(plan, { mode: "collect-all", canary: { items: 2 } })
        const last = yield* Batch.redrive(plan, { mode: "collect-all", canary: { items: 3 } })

        assert.deepStrictEqual(asked.slice(0, 2), [6, 8])
        assert.deepStrictEqual(merged.endedBy, { _tag: "Canary", items: 2 })
        assert.deepInclude(merged, { total: 10, succeeded: 7, reused: 7, failed: 2, notStarted: 1 })
        // Nobody is asked where there are no others.
        assert.deepStrictEqual(last.endedBy, { _tag: "Completed" })
      })
    )

    it.effect("has an item whose key was reused fail as a duplicate, where duplicates are errors", () =>
      Effect.gen(function* () {
        const { pipeline } = site()
        const options = { shared: { ids: [] }, mode: "collect-all", duplicates: "error" } as const
        const report = yield* Batch.run(pipeline, { params: [{ id: 1 }, { id: 1 }], ...options })

        const merged = yield* Batch.redrive(yield* Batch.plan(pipeline, report), {
          mode: "collect-all",
          duplicates: "error"
        })

        assert.deepStrictEqual(tagsOf(merged.outcomes), ["Succeeded", "Failed"])
        assert.strictEqual(Report.errors(merged)[0]?.["_tag" as never], "DuplicateKey")
      })
    )

    it.effect("goes on from a report that was saved, with its errors, params and shared data", () =>
      Effect.gen(function* () {
        const { asked, broken, pipeline, run } = site(2)
        const saved = Report.toJson(yield* run([1, 2, 3]), pipeline)
        broken.clear()
        asked.length = 0

        const report = yield* Report.fromJson(saved, pipeline)
        const merged = yield* Effect.flatMap(Batch.plan(pipeline, report), Batch.redrive({ mode: "collect-all" }))

        assert.deepStrictEqual(asked, [2])
        assert.deepInclude(merged, { succeeded: 3, reused: 2, failed: 0 })
        assert.deepStrictEqual(merged.shared, { ids: [1, 3, 2] })
      })
    )

    it.effect("runs a success again whose output was saved as text, and refuses params that were", () =>
      Effect.gen(function* () {
        class Handle {
          readonly name = "handle"
        }
        const open = Handler.make("open", { handleRequest: (_page: Page | Handle) => Effect.succeed(new Handle()) })
        const pipeline = Pipeline.make("opening", { handlers: { open }, start: "open" })
        const save = (params: Page | Handle) =>
          Effect.flatMap(Batch.run(pipeline, { params: [params] }), (report) =>
            Report.fromJson(Report.toJson(report, pipeline), pipeline)
          )

        const plan = yield* Batch.plan(pipeline, yield* save({ id: 1 }))
        const error = yield* Effect.flip(Batch.plan(pipeline, yield* save(new Handle())))

        assert.deepStrictEqual(
          plan.entries.map(({ _tag, reason }) => `${_tag}: ${reason}`),
          ["Run: its output was kept as text; its handler needs an output schema"]
        )
        assert.instanceOf(error, IncompleteReport)
        assert.match(error.message, /the params of item 0 \(key "[0-9a-f]{32}"\) were kept as text/)
      })
    )

    it.effect("refuses shared data that were saved as text, unless others are given", () =>
      Effect.gen(function* () {
        const count = Handler.make("count", {
          shared: Schema.Any,
          handleRequest: ({ id }: Page) => Effect.succeed(id)
        })
        const pipeline = Pipeline.make("counting", { handlers: { count }, start: "count" })
        const report = yield* Batch.run(pipeline, { params: [{ id: 1 }], shared: { deep: [new WeakMap()] } })
        const plan = yield* Batch.plan(pipeline, yield* Report.fromJson(Report.toJson(report), pipeline))

        const error = yield* Effect.flip(Batch.redrive(plan))

        assert.include(String(error), "its shared data were kept as text in part")
        assert.strictEqual((yield* Batch.redrive(plan, { shared: {} as never })).total, 1)
      })
    )

    it.effect("reuses 100,000 outcomes in a moment, and runs the one that failed", () =>
      Effect.gen(function* () {
        const { asked, broken, pipeline } = site(50_000)
        const params = Array.from({ length: 100_000 }, (_, id) => ({ id }))
        // No shared data that grow with each item: this is about the engine.
        const report = yield* Batch.run(
          Pipeline.make("site", {
            handlers: {
              fetch: Handler.make("fetch", {
                handleRequest: ({ id }: Page) =>
                  id === 50_000 && broken.has(id) ? Effect.fail("down") : Effect.succeed(id)
              })
            },
            start: "fetch"
          }),
          { params, mode: "collect-all" }
        )
        assert.strictEqual(report.failed, 1)
        broken.clear()

        const plan = yield* Batch.plan(pipeline, report as never)
        const merged = yield* Batch.redrive(plan, { shared: { ids: [] } as never })

        assert.deepStrictEqual(asked, [50_000])
        assert.deepInclude(merged, { total: 100_000, succeeded: 100_000, reused: 99_999 })
      })
    )
  })

  describe("replay", () => {
    it.effect("runs one item alone, at its place, with its params, and says how long each step took", () =>
      Effect.gen(function* () {
        const { asked, pipeline, run } = site(2)
        const report = yield* run([1, 2, 3])
        const key = report.outcomes[1]!.key
        asked.length = 0

        const outcome = yield* Batch.replay(pipeline, report, key)

        assert.deepStrictEqual(asked, [2])
        assert(outcome._tag === "Failed")
        assert.deepInclude({ ...outcome }, { index: 1, params: { id: 2 }, handler: "fetch" })
        assert.strictEqual(outcome.key, key)
        assert.deepStrictEqual(
          outcome.timings?.map(({ step }) => step),
          ["fetch"]
        )
        assert.deepStrictEqual(report.shared, { ids: [1, 3] })
      })
    )

    it.effect("runs it through a repaired pipeline, with other shared data, the pipeline last", () =>
      Effect.gen(function* () {
        const { run } = site(2)
        const report = yield* run([1, 2])
        const repaired = site().pipeline

        const outcome = yield* repaired.pipe(Batch.replay(report, report.outcomes[1]!.key, { shared: { ids: [] } }))

        assert(outcome._tag === "Succeeded")
        assert.strictEqual(outcome.output, 20)
      })
    )

    it.effect("says so where there is no such item", () =>
      Effect.gen(function* () {
        const { pipeline, run } = site()
        const report = yield* run([1])

        const error = yield* Effect.flip(Batch.replay(pipeline, report, "page 9"))

        assert.instanceOf(error, UnknownKey)
        assert.include(error.message, 'The report has no item with the key "page 9"; of its 1 keys the first is "')
      })
    )
  })
})
