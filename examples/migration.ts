/**
 * From one after the other to all at the same time: only the name of the base class changes.
 *
 *   npm run examples            runs this program and the others
 *
 * The same four items, the first of which takes longest, run through a BatchPipeline and a ParallelBatchPipeline.
 */
import { setTimeout as sleep } from "node:timers/promises"
import {
  BatchPipeline,
  Handler,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type SharedData
} from "parallel-batch-pipeline"

interface Data extends SharedData {
  readonly items: number[]
  readonly log: string[]
}

class Wait extends Handler<{ item: number }, number, Data> {
  protected override prepareInputs(sharedData: Data): { item: number } {
    const item = this.getParams().item as number
    sharedData.log.push(`start ${item}`)
    return { item }
  }

  protected async handleRequest({ item }: { item: number }): Promise<number> {
    return sleep(250 - 50 * item, item, { signal: this.getSignal() })
  }

  protected override processResults(sharedData: Data, _inputs: { item: number }, item: number): string {
    sharedData.log.push(`end ${item}`)
    return "waited"
  }
}

// Before.
class SequentialProcessor extends BatchPipeline<Data> {
  protected override prepareBatchParams(sharedData: Readonly<Data>): HandlerParams[] {
    return sharedData.items.map((item) => ({ item }))
  }
}

// After.
class ParallelProcessor extends ParallelBatchPipeline<Data> {
  protected override prepareBatchParams(sharedData: Readonly<Data>): HandlerParams[] {
    return sharedData.items.map((item) => ({ item }))
  }
}

const pipeline = new Pipeline(new Wait())
for (const processor of [new SequentialProcessor(pipeline), new ParallelProcessor(pipeline)]) {
  const data: Data = { items: [1, 2, 3, 4], log: [] }
  const start = performance.now()
  await processor.run(data)
  console.log(`${processor}: ${Math.round(performance.now() - start)} ms\n  ${data.log.join(", ")}`)
}
