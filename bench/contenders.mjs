// The library as contenders, of the shape of peers.mjs. `ctx` says what is measured, and counts the items; `ctx.bad`
// counts the items for which a class saw the params of another.
import { Effect, Stream } from "effect"
import * as Classes from "parallel-batch-pipeline"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { effectOf } from "./effects.mjs"
import { kindOf, requestOf, stepCountOf } from "./workloads.mjs"

const isFinished = (ctx) => kindOf(ctx.workload) === "w1"

/**
 * Handlers whose requests are `promise` (async functions), or effects: `succeed`, `sync`, `effect`. A gate stands before
 * one of them.
 */
const pipelineOf = (ctx, style, gate) => {
  const count = stepCountOf(ctx)
  const make = style === "promise" ? Handler.fromPromise : Handler.make
  const handleRequest = style === "promise" ? requestOf(ctx) : effectOf(ctx, style)
  const handlers = {}
  const routes = {}
  for (let k = 0; k < count; k++) {
    const last = k === count - 1
    handlers[`step${k}`] = make(`step${k}`, {
      prepareInputs: ({ params }) => params.i,
      handleRequest,
      gate: k === count >> 1 ? gate : undefined,
      processResults: ({ outputs, shared }) => {
        if (last) ctx.onItem?.()
        return Handler.next("next", { count: shared.count + (outputs & 1) })
      }
    })
    if (!last) routes[`step${k}`] = { next: `step${k + 1}` }
  }
  return Pipeline.make("bench", { handlers, start: "step0", routes })
}

const optionsOf = (ctx, params, concurrency) => ({
  params,
  shared: { count: 0 },
  concurrency: concurrency === Infinity ? "unbounded" : concurrency
})

/** What the report of a million items weighs is not what the memory workload measures. */
const keep = (ctx) => ({ outcomes: ctx.workload === "w4" ? "none" : "all" })

const run = (pipeline, ctx, options, params, concurrency) =>
  Batch.run(pipeline, { ...optionsOf(ctx, params, concurrency), ...keep(ctx), ...options })

const stream = (pipeline, ctx, options, params, concurrency) =>
  Stream.runDrain(Batch.stream(pipeline, { ...optionsOf(ctx, params, concurrency), ...options }))

/** A batch whose events are all read. */
const events = (pipeline, ctx, options, params, concurrency) =>
  Effect.scoped(
    Effect.gen(function* () {
      const batch = yield* Batch.fork(pipeline, { ...optionsOf(ctx, params, concurrency), ...keep(ctx), ...options })
      yield* Effect.forkScoped(Stream.runDrain(batch.events), { startImmediately: true })
      return yield* batch.await
    })
  )

/** `style` is one for every workload, or one for finished requests and one for the others. */
const effects = (drive, style, options, makeGate) => ({
  iterable: true,
  make: async (ctx) => {
    const pipeline = pipelineOf(ctx, typeof style === "string" ? style : style[isFinished(ctx) ? 0 : 1], makeGate?.())
    return (params, concurrency) => Effect.runPromise(drive(pipeline, ctx, options, params, concurrency))
  }
})

/**
 * Classes. The methods that ask are `sync`, `async`, or `mixed`: one of three is async. Where the request answers a
 * promise, all are async.
 */
const classes = (methods, options) => ({
  iterable: true,
  make: async (ctx) => {
    const count = stepCountOf(ctx)
    const request = requestOf(ctx)
    const takesSignal = ctx.failing !== undefined
    class Step extends Classes.Handler {
      last = false
      prepareInputs() {
        return this.getParams().i
      }
      processResults(shared, _inputs, outputs) {
        shared.count += outputs & 1
        if (this.last) ctx.onItem?.()
        return "next"
      }
    }
    class SyncStep extends Step {
      handleRequest(i) {
        if (this.getParams().i !== i) ctx.bad++
        return request(i)
      }
    }
    class AsyncStep extends Step {
      async handleRequest(i) {
        const answer = await request(i, takesSignal ? this.getSignal() : undefined)
        if (this.getParams().i !== i) ctx.bad++
        return answer
      }
    }
    const isSync = (k) => isFinished(ctx) && (methods === "sync" || (methods === "mixed" && k % 3 !== 1))
    const steps = Array.from({ length: count }, (_, k) => (isSync(k) ? new SyncStep() : new AsyncStep()))
    for (let k = 1; k < count; k++) steps[k - 1].connectTo(steps[k], "next")
    steps[count - 1].last = true
    const pipeline = new Classes.Pipeline(steps[0])
    return (params, concurrency) =>
      new Classes.ParallelBatchPipeline(pipeline, {
        params: () => params,
        concurrency: concurrency === Infinity ? "unbounded" : concurrency,
        ...keep(ctx),
        ...options
      }).run({ count: 0 })
  }
})

const collect = { mode: "collect-all" }

const keys = Array.from({ length: 10 }, (_, i) => `key ${i}`)

/** A gate at which nobody ever waits, with every limit that there is. */
const makeGate = () =>
  Gate.make({
    concurrency: 100_000,
    concurrencyPerKey: 100_000,
    rate: { limit: Number.MAX_SAFE_INTEGER, window: "1 minute" },
    key: ({ i }) => keys[i % keys.length]
  })

export default {
  "pbp-effect": effects(run, ["succeed", "effect"]),
  "pbp-sync": effects(run, ["sync", "effect"]),
  "pbp-promise": effects(run, ["succeed", "promise"]),
  "pbp-collect": effects(run, ["succeed", "effect"], collect),
  "pbp-promise-collect": effects(run, ["succeed", "promise"], collect),
  "pbp-none": effects(run, ["succeed", "promise"], { outcomes: "none" }),
  "pbp-stream": effects(stream, ["succeed", "promise"], collect),
  "pbp-events": effects(events, ["succeed", "promise"], collect),
  "pbp-gate": effects(run, ["succeed", "promise"], {}, makeGate),
  "pbp-classes": classes("sync"),
  "pbp-classes-mixed": classes("mixed"),
  "pbp-classes-async": classes("async"),
  "pbp-classes-collect": classes("sync", collect)
}
