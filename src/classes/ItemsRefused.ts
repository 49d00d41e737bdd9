/**
 * The error of a batch whose gate has sent items away.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { Report } from "./BatchOptions.ts"

/**
 * A batch has come to its end and left items undone, because the circuit of a gate was open. `run` of a batch that stops
 * at its first failure rejects with it; its `runReport`, and a batch with `mode: "collect-all"`, say it in the report alone.
 *
 * **Example** (Learning what was left undone)
 *
 * ```ts
 * import { Gate, Handler, ItemsRefused, ParallelBatchPipeline, Pipeline } from "parallel-batch-pipeline"
 * import { Breaker } from "parallel-batch-pipeline/effect"
 *
 * class Ask extends Handler<unknown, string> {
 *   protected handleRequest(): string {
 *     throw new Error("down")
 *   }
 * }
 *
 * const gate = Gate.make({ breaker: Breaker.make({ failures: 1, openFor: "1 minute" }) })
 * const asking = new ParallelBatchPipeline(new Pipeline(new Ask({ gate, maxRetries: 3 })), {
 *   params: () => [{ n: 1 }, { n: 2 }],
 *   concurrency: 1
 * })
 *
 * const error: unknown = await asking.run({}).catch((thrown: unknown) => thrown)
 *
 * if (!(error instanceof ItemsRefused)) throw error
 * error.message // => "2 of 2 items were left undone: The circuit of its gate is open"
 * error.report.outcomes.map(({ _tag }) => _tag) // => ["Interrupted", "NotStarted"]
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class ItemsRefused extends Data.TaggedError("ItemsRefused")<{
  /** How many items a gate has sent away. */
  readonly refused: number
  /** Why the first of them was. */
  readonly reason: string
  readonly report: Report
}> {
  override get message(): string {
    return `${this.refused} of ${this.report.total} items were left undone: ${this.reason}`
  }
}
