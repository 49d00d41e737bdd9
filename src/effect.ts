/**
 * The Effect modules: the core of the library.
 *
 * @since 0.1.0
 */
export * as Batch from "./Batch.ts"
export * from "./BatchError.ts"
export * as Breaker from "./Breaker.ts"
export * as Gate from "./Gate.ts"
export * as Handler from "./Handler.ts"
export * as Outcome from "./Outcome.ts"
export * as Pipeline from "./Pipeline.ts"
export * as Plan from "./Plan.ts"
export * as Report from "./Report.ts"
export * from "./ReportError.ts"
