/**
 * Goes on when items fail: try and catch by hand, and the `mode` that takes their place.
 *
 *   npm run examples            runs this program and the others
 *
 * Two of five orders cannot be shipped. By hand the results are collected in the shared data; with `mode: "collect-all"`
 * the report has an outcome for each order, with the step that failed and the number of attempts.
 */
import { Cause } from "effect"
import { setTimeout as sleep } from "node:timers/promises"
import { Handler, type HandlerParams, ParallelBatchPipeline, Pipeline, type SharedData } from "parallel-batch-pipeline"
import { table } from "./lib/terminal.ts"

interface Order {
  readonly order: string
  readonly country: string
  readonly grams: number
}

const params = () => [
  { order: "tea", country: "NO", grams: 250 },
  { order: "anvil", country: "PE", grams: 90_000 },
  { order: "book", country: "EG", grams: 700 },
  { order: "sand", country: "EG", grams: 4_000 },
  { order: "lamp", country: "JP", grams: 1_200 }
]

// Two steps: Weigh, then Book, which is tried three times. The inputs of both are the parameter set.

class Weigh extends Handler<Order, void> {
  protected async handleRequest({ grams }: Order): Promise<void> {
    if (grams > 20_000) throw new Error(`${grams} g is too heavy`)
  }
}

class Book extends Handler<Order, string> {
  protected async handleRequest({ country, order }: Order): Promise<string> {
    await sleep(10, undefined, { signal: this.getSignal() })
    if (order === "sand") throw new Error(`nobody ships sand to ${country}`)
    return `${country}-${order}`
  }
}

const weigh = new Weigh()
weigh.connectTo(new Book({ maxRetries: 3, retryDelayMs: 10 }))
const shipping = new Pipeline(weigh)

// By hand: each item has its own try and catch, and all results go into the shared data.

interface Result {
  readonly order: unknown
  readonly error: string | undefined
}

interface ShippingData extends SharedData {
  results?: Result[]
}

class FailSafeParallelProcessor extends ParallelBatchPipeline<ShippingData> {
  protected override async handleRequest(paramSets: HandlerParams[]): Promise<void> {
    const attempts = paramSets.map(async (set): Promise<Result> => {
      try {
        await this.executePipelineWithParams(set)
        return { order: set.order, error: undefined }
      } catch (error) {
        return { order: set.order, error: error instanceof Error ? error.message : String(error) }
      }
    })
    this.getCurrentSharedData().results = await Promise.all(attempts)
  }
}

const data: ShippingData = {}
await new FailSafeParallelProcessor(shipping, { params }).run(data)

console.log("By hand, try and catch")
for (const { error, order } of data.results!) console.log(`  ${String(order).padEnd(5)}  ${error ?? "shipped"}`)

// The same as an option. `runReport` never rejects for a failed item.

const { failed, outcomes, succeeded } = await new ParallelBatchPipeline(shipping, {
  params,
  mode: "collect-all"
}).runReport({})

const rows = outcomes.map((outcome) => {
  const order = String(outcome.params.order)
  if (outcome._tag === "Succeeded") {
    return [order, outcome._tag, outcome.path.join(" > "), outcome.attempts, String(outcome.output)]
  }
  if (outcome._tag === "Failed") {
    // The cause holds the very value that was thrown, with what else is known of it.
    return [order, outcome._tag, outcome.path.join(" > "), outcome.attempts, String(Cause.squash(outcome.cause))]
  }
  return [order, outcome._tag, "", 0, ""]
})
console.log(`\nmode: "collect-all": ${succeeded} succeeded, ${failed} failed`)
console.log(table(["order", "outcome", "steps", "attempts", "output, or error"], ...rows))
