/**
 * The documented classes: promises in and out.
 *
 * @since 0.1.0
 */
export type { Progress } from "./BatchHandle.ts"
export {
  DuplicateKey,
  HandlerTimeout,
  InvalidCost,
  InvalidOptions,
  RateLimited,
  SharedDataConflict,
  TooManySteps
} from "./BatchError.ts"
export {
  type ActionResult,
  BaseHandler,
  type HandlerParams,
  type ParamSet,
  type RunOptions,
  type SharedData
} from "./classes/BaseHandler.ts"
export type { BatchOptions, BatchOutcome, ClassBudget, Report } from "./classes/BatchOptions.ts"
export type { BatchRunOptions } from "./classes/BatchRunOptions.ts"
export { BatchPipeline } from "./classes/BatchPipeline.ts"
export { Handler, type HandlerOptions } from "./classes/Handler.ts"
export { HandlerError } from "./classes/HandlerError.ts"
export { ItemsRefused } from "./classes/ItemsRefused.ts"
export { type ParallelBatchOptions, ParallelBatchPipeline } from "./classes/ParallelBatchPipeline.ts"
export { Pipeline, type PipelineOptions } from "./classes/Pipeline.ts"
export * as Gate from "./Gate.ts"
export type { EndedBy } from "./Report.ts"
export { IncompleteReport, PipelineChanged } from "./ReportError.ts"
