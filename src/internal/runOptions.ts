/**
 * What a run is told: the options of a batch as the engine takes them.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Report from "../Report.ts"
import type { Within } from "./attempts.ts"
import type { Budget } from "./budget.ts"
import type { Canary } from "./canary.ts"
import type { Duplicates } from "./duplicates.ts"
import type { Policy } from "./gate/policy.ts"
import type { Graph } from "./graph.ts"
import type { AnyOutcome, KeyOf } from "./outcome.ts"
import type { Run } from "./run.ts"
import type { SharedData } from "./shared.ts"
import type { Source } from "./source.ts"
import type { Tolerance } from "./tolerance.ts"

export interface RunOptions {
  readonly graph: Graph
  readonly source: Source
  readonly shared: SharedData
  /** How many items run at the same time; `Infinity`: all. */
  readonly concurrency: number
  /** How many items may wait without a place before no more are taken. */
  readonly parked?: number | undefined
  /** The gate that every item goes through. */
  readonly gate?: Policy | undefined
  readonly failFast: boolean
  /** How many failures the batch bears, where it does not end at the first. */
  readonly tolerance?: Tolerance | undefined
  /** What the batch may spend, and what its outcomes cost. */
  readonly budget?: Budget | undefined
  /** What becomes of items with the same key, where not each of them runs. */
  readonly duplicates?: Duplicates | undefined
  /** The items that run before the others, and what says whether the others may. */
  readonly canary?: Canary | undefined
  readonly decodeParams: boolean
  readonly maxSteps: number
  /** The limits of the whole batch. */
  readonly timeouts?: ReadonlyArray<Timeout> | undefined
  /** How long what runs may go on once the batch ends without a failure. */
  readonly drain?: Duration.Duration | undefined
  readonly keep: "all" | "failures" | "none"
  readonly keyOf: KeyOf
  /** The index of the first item, where a batch goes on from another. Defaults to 0. */
  readonly firstIndex?: number | undefined
  /** Calls a function in the asynchronous context of an item, for handlers that find their item there. */
  readonly within?: Within | undefined
  /** Whether it is recorded when each step of an item began. */
  readonly timings?: boolean | undefined
  /** Hands out an outcome; where it answers an effect, the worker waits for it before it goes on. */
  readonly publish: ((outcome: AnyOutcome) => Effect.Effect<unknown> | undefined) | undefined
  /**
   * Waits for what was handed out. Where it is set, nothing is handed out twice, and everything is, also where the batch
   * was interrupted.
   */
  readonly delivered?: Effect.Effect<void> | undefined
  /** Runs beside the items, and ends with them. */
  readonly beside?: ((run: Run) => Effect.Effect<never>) | undefined
  /** Told when everything has ended, before the report is answered; must not throw. */
  readonly ended?: ((run: Run) => void) | undefined
}

export interface Timeout {
  readonly duration: Duration.Duration
  readonly reason: Report.EndedBy
}

/** The hot loop reads the options, and whoever makes them makes an object of another hidden class. */
export const inOneShape = (options: RunOptions): RunOptions => ({
  graph: options.graph,
  source: options.source,
  shared: options.shared,
  concurrency: options.concurrency,
  parked: options.parked,
  gate: options.gate,
  failFast: options.failFast,
  tolerance: options.tolerance,
  budget: options.budget,
  duplicates: options.duplicates,
  canary: options.canary,
  decodeParams: options.decodeParams,
  maxSteps: options.maxSteps,
  timeouts: options.timeouts,
  drain: options.drain,
  keep: options.keep,
  keyOf: options.keyOf,
  firstIndex: options.firstIndex,
  within: options.within,
  timings: options.timings,
  publish: options.publish,
  delivered: options.delivered,
  beside: options.beside,
  ended: options.ended
})
