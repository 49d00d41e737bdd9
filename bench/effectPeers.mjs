// What Effect itself offers, as contenders of the shape of peers.mjs.
import { Effect, Stream } from "effect"
import { loop } from "./effectLoop.mjs"
import { effectOf } from "./effects.mjs"
import { kindOf, prepareInputs, processResults, stepCountOf } from "./workloads.mjs"

/** The steps of an item as one effect, in the cheapest way: no generator. */
const effectPerItem = (ctx) => {
  const request = effectOf(ctx, kindOf(ctx.workload) === "w1" ? "succeed" : "effect")
  const { shared } = ctx
  if (ctx.failing !== undefined) return (params) => request(params.i)
  const count = stepCountOf(ctx)
  const from = (k, params) => {
    if (k === count) {
      ctx.onItem?.()
      return Effect.void
    }
    const inputs = prepareInputs(shared, params)
    return Effect.flatMap(request(inputs), (outputs) => {
      processResults(shared, inputs, outputs)
      return from(k + 1, params)
    })
  }
  return (params) => from(0, params)
}

const ofEffect = (drive) => ({
  iterable: true,
  make: async (ctx) => {
    const perItem = effectPerItem(ctx)
    return (items, concurrency) =>
      Effect.runPromise(drive(items, perItem, concurrency === Infinity ? "unbounded" : concurrency))
  }
})

export default {
  "effect-loop": loop("succeed"),
  "effect-loop-sync": loop("sync"),
  "effect-loop-own": loop("succeed", { own: true }),
  "effect-forEach": ofEffect((items, perItem, concurrency) =>
    Effect.forEach(items, perItem, { concurrency, discard: true })
  ),
  "effect-stream": ofEffect((items, perItem, concurrency) =>
    Stream.runDrain(Stream.mapEffect(Stream.fromIterable(items), perItem, { concurrency, unordered: true }))
  )
}
