// The live heap of a batch in a process of its own, in bytes over what was alive before it: at a tenth of the items,
// half-way, at the last one, and when the report has been dropped. Where all outcomes are kept, only the last says much.
//   node --expose-gc bench/heap.mjs '{"entry":"effect","outcomes":"none","n":1000000}'
import { Effect } from "effect"
import * as Classes from "parallel-batch-pipeline"
import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"

const job = JSON.parse(process.argv[2])

const request = async (i) => {
  // A few fail, so that `outcomes: "failures"` has some to keep, as many for every size.
  if (i % (job.n / 10) === 7) throw new Error(`no ${i}`)
  return i + 1
}

const effects = () => {
  const step = Handler.fromPromise("step", { prepareInputs: ({ params }) => params.i, handleRequest: request })
  const pipeline = Pipeline.make("heap", { handlers: { step }, start: "step" })
  return (params) =>
    Effect.runPromise(Batch.run(pipeline, { params, concurrency: 64, mode: "collect-all", outcomes: job.outcomes }))
}

const classes = () => {
  class Step extends Classes.Handler {
    prepareInputs() {
      return this.getParams().i
    }
    handleRequest(i) {
      return request(i)
    }
    processResults() {
      return "default"
    }
  }
  const pipeline = new Classes.Pipeline(new Step())
  return (params) =>
    new Classes.ParallelBatchPipeline(pipeline, {
      params: () => params,
      concurrency: 64,
      mode: "collect-all",
      outcomes: job.outcomes
    }).runReport({})
}

const run = job.entry === "classes" ? classes() : effects()

const alive = () => {
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage().heapUsed
}

/** What the present turn of the event loop still holds goes with it. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 10))

const counted = (n, marks) =>
  (function* () {
    for (let i = 0; i < n; i++) {
      marks.get(i)?.()
      yield { i }
    }
  })()

// What is compiled and cached along the way stays, and is no leak.
for (let k = 0; k < 3; k++) await run(counted(20_000, new Map()))

await settled()
const before = alive()
const live = {}
const marks = new Map(
  Object.entries({ tenth: job.n / 10, half: job.n / 2, last: job.n - 1 }).map(([name, at]) => [
    at,
    () => {
      live[name] = alive() - before
    }
  ])
)
let report = await run(counted(job.n, marks))
if (report.succeeded !== job.n - 10) throw new Error(`${report.succeeded} of ${job.n} items succeeded`)
const dropped = new WeakRef(report)
report = undefined
let collected = false
// A collection may come while a stack that is about to go still has it.
for (let k = 0; k < 5 && !collected; k++) {
  await settled()
  live.dropped = alive() - before
  collected = dropped.deref() === undefined
}

console.log(JSON.stringify({ ...live, collected }))
process.exit(0)
