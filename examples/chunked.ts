/**
 * Limits how many items run at once: chunks by hand, and the one option that takes their place.
 *
 *   npm run examples            runs this program and the others
 *
 * Every third item is slow. A chunk waits for its slowest item before the next chunk may start; with the option
 * `concurrency` an item starts as soon as another one ends.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { Handler, type HandlerParams, ParallelBatchPipeline, Pipeline, type SharedData } from "parallel-batch-pipeline"

interface Item {
  readonly name: string
  readonly ms: number
}

interface ProcessingData extends SharedData {
  items: Item[]
  readonly times: { [name: string]: { readonly from: number; readonly to: number } }
}

class Work extends Handler<{ item: Item }, { from: number; to: number }, ProcessingData> {
  protected async handleRequest({ item }: { item: Item }) {
    const from = performance.now()
    await sleep(item.ms, undefined, { signal: this.getSignal() })
    return { from, to: performance.now() }
  }

  protected override processResults(
    sharedData: ProcessingData,
    { item }: { item: Item },
    times: { from: number; to: number }
  ): string {
    sharedData.times[item.name] = times
    return "done"
  }
}

class ParallelProcessor extends ParallelBatchPipeline<ProcessingData> {
  protected override prepareBatchParams(sharedData: Readonly<ProcessingData>): HandlerParams[] {
    return sharedData.items.map((item) => ({ item }))
  }
}

// By hand: runs the whole batch once for each chunk, and swaps the items of the shared data under it.

class ChunkedParallelProcessor extends ParallelProcessor {
  readonly chunkSize: number

  constructor(pipeline: Pipeline, chunkSize: number) {
    super(pipeline)
    this.chunkSize = chunkSize
  }

  protected override async executeLifecycle(sharedData: ProcessingData): Promise<string> {
    const allItems = sharedData.items
    for (let done = 0; done < allItems.length; done += this.chunkSize) {
      sharedData.items = allItems.slice(done, done + this.chunkSize)
      await super.executeLifecycle(sharedData)
    }
    sharedData.items = allItems
    return "all_chunks_processed"
  }
}

const byHand = new ChunkedParallelProcessor(new Pipeline(new Work()), 3)

// The same limit as an option.

const withOption = new ParallelProcessor(new Pipeline(new Work()), { concurrency: 3 })

// Both run, and what they did is drawn: one # for 25 ms.

const show = async (title: string, processor: ParallelProcessor) => {
  const items = Array.from("abcdefghi", (name, index) => ({ name, ms: index % 3 === 0 ? 200 : 50 }))
  const data: ProcessingData = { items, times: {} }
  const start = performance.now()
  await processor.run(data)
  const ms = performance.now() - start

  console.log(`${title}: ${Math.round(ms)} ms`)
  for (const { name } of items) {
    const [from, to] = [data.times[name]!.from, data.times[name]!.to].map((time) => Math.round((time - start) / 25))
    console.log(`  ${name} ${" ".repeat(from!)}${"#".repeat(Math.max(1, to! - from!))}`)
  }
  return ms
}

const [chunks, option] = [await show("chunks of 3", byHand), await show("concurrency: 3", withOption)]
console.log(`The option took ${Math.round((100 * option) / chunks)} % of the time.`)
