/**
 * Keeps the engine compiled from one batch to the next.
 *
 * When a garbage collection finds no object of a hidden class, V8 forgets the
 * class, and with it all code that was optimised for it. Between two batches no
 * object of the engine is left, so the next one would begin in the interpreter
 * again. The parts of a batch that never runs stand for all of them: 100,000
 * cheap items after a collection cost 1.6 times as much without.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { type Options, Policy } from "./gate/policy.ts"
import { Run } from "./run.ts"
import { Atomic, type SharedData, Snapshots } from "./shared.ts"
import * as Source from "./source.ts"
import { Worker } from "./worker.ts"

const partsOf = (shared: SharedData) => {
  const run = new Run(
    {
      // Nothing is ever started.
      graph: { name: "", start: undefined as never, decoders: [], gated: false, stamp: () => undefined as never },
      source: Source.make([undefined]),
      shared,
      // No small integer: the first unbounded batch would give the options another class.
      concurrency: Number.POSITIVE_INFINITY,
      parked: Number.POSITIVE_INFINITY,
      failFast: false,
      decodeParams: false,
      maxSteps: 1,
      keep: "all",
      keyOf: () => "",
      publish: undefined
    },
    Context.empty() as Context.Context<unknown>
  )
  // Without duplicates, every item is admitted.
  const item = run.admit(undefined, 0)!
  item.trail = item.trail.enter("")
  // The scope and the context of an item whose request is an effect.
  item.contextIn(run.context)
  run.settle(item, "succeeded", 0)
  return [new Worker(run), item, Effect.runFork(Effect.void)]
}

/** What is allocated for each start behind a gate. */
const permitOf = (options: Options) => {
  const gate = new Policy(options)
  const keeper = gate.keeperIn(Context.empty())
  const permit = keeper.enter(gate.laneOf(keeper, undefined), 1)
  keeper.leave(permit, "success")
  return permit
}

/** Exported, so that no bundler leaves it out. */
export const kept: ReadonlyArray<unknown> = [
  partsOf(new Atomic({ current: undefined })),
  partsOf(new Snapshots({ current: undefined }, undefined)),
  permitOf({ concurrency: 1 }),
  permitOf({ rate: { limit: 1, window: 1 }, key: () => "" })
]
