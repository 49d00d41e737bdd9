/**
 * The names of the options of batches, and those that are written instead of them.
 */
import type { Names } from "../internal/spelling.ts"
import type { BatchOptions } from "./BatchOptions.ts"

export const names: Names<BatchOptions> = {
  params: true,
  name: true,
  maxSteps: true,
  isolation: true,
  merge: true,
  gate: true,
  rate: true,
  parked: true,
  key: true,
  outcomes: true,
  timings: true,
  timeoutMs: true,
  budget: true,
  cost: true,
  drainMs: true,
  duplicates: true,
  canary: true,
  onProgress: true,
  onOutcome: true
}

const ofHandlers = "it is an option of each handler"

/** As the modules call them, and what stands elsewhere. */
export const aliases = {
  drain: "drainMs",
  keys: "key",
  retry: ofHandlers,
  retries: ofHandlers,
  maxRetries: ofHandlers,
  maxRetry: ofHandlers,
  retryDelayMs: ofHandlers,
  retryIf: ofHandlers,
  settleCost: "call this.settleCost in handleRequest of a handler",
  concurrencyPerKey: "write gate: Gate.make({ concurrencyPerKey, key })",
  signal: "give it to run or runReport, as { signal }",
  redrive: "give it to run or runReport, as { redrive }",
  onInterrupt: "runReport answers the report in every case"
}
