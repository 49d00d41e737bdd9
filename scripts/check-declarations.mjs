// Whether what users export can be declared: `tsc` has to find a name for every type that it infers from the package, as it
// would in a project that has it installed. Argument: the packed package.
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

const tarball = resolve(process.argv[2])
const project = mkdtempSync(join(tmpdir(), "declarations-"))
const modules = join(project, "node_modules")

const program = `
import { Effect, Stream } from "effect"
import { Handler as ClassHandler, ParallelBatchPipeline, Pipeline as ClassPipeline } from "parallel-batch-pipeline"
import { Batch, Breaker, Gate, Handler, Outcome, Pipeline, Plan, Report } from "parallel-batch-pipeline/effect"

export interface N { readonly n: number }
export const gate = Gate.make({ rate: { limit: 5, window: "1 second" }, key: ({ n }: N) => String(n % 2) })
export const first = Handler.make("first", {
  handleRequest: ({ n }: N) => (n > 0 ? Effect.succeed(n) : Effect.fail("no" as const)),
  gate,
  processResults: ({ outputs }) => (outputs > 1 ? Handler.next("big") : Handler.next("small"))
})
export const second = Handler.fromPromise("second", {
  handleRequest: async () => "done",
  catch: () => new Error("no")
})
export const pipeline = Pipeline.make("both", { handlers: { first, second }, start: "first", routes: { first: { big: "second" } } })
export const step = Pipeline.toHandler(pipeline)
export const nested = Pipeline.make("nested", { handlers: { step }, start: "step" })
export const one = Pipeline.run(pipeline, { params: { n: 1 } })
export const run = (params: ReadonlyArray<N>) => Batch.run(pipeline, { params })
export const runAll = (params: ReadonlyArray<N>) =>
  Batch.run(nested, { params, mode: "collect-all", tolerate: { count: 1 }, duplicates: "error" })
export const stream = (params: ReadonlyArray<N>) => Stream.filter(Batch.stream(pipeline, { params }), Outcome.isFailed)
export const fork = (params: ReadonlyArray<N>) => Batch.fork(pipeline, { params, mode: "collect-all" })
export const plan = Effect.map(Batch.plan(pipeline, Effect.runSync(runAll([]))), (plan) => [plan, Plan.format(plan)] as const)
export const redrive = Effect.flatMap(plan, ([plan]) => Batch.redrive(plan))
export const read = (text: string) => Report.fromJson(text, pipeline)
export const digest = Effect.map(runAll([]), Report.digest)
export const breaker = Breaker.make({ failures: 3, openFor: "1 minute" })
export class Ask extends ClassHandler<N & Record<string, unknown>, string> {
  protected async handleRequest({ n }: N) { return String(n) }
}
export const batch = new ParallelBatchPipeline(new ClassPipeline(new Ask()), { params: () => [{ n: 1 }] })
export const report = batch.runReport({})
`

const options = {
  declaration: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  target: "ES2023",
  module: "NodeNext"
}

try {
  mkdirSync(join(modules, "parallel-batch-pipeline"), { recursive: true })
  execFileSync("tar", ["-xzf", tarball, "--strip-components=1", "-C", join(modules, "parallel-batch-pipeline")])
  // As installed: behind a symbolic link, types would have the names of another place.
  for (const name of ["effect", "@standard-schema", "@types", "undici-types"]) {
    const source = resolve("node_modules", name)
    symlinkSync(source, join(modules, name))
  }
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }))
  writeFileSync(join(project, "program.ts"), program)
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { ...options, preserveSymlinks: true, types: ["node"], outDir: "out" },
      files: ["program.ts"]
    })
  )
  execFileSync(resolve("node_modules/.bin/tsc"), ["-p", project], { stdio: "inherit" })
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  rmSync(project, { recursive: true, force: true })
}
