/**
 * A batch that runs one item after the other, as a class.
 *
 * @since 0.1.0
 */
import * as Check from "../internal/options.ts"
import type { SharedData } from "./BaseHandler.ts"
import { BatchHandler } from "./BatchHandler.ts"
import type { BatchOptions } from "./BatchOptions.ts"
import type { Pipeline } from "./Pipeline.ts"

/**
 * Runs a pipeline for one parameter set after the other, and stops at the first
 * error.
 *
 * **Example** (Doubling numbers in order)
 *
 * ```ts
 * import { BatchPipeline, Handler, type HandlerParams, Pipeline } from "parallel-batch-pipeline"
 *
 * class Double extends Handler<{ n: number }, number, { numbers: number[]; doubled: number[] }> {
 *   protected handleRequest(inputs: { n: number }): number {
 *     return inputs.n * 2
 *   }
 *
 *   protected processResults(sharedData: { doubled: number[] }, _inputs: { n: number }, outputs: number): string {
 *     sharedData.doubled.push(outputs)
 *     return "done"
 *   }
 * }
 *
 * class Doubles extends BatchPipeline<{ numbers: number[]; doubled: number[] }> {
 *   protected prepareBatchParams(sharedData: Readonly<{ numbers: number[] }>): HandlerParams[] {
 *     return sharedData.numbers.map((n) => ({ n }))
 *   }
 * }
 *
 * const shared = { numbers: [1, 2, 3], doubled: [] as number[] }
 * await new Doubles(new Pipeline(new Double())).run(shared)
 *
 * shared.doubled // => [2, 4, 6]
 * ```
 *
 * @see {@link ParallelBatchPipeline} for all items at the same time
 * @category models
 * @since 0.1.0
 */
export class BatchPipeline<TSharedData extends SharedData = SharedData> extends BatchHandler<TSharedData> {
  constructor(pipeline: Pipeline<any>, options: BatchOptions<TSharedData> = {}) {
    Check.object("options", options, "an object", new.target.name)
    Check.spelling(new.target.name, options, {}, aliases)
    super(pipeline, options, { concurrency: 1, failFast: true })
  }
}

// internal

const ofParallel = "it is an option of ParallelBatchPipeline"

const aliases = { concurrency: ofParallel, mode: ofParallel, tolerate: ofParallel }
