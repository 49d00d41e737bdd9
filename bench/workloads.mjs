// The work that every contender does for each parameter set: steps of "prepare, request, process" and a shared count.
// Only what runs the steps differs between contenders.
//   w1       three steps with finished requests: nothing but overhead
//   w2       three steps, each awaits a promise that is resolved already
//   w3       one step, which waits for a timer of 1 ms
//   w4, w5   as w2: memory, and the cost of an item from a thousand to a million of them
//   failing  one step, see failing.mjs
// Nothing here loads effect, so that peers are measured without it.

const requests = {
  w1: (i) => i + 1,
  w2: (i) => Promise.resolve(i + 1),
  w3: (i) => new Promise((resolve) => setTimeout(resolve, 1, i + 1))
}

export const kindOf = (workload) => (workload === "w4" || workload === "w5" ? "w2" : workload)

/** `steps` of the context, or as many as the workload has. */
export const stepCountOf = ({ steps, workload }) => steps ?? (workload === "w3" || workload === "failing" ? 1 : 3)

/** The request of each step as a plain function: of the failing workload it takes an `AbortSignal` too. */
export const requestOf = (ctx) => ctx.failing?.promise ?? requests[kindOf(ctx.workload)]

export const prepareInputs = (_shared, params) => params.i

export const processResults = (shared, _inputs, outputs) => {
  shared.count += outputs & 1
  return "next"
}

/** What a user hands to p-map and the like: one async function for a whole item. */
export const mapperOf = (ctx) => {
  const request = requestOf(ctx)
  const { shared } = ctx
  // `async` tells an async function from one with a callback by its kind.
  if (ctx.failing !== undefined) return async (params) => request(params.i)
  const steps = Array.from({ length: stepCountOf(ctx) }, () => ({
    prepare: prepareInputs,
    request,
    process: processResults
  }))
  if (kindOf(ctx.workload) === "w1") {
    return async (params) => {
      for (let k = 0; k < steps.length; k++) {
        const step = steps[k]
        const inputs = step.prepare(shared, params)
        const outputs = step.request(inputs)
        step.process(shared, inputs, outputs)
      }
      ctx.onItem?.()
    }
  }
  return async (params) => {
    for (let k = 0; k < steps.length; k++) {
      const step = steps[k]
      const inputs = step.prepare(shared, params)
      const outputs = await step.request(inputs)
      step.process(shared, inputs, outputs)
    }
    ctx.onItem?.()
  }
}

export const paramsOf = (n) => Array.from({ length: n }, (_, i) => ({ i }))
