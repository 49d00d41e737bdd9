/**
 * Runs 50,000 items in little memory: small batches by hand, and the options that take their place.
 *
 *   npm run examples            runs this program and the others
 *
 * Both run at most ten items at a time. The hand-written version still needs all parameter sets in an array and keeps
 * an outcome for each; with a generator in `params` and `outcomes: "none"` only what is in flight is held.
 */
import { setImmediate as nextTurn } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Handler, type HandlerParams, ParallelBatchPipeline, Pipeline, type SharedData } from "parallel-batch-pipeline"
import { table } from "./lib/terminal.ts"

const total = 50_000
const atATime = 10

// The step. It keeps count of what is in flight, and of the parameter sets that wait for their turn.

const counts = { created: 0, ended: 0, inFlight: 0, mostInFlight: 0, mostCreated: 0 }

class Index extends Handler<{ text: string }, number, SharedData & { letters: number }> {
  protected async handleRequest({ text }: { text: string }): Promise<number> {
    counts.mostInFlight = Math.max(counts.mostInFlight, ++counts.inFlight)
    counts.mostCreated = Math.max(counts.mostCreated, counts.created - counts.ended)
    await nextTurn()
    counts.inFlight--
    return text.length
  }

  protected override processResults(sharedData: { letters: number }, _inputs: { text: string }, length: number) {
    counts.ended++
    sharedData.letters += length
    return "indexed"
  }
}

// A generator: it makes a parameter set when it is asked for the next one, and not before.
function* documents(): Generator<HandlerParams> {
  for (let id = 0; id < total; id++) {
    counts.created++
    yield { text: `document ${id}`.padEnd(200, ".") }
  }
}

// By hand: an overridden handleRequest slices the parameter sets, so they have to be an array.

class MemoryEfficientProcessor extends ParallelBatchPipeline {
  protected override prepareBatchParams(): HandlerParams[] {
    return Array.from(documents())
  }

  protected override async handleRequest(paramSets: HandlerParams[]): Promise<void> {
    for (let i = 0; i < paramSets.length; i += atATime) {
      const batch = paramSets.slice(i, i + atATime)
      await Promise.all(batch.map((params) => this.executePipelineWithParams(params)))
    }
  }
}

const byHand = new MemoryEfficientProcessor(new Pipeline(new Index()))

// The same as options, without a class.

const withOptions = new ParallelBatchPipeline(new Pipeline(new Index()), {
  params: documents,
  concurrency: atATime,
  outcomes: "none"
})

// Both run. The heap is measured after a collection, while the report is still in use.

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")
const heapInMb = () => {
  collect()
  return process.memoryUsage().heapUsed / 1024 / 1024
}

const measure = async (title: string, processor: ParallelBatchPipeline) => {
  for (const name of Object.keys(counts)) counts[name as keyof typeof counts] = 0
  const before = heapInMb()
  const report = await processor.runReport({ letters: 0 })
  const after = heapInMb()
  const [from, to] = [before, after].map((mb) => `${mb.toFixed(1)} MB`)
  return [title, report.succeeded, counts.mostInFlight, counts.mostCreated, report.outcomes.length, from!, to!]
}

console.log(
  table(
    ["", "items", "peak in flight", "peak parameter sets", "outcomes kept", "heap before", "heap after"],
    await measure("by hand", byHand),
    await measure("options", withOptions)
  )
)
