/**
 * From the options of a batch to those of its run. Every option is checked before
 * the input is opened.
 */
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import * as Stream from "effect/Stream"
import { InvalidOptions } from "../BatchError.ts"
import type * as Batch from "../BatchOptions.ts"
import type * as Pipeline from "../Pipeline.ts"
import { toBudget } from "./budget.ts"
import { toCanary } from "./canary.ts"
import { toDuplicates } from "./duplicates.ts"
import { policyOf } from "./gate/policy.ts"
import { graphOf } from "./graph.ts"
import { stableKey } from "./key.ts"
import type { Mergers } from "./merge.ts"
import * as Check from "./options.ts"
import { checkedKey, type KeyOf } from "./outcome.ts"
import type { RunOptions } from "./runOptions.ts"
import { Atomic, refOf, Snapshots } from "./shared.ts"
import * as Source from "./source.ts"
import type { Names } from "./spelling.ts"
import { fromStream } from "./streamSource.ts"
import { toTimeouts } from "./timeouts.ts"
import { toTolerance } from "./tolerance.ts"

// What the overloads have checked. `any`: the options are those of some pipeline.
export type AnyOptions = Batch.Options<any, any, any, Batch.Mode, unknown, unknown, unknown, unknown> &
  Batch.DecodeOption<boolean> &
  Batch.TolerateOption<Batch.Tolerance | undefined> &
  Batch.DuplicatesOption<Batch.Duplicates>

const names: Names<AnyOptions> = {
  params: true,
  shared: true,
  concurrency: true,
  parked: true,
  gate: true,
  mode: true,
  tolerate: true,
  decodeParams: true,
  maxSteps: true,
  timeout: true,
  budget: true,
  cost: true,
  drain: true,
  canary: true,
  duplicates: true,
  isolation: true,
  merge: true,
  key: true,
  timings: true,
  outcomes: true,
  onInterrupt: true
}

const ofHandlers = "retry is an option of each handler"

/** As the classes call them, and what stands elsewhere. */
const aliases = {
  timeoutMs: "timeout",
  drainMs: "drain",
  keys: "key",
  retry: ofHandlers,
  retries: ofHandlers,
  maxRetries: ofHandlers,
  rate: "write gate: Gate.make({ rate })",
  signal: "interrupt the fiber of the batch; Effect.runPromise takes a signal",
  onProgress: "Batch.fork has progress and events"
}

/** Whether the pipeline is among the arguments, also where the options are missing, which is an error of its own. */
export const isDataFirst = (args: IArguments): boolean => args.length > 1 || hasProperty(args[0], "definition")

export const toRunOptions = (
  self: Pipeline.Any,
  options: AnyOptions,
  more: Pick<RunOptions, "publish" | "beside">
): RunOptions => {
  if (!hasProperty(self?.definition, "handlers")) {
    throw new InvalidOptions({ option: "pipeline", value: self, expected: "a pipeline, made by Pipeline.make" })
  }
  Check.object("options", options, "an object with params", "a batch")
  Check.spelling("a batch", options, names, aliases)
  const isolation = Check.oneOf("isolation", options.isolation ?? "none", ["none", "snapshot"])
  const ref = refOf(options.shared)
  const concurrency = Check.concurrency(options.concurrency ?? 16)
  return {
    graph: graphOf(self.definition),
    concurrency,
    parked: options.parked === undefined ? undefined : Check.positiveInteger("parked", options.parked),
    gate: policyOf("gate", options.gate),
    failFast: Check.oneOf("mode", options.mode ?? "fail-fast", ["fail-fast", "collect-all"]) === "fail-fast",
    tolerance: toTolerance(options.tolerate, options.mode ?? "fail-fast"),
    budget: toBudget(options.budget, options.cost, "duration"),
    duplicates: toDuplicates(options.duplicates),
    canary: toCanary(options.canary, waitFor),
    decodeParams: Check.flag("decodeParams", options.decodeParams, true),
    maxSteps: Check.positiveInteger("maxSteps", options.maxSteps ?? 1_000_000),
    timeouts: toTimeouts(["timeout", options.timeout], ["budget.duration", options.budget?.duration]),
    drain: options.drain === undefined ? undefined : Check.duration("drain", options.drain),
    keep: Check.oneOf("outcomes", options.outcomes ?? "all", ["all", "failures", "none"]),
    keyOf: keyOf(options.key),
    timings: Check.flag("timings", options.timings, false),
    shared: isolation === "none" ? new Atomic(ref) : new Snapshots(ref, options.merge as Mergers | undefined),
    ...more,
    // Last, so that a bad option is found before the input is opened.
    source: sourceOf(options.params)
  }
}

const waitFor = (answer: boolean | Effect.Effect<boolean, never, unknown>): Effect.Effect<boolean, never, unknown> =>
  Effect.isEffect(answer) ? answer : Effect.succeed(answer)

const keyOf = (key: AnyOptions["key"]): KeyOf => {
  Check.optionalFunction("key", key)
  return key === undefined || key === stableKey ? stableKey : checkedKey(key)
}

const sourceOf = (params: Batch.Input<unknown, unknown, unknown>): Source.Source => {
  if (Stream.isStream(params)) return fromStream(params)
  if (Source.isIterable(params)) return Source.make(params)
  throw new InvalidOptions({ option: "params", value: params, expected: "an Iterable, an AsyncIterable or a Stream" })
}
