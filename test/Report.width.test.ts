/** How much a report for a terminal, or for a file, shows of long texts. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Batch, Handler, InvalidOptions, Pipeline, Report } from "parallel-batch-pipeline/effect"

const folder = `src/${"deep/".repeat(20)}`
const name = "readEveryFileOfTheFolderThatTheParamsName"

const read = Handler.make(name, {
  handleRequest: ({ file }: { readonly file: string }) => Effect.fail(new Error(`ENOENT: no such file, open '${file}'`))
})
const reading = Pipeline.make("reading", { handlers: { [name]: read }, start: name })

const reportOf = (...files: ReadonlyArray<string>) =>
  Batch.run(reading, { params: files.map((file) => ({ file })), mode: "collect-all", key: ({ file }) => file })

describe("Report.format", () => {
  it.effect("keeps the end of paths where it cuts keys and samples", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(`${folder}one.ts`, `${folder}two.ts`)

      const last = Report.format(report).split("\n").at(-1)!

      assert.match(last, /^ +src\/\S*…\S*\/one\.ts, src\/\S*…\S*\/two\.ts, such as: ENOENT\S*…\S*'$/)
      assert.isAtMost(last.length, 120)
    })
  )

  it.effect("cuts nothing where its width is Infinity", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(`${folder}one.ts`, `${folder}two.ts`)

      const text = Report.format(report, { width: Number.POSITIVE_INFINITY })

      assert.notInclude(text, "…")
      assert.include(text, `${folder}one.ts, ${folder}two.ts, such as: ENOENT: no such file, open '${folder}one.ts'`)
      assert.include(text, ` ${name}  Error  `)
    })
  )

  it.effect.each([0, -1, 1.5, Number.NaN, Number.NEGATIVE_INFINITY])("refuses the width %s", (width) =>
    Effect.gen(function* () {
      const report = yield* reportOf("a")

      assert.throws(() => Report.format(report, { width }), InvalidOptions)
    })
  )

  it.effect("cuts no character in two", () =>
    Effect.gen(function* () {
      for (let more = 0; more < 6; more++) {
        const report = yield* reportOf(`${"x".repeat(more)}😀/${"😀".repeat(80)}`)

        assert.isTrue(Report.format(report).isWellFormed())
      }
    })
  )
})
