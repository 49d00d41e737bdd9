/**
 * Stops at the first failure: Promise.all by hand, and the default `mode` that takes its place.
 *
 *   npm run examples            runs this program and the others
 *
 * Of six uploads the third one fails while others are under way. Both versions abort those; but by hand everything has
 * started by then, and with a limit on what runs at once the rest never starts.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { Handler, type HandlerParams, ParallelBatchPipeline, Pipeline } from "parallel-batch-pipeline"
import { table } from "./lib/terminal.ts"

interface File {
  readonly name: string
  readonly ms: number
  readonly fails?: true
}

const files: File[] = [
  { name: "a.jpg", ms: 20 },
  { name: "b.jpg", ms: 5_000 },
  { name: "c.jpg", ms: 200, fails: true },
  { name: "d.jpg", ms: 5_000 },
  { name: "e.jpg", ms: 5_000 },
  { name: "f.jpg", ms: 5_000 }
]

const diskFull = new Error("the disk is full")
let started: string[] = []
let aborted: string[] = []

class Upload extends Handler<{ file: File }, void> {
  protected async handleRequest({ file }: { file: File }): Promise<void> {
    started.push(file.name)
    // Aborted when the batch stops. Anything that takes a signal can be given this one: fetch, a child process, a sleep.
    const signal = this.getSignal()
    signal.addEventListener("abort", () => aborted.push(file.name))
    await sleep(file.ms, undefined, { signal })
    if (file.fails) throw diskFull
  }
}

const params = () => files.map((file) => ({ file }))

// By hand: Promise.all rejects when the first of them does.

class FailFastParallelProcessor extends ParallelBatchPipeline {
  protected override async handleRequest(paramSets: HandlerParams[]): Promise<void> {
    await Promise.all(paramSets.map((set) => this.executePipelineWithParams(set)))
  }
}

const byHand = new FailFastParallelProcessor(new Pipeline(new Upload()), { params })

// The default: `mode: "fail-fast"` need not be written. Three at a time.

const withMode = new ParallelBatchPipeline(new Pipeline(new Upload()), { params, concurrency: 3 })

// `run` rejects with the very value that was thrown; `runReport` answers what became of each item instead.

const show = async (title: string, processor: ParallelBatchPipeline) => {
  started = []
  aborted = []
  const thrown: unknown = await processor.run({}).catch((error: unknown) => error)
  console.log(title)
  console.log(`  run rejected with the very error: ${thrown === diskFull}, ${String(thrown)}`)
  console.log(`  started ${started.length} of ${files.length}: ${started.sort().join(", ")}`)
  console.log(`  aborted: ${aborted.sort().join(", ")}`)

  const { outcomes } = await processor.runReport({})
  return outcomes.map((outcome) => outcome._tag)
}

const left = await show("By hand, Promise.all", byHand)
const right = await show("The default mode, concurrency: 3", withMode)

const rows = files.map(({ name }, index) => [name, left[index]!, right[index]!])
console.log(`\n${table(["runReport", "by hand", "default mode"], ...rows)}`)
