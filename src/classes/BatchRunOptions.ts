/**
 * The options of a single run of a batch.
 *
 * @since 0.1.0
 */
import type { Succeeded } from "../Outcome.ts"
import type { Any as AnyReport } from "../Report.ts"
import type { ActionResult, HandlerParams, RunOptions } from "./BaseHandler.ts"

/**
 * The options of a single run of a batch: `run` and `runReport` take them.
 *
 * **Details**
 *
 * With `redrive` the batch goes on from a report. It prepares its params as always; those that are lazy or async are read
 * to their end before anything runs. What has succeeded in the report is matched with them by key, and by params where a
 * key stands for several items, as `Batch.plan` does it: it is taken over as it was, and counts as `succeeded` and as
 * `reused`. All others run, and so do new ones; items of the report that the params do not have any more are dropped. One
 * report of all items comes out, which can be saved and gone on from again, whatever has ended the run: also where it was
 * aborted. What was taken over is in `shared` only if you pass those of the report; it neither passes a gate nor costs
 * anything.
 *
 * The run rejects, and nothing has run, with `IncompleteReport` where the report does not keep all outcomes, was made
 * with another `key`, or was taken while its batch was running; with `PipelineChanged` where it is of a batch of another
 * name, unless `allowChanges` is `true`; with `InvalidOptions` where it is no report, or where `handleRequest` is
 * overridden, which would run all items. In such a case `runReport` rejects as well, so that nothing takes the place of
 * the report that you have. Where the params cannot be read to their end, the report has the items of the one that was
 * given, and `exhausted` is `false`.
 *
 * **Gotchas**
 *
 * The name of a batch, that of its class, is all that a report knows of it: whether what its handlers do has changed, you
 * know. Where a bundler renames classes, override `toString`. The options belong to the run of this batch, and not to a
 * batch inside of it; what an overridden `executeLifecycle` starts through `executePipelineWithParams` runs in any case.
 *
 * **Example** (Running what failed again)
 *
 * ```ts
 * import { Handler, ParallelBatchPipeline, Pipeline } from "parallel-batch-pipeline"
 *
 * const down = new Set([2])
 *
 * class Fetch extends Handler<{ id: number }, string> {
 *   protected async handleRequest({ id }: { id: number }): Promise<string> {
 *     if (down.has(id)) throw new Error("down")
 *     return `page ${id}`
 *   }
 * }
 *
 * const pages = new ParallelBatchPipeline(new Pipeline(new Fetch()), {
 *   params: () => [{ id: 1 }, { id: 2 }],
 *   mode: "collect-all"
 * })
 * const report = await pages.runReport({})
 *
 * down.clear()
 * const again = await pages.runReport({}, { redrive: report })
 *
 * again.succeeded // => 2
 * again.reused // => 1
 * ```
 *
 * @category options
 * @since 0.1.0
 */
export interface BatchRunOptions extends RunOptions {
  /** What the run goes on from: a report of this batch, live or as `Report.fromJson` reads it. Defaults to nothing. */
  readonly redrive?: AnyReport | undefined
  /** Which successes of the report run again, such as those that a `handleError` has answered. Defaults to none. */
  readonly rerun?: ((outcome: Succeeded<HandlerParams, ActionResult, unknown>) => boolean) | undefined
  /** Whether a report of a batch of another name will do. Defaults to `false`. */
  readonly allowChanges?: boolean | undefined
}
