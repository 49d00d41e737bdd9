/**
 * Reads every file of a folder, analyses it, and reports what it found.
 *
 *   npm start                                  the TypeScript sources of the installed `effect` package
 *   npm start -- <folder> [--json <file>]      every file of a folder, and where to write the report
 *
 * Each file is one item of a batch and goes through three handlers: read -> analyse -> save. A file that cannot be read
 * is a failed outcome, a binary file a skipped one; neither stops the others.
 * Where the system has no file handle to spare, or a file is busy, it is read again.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Console, Duration, Effect, FileSystem, Option, Path, Schedule, Schema } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import { tmpdir } from "node:os"
import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { listFiles } from "./lib/files.ts"
import { showProgress, table } from "./lib/terminal.ts"

// What we learn about one file, and the data that all items share.

const FileStats = Schema.Struct({
  file: Schema.String,
  lines: Schema.Int,
  words: Schema.Int,
  exports: Schema.Int,
  longestLine: Schema.Int
})

const Findings = Schema.Struct({
  lines: Schema.Int,
  words: Schema.Int,
  exports: Schema.Int,
  files: Schema.Array(FileStats)
})

// The three handlers. What one of them answers reaches the next one as `previous`.

const read = Handler.make("read", {
  params: Schema.Struct({ folder: Schema.String, file: Schema.String }),
  handleRequest: ({ file, folder }) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      return yield* fs.readFileString(path.join(folder, file))
    }),
  retry: {
    times: 2,
    schedule: Schedule.exponential("50 millis"),
    while: ({ reason }) => reason._tag === "Busy" || reason._tag === "Unknown"
  },
  processResults: ({ outputs }) => (outputs.includes("\0") ? Handler.skip("a binary file") : Handler.next("text"))
})

const analyse = Handler.make("analyse", {
  prepareInputs: ({ previous }: { readonly previous: string }) => previous,
  handleRequest: (text) => Effect.sync(() => analyseText(text)),
  processResults: () => Handler.next("analysed")
})

const save = Handler.make("save", {
  params: Schema.Struct({ file: Schema.String }),
  shared: Findings,
  prepareInputs: ({ params, previous }: { params: { file: string }; previous: ReturnType<typeof analyseText> }) => ({
    file: params.file,
    ...previous
  }),
  handleRequest: (stats) => Effect.succeed(stats),
  processResults: ({ outputs }) =>
    // Changes the batch's own copy in place, at the same cost for the first file and the last.
    Handler.nextWith("saved", (findings) => {
      findings.files.push(outputs)
      findings.lines += outputs.lines
      findings.words += outputs.words
      findings.exports += outputs.exports
    })
})

const analysis = Pipeline.make("analysis", {
  handlers: { read, analyse, save },
  start: "read",
  routes: { read: { text: "analyse" }, analyse: { analysed: "save" } }
})

const exported =
  /^export (?:declare |abstract |async )*(?:const|let|function\*?|class|interface|type|namespace) (\w+)/gm

const analyseText = (text: string) => {
  const lines = text.split("\n")
  if (lines.at(-1) === "") lines.pop()
  return {
    lines: lines.length,
    words: text.match(/\S+/g)?.length ?? 0,
    exports: new Set(Array.from(text.matchAll(exported), ([, name]) => name)).size,
    longestLine: lines.reduce((longest, line) => Math.max(longest, line.length), 0)
  }
}

// The batch, its progress, and the report of it.

const Report = Schema.Struct({
  folder: Schema.String,
  seconds: Schema.Number,
  total: Schema.Int,
  succeeded: Schema.Int,
  failed: Schema.Int,
  skipped: Schema.Int,
  retries: Schema.Int,
  findings: Findings,
  unfinished: Schema.Array(
    Schema.Struct({ outcome: Schema.Literals(["failed", "skipped"]), file: Schema.String, reason: Schema.String })
  )
})

const processFiles = Effect.fn("processFiles")(function* (folder: string, files: ReadonlyArray<string>) {
  const batch = yield* Batch.fork(analysis, {
    params: files.map((file) => ({ folder, file })),
    shared: { lines: 0, words: 0, exports: 0, files: [] },
    mode: "collect-all",
    onInterrupt: ({ failed, skipped, succeeded, total }) =>
      Console.log(`\nStopped after ${succeeded + failed + skipped} of ${total} files. No report was written.`)
  })
  yield* showProgress(batch.progress, "files")
  const { duration, failed, outcomes, shared, skipped, succeeded, total } = yield* batch.await

  // What was called beyond once for each step.
  const retries = outcomes.reduce(
    (sum, outcome) => (outcome._tag === "NotStarted" ? sum : sum + outcome.attempts - outcome.path.length),
    0
  )
  const unfinished = outcomes.flatMap((outcome): (typeof Report.Type)["unfinished"] => {
    const { file } = outcome.params
    if (outcome._tag === "Skipped") return [{ outcome: "skipped", file, reason: outcome.reason }]
    if (outcome._tag !== "Failed") return []
    return [{ outcome: "failed", file, reason: Cause.pretty(outcome.cause).split("\n")[0]! }]
  })
  return Report.make({
    folder,
    seconds: Duration.toSeconds(duration),
    total,
    succeeded,
    failed,
    skipped,
    retries,
    findings: shared,
    unfinished
  })
}, Effect.scoped)

const showReport = Effect.fn("showReport")(function* (report: typeof Report.Type) {
  const { failed, findings, retries, seconds, skipped, succeeded, total, unfinished } = report
  const largest = findings.files.toSorted((a, b) => b.lines - a.lines).slice(0, 10)
  const longestLine = findings.files.reduce((longest, stats) => Math.max(longest, stats.longestLine), 0)

  yield* Console.log(
    table(
      ["lines", "words", "exports", "longest line", "largest files"],
      ...largest.map((stats) => [stats.lines, stats.words, stats.exports, stats.longestLine, stats.file]),
      [findings.lines, findings.words, findings.exports, longestLine, `all ${succeeded} files`]
    )
  )
  yield* Console.log(
    `\n${total} files in ${seconds.toFixed(2)} s (${Math.round(total / seconds)} files/s): ` +
      `${succeeded} analysed, ${failed} failed, ${skipped} skipped, ${retries} ${retries === 1 ? "retry" : "retries"}`
  )
  // What failed comes first, however many were skipped.
  for (const [kind, most] of [
    ["failed", 10],
    ["skipped", 3]
  ] as const) {
    const files = unfinished.filter(({ outcome }) => outcome === kind)
    for (const { file, reason } of files.slice(0, most)) yield* Console.log(`  ${kind} ${file}: ${reason}`)
    if (files.length > most) yield* Console.log(`  and ${files.length - most} more ${kind}, which the report names`)
  }
})

// The command line: where the files are, where the report goes, and what can be wrong with either.

const explain = (userMessage: string) =>
  Effect.mapError((cause: unknown) => new CliError.UserError({ cause, userMessage }))

const writeReport = Effect.fn("writeReport")(function* (report: typeof Report.Type, file: Option.Option<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const target = Option.isSome(file) ? path.resolve(file.value) : path.join(tmpdir(), "file-processing", "report.json")

  const json = yield* Schema.encodeEffect(Schema.fromJsonString(Report, { space: 2 }))(report)
  const folder = Option.isSome(file) ? Effect.void : fs.makeDirectory(path.dirname(target), { recursive: true })
  const write = Effect.andThen(folder, fs.writeFileString(target, `${json}\n`))
  yield* explain(`The report cannot be written to ${target}.`)(write)
  yield* Console.log(`\nReport: ${target}`)
})

const command = Command.make(
  "npm start --",
  {
    folder: Argument.String("folder").pipe(
      Argument.withDescription("Whose files to analyse. Defaults to the TypeScript sources of the effect package"),
      Argument.optional
    ),
    json: Flag.String("json").pipe(
      Flag.withDescription("Where to write the report. Defaults to a file in the temp folder, the same for each start"),
      Flag.optional
    )
  },
  Effect.fn(function* ({ folder, json }) {
    const path = yield* Path.Path
    const sources = yield* Effect.orDie(path.fromFileUrl(new URL("src", import.meta.resolve("effect/package.json"))))
    const root = path.resolve(Option.getOrElse(folder, () => sources))

    yield* Console.log(`Analysing ${root}`)
    const files = yield* listFiles(root, Option.isNone(folder) ? "**/*.ts" : "**/*").pipe(
      explain(`${root} does not exist, or is not a folder that can be read.`)
    )
    if (files.length === 0) return yield* Console.log("It holds no files: nothing to do.")

    const report = yield* processFiles(root, files)
    yield* showReport(report)
    yield* writeReport(report, json)
  })
)

command.pipe(Command.run({ version: "0.1.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
