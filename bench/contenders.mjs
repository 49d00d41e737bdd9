// The library as contenders for the peer benchmark: a module of the shape that its PBP_CONTENDERS takes.
// A contender runs the three steps (one in w3) of a workload for each item; `ctx` says which, and counts the items.
import { Effect } from "effect"
import * as Classes from "parallel-batch-pipeline"
import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"

const requests = {
  w1: (i) => i + 1,
  w2: (i) => Promise.resolve(i + 1),
  w3: (i) => new Promise((resolve) => setTimeout(resolve, 1, i + 1))
}

const kindOf = (workload) => (workload === "w4" || workload === "w5" ? "w2" : workload)

/** How a step calls the plain function of a workload. */
const styles = {
  succeed: (request) => ({ handleRequest: (i) => Effect.succeed(request(i)) }),
  sync: (request) => ({ handleRequest: (i) => Effect.sync(() => request(i)) }),
  effect: (request) => ({ handleRequest: (i) => Effect.promise(() => request(i)) }),
  promise: (request) => ({ handleRequest: request })
}

const pipelineOf = (ctx, style) => {
  const kind = kindOf(ctx.workload)
  const count = kind === "w3" ? 1 : 3
  const request = requests[kind]
  const make = style === "promise" ? Handler.fromPromise : Handler.make
  const handlers = {}
  const routes = {}
  for (let k = 0; k < count; k++) {
    const last = k === count - 1
    handlers[`step${k}`] = make(`step${k}`, {
      prepareInputs: ({ params }) => params.i,
      ...styles[style](request),
      processResults: ({ outputs, shared }) => {
        if (last) ctx.onItem?.()
        return Handler.next("next", { count: shared.count + (outputs & 1) })
      }
    })
    if (!last) routes[`step${k}`] = { next: `step${k + 1}` }
  }
  return Pipeline.make("bench", { handlers, start: "step0", routes })
}

const contender = (style, options) => ({
  iterable: true,
  make: async (ctx) => {
    const pick = typeof style === "string" ? style : style[kindOf(ctx.workload) === "w1" ? 0 : 1]
    const pipeline = pipelineOf(ctx, pick)
    return (params, concurrency) =>
      Effect.runPromise(
        Batch.run(pipeline, {
          params,
          shared: { count: 0 },
          concurrency: concurrency === Infinity ? "unbounded" : concurrency,
          // 1,000,000 outcomes are not what the memory workload measures.
          outcomes: ctx.workload === "w4" ? "none" : "all",
          ...options
        })
      )
  }
})

/** The same steps as classes, whose requests are sync in w1 and async elsewhere. */
const classes = () => ({
  iterable: true,
  make: async (ctx) => {
    const kind = kindOf(ctx.workload)
    const count = kind === "w3" ? 1 : 3
    const request = requests[kind]
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
        const answer = await request(i)
        if (this.getParams().i !== i) ctx.bad++
        return answer
      }
    }
    const steps = Array.from({ length: count }, () => (kind === "w1" ? new SyncStep() : new AsyncStep()))
    for (let k = 1; k < count; k++) steps[k - 1].connectTo(steps[k], "next")
    steps[count - 1].last = true
    const pipeline = new Classes.Pipeline(steps[0])
    return (params, concurrency) =>
      new Classes.ParallelBatchPipeline(pipeline, {
        params: () => params,
        concurrency: concurrency === Infinity ? "unbounded" : concurrency,
        outcomes: ctx.workload === "w4" ? "none" : "all"
      }).run({ count: 0 })
  }
})

export default {
  "pbp-classes": classes(),
  "pbp-effect": contender(["succeed", "effect"]),
  "pbp-collect": contender(["succeed", "effect"], { mode: "collect-all" }),
  "pbp-none": contender(["succeed", "effect"], { outcomes: "none" }),
  "pbp-sync": contender(["sync", "effect"]),
  "pbp-promise": contender(["succeed", "promise"], { mode: "collect-all" })
}
