import { assert, describe, it } from "@effect/vitest"
import {
  BaseHandler,
  BatchPipeline,
  Handler,
  InvalidOptions,
  ParallelBatchPipeline,
  Pipeline
} from "parallel-batch-pipeline"

class Step extends Handler<object, void> {
  protected handleRequest(): void {}
}
const pipeline = new Pipeline(new Step())

describe("bad input of the classes", () => {
  it("a handler cannot be connected to nothing, and needs a request", async () => {
    // @ts-expect-error: who writes JavaScript may forget it
    class Bare extends BaseHandler<object, void> {}
    const bare = new Bare()
    assert.throws(
      () => bare.connectTo(undefined as never),
      TypeError,
      "connectTo of Bare needs a handler, got undefined"
    )
    const thrown = await new Pipeline(bare).run({}).catch(String)
    assert.include(thrown, "Bare needs the method handleRequest")
  })

  it.each([
    ["is async", /prepareInputs of Misbuilt is async/, { prepareInputs: async () => 1 }],
    ["is missing", /Misbuilt needs the method handleRequest/, { handleRequest: undefined }]
  ])("runReport rejects as run does where a method %s", async (_, message, methods) => {
    class Misbuilt extends Step {}
    Object.assign(Misbuilt.prototype, methods)
    const batch = new ParallelBatchPipeline(new Pipeline(new Misbuilt()), { params: () => [{}], mode: "collect-all" })
    const [thrown, reported] = await Promise.all([batch.run({}).catch(String), batch.runReport({}).catch(String)])
    assert.match(String(thrown), message)
    assert.strictEqual(reported, thrown)
  })

  it.each([
    ["a handler", () => new Step({ retries: 3 } as never), /"retries" of Step.*did you mean "maxRetries"\?\), got 3/],
    ["one of attempts", () => new Step({ maxRetry: 3 } as never), /"maxRetry" of Step.*did you mean "maxRetries"/],
    [
      "a batch, on a handler,",
      () => new Step({ concurrency: 5 } as never),
      /"concurrency" of Step.*\(it is an option of ParallelBatchPipeline; for this handler alone write gate: Gate.make\(\{ concurrency \}\)\), got 5/
    ],
    [
      "a batch, on a handler, for what it spends",
      () => new Step({ budget: { calls: 5 } } as never),
      /"budget" of Step.*\(it is an option of the batches\), got/
    ],
    [
      "a batch, on a handler, for progress",
      () => new Step({ onProgress: 5 } as never),
      /\(it is an option of the batches/
    ],
    [
      "a batch, on a handler, for outcomes",
      () => new Step({ onOutcome: 5 } as never),
      /\(it is an option of the batches/
    ],
    ["a batch, on a handler, for failures", () => new Step({ tolerate: 5 } as never), /\(it is an option of Parallel/],
    [
      "a gate, on a handler,",
      () => new Step({ concurrencyPerKey: 5 } as never),
      /"concurrencyPerKey" of Step.*\(write gate: Gate.make\(\{ concurrencyPerKey, key \}\)\), got 5/
    ],
    [
      "a gate, on a handler, for its cost",
      () => new Step({ cost: () => 5 } as never),
      /"cost" of Step.*\(write gate: Gate.make\(\{ rate, cost \}\); what an outcome costs is an option of the batches\)/
    ],
    [
      "a handler of the modules, on one of the classes,",
      () => new Step({ settleCost: () => 5 } as never),
      /"settleCost" of Step.*\(call this.settleCost in handleRequest\)/
    ],
    [
      "a gate, on a batch,",
      () => new ParallelBatchPipeline(pipeline, { concurrencyPerKey: 5 } as never),
      /"concurrencyPerKey" of Parallel.*\(write gate: Gate.make\(\{ concurrencyPerKey, key \}\)\), got 5/
    ],
    [
      "a handler, on a batch, for its costs",
      () => new BatchPipeline(pipeline, { settleCost: () => 5 } as never),
      /"settleCost" of BatchPipeline.*\(call this.settleCost in handleRequest of a handler\)/
    ],
    [
      "a handler, on a batch, as others call it,",
      () => new BatchPipeline(pipeline, { maxRetry: 5 } as never),
      /"maxRetry" of BatchPipeline.*\(it is an option of each handler\), got 5/
    ],
    ["a key", () => new BatchPipeline(pipeline, { keys: () => "k" } as never), /"keys" of Batch.*did you mean "key"/],
    [
      "a handler, on a batch,",
      () => new BatchPipeline(pipeline, { maxRetries: 3 } as never),
      /"maxRetries" of BatchPipeline.*\(it is an option of each handler\), got 3/
    ],
    [
      "a run, on a batch,",
      () => new ParallelBatchPipeline(pipeline, { signal: 5 } as never),
      /"signal" of ParallelBatchPipeline.*\(give it to run or runReport, as \{ signal \}\), got 5/
    ],
    [
      "a module, on a batch,",
      () => new ParallelBatchPipeline(pipeline, { onInterrupt: 5 } as never),
      /"onInterrupt" of Parallel.*\(runReport answers the report in every case\)/
    ],
    [
      "a parallel batch, on another,",
      () => new BatchPipeline(pipeline, { concurrency: 2 } as never),
      /"concurrency" of BatchPipeline.*\(it is an option of ParallelBatchPipeline\), got 2/
    ],
    ["a batch", () => new BatchPipeline(pipeline, { timeout: 5 } as never), /"timeout" of BatchPipeline.*"timeoutMs"/],
    [
      "a parallel one",
      () => new ParallelBatchPipeline(pipeline, { concurency: 5 } as never),
      /"concurency".*"concurrency"/
    ],
    [
      "a parallel one as well",
      () => new ParallelBatchPipeline(pipeline, { maxStep: 5 } as never),
      /"maxStep".*"maxSteps"/
    ]
  ])("a misspelt option of %s is refused", (_, make, message) => {
    assert.throws(make, InvalidOptions, message)
  })

  it.each([
    ["budget: 5", { budget: 5 }, /"budget" to be an object with at least one of calls, cost and durationMs, got 5/],
    ["budget: { duration: 5 }", { budget: { duration: 5 } }, /"budget.duration".*"budget.durationMs".*got 5/],
    ["budget: { call: 5 }", { budget: { call: 5 } }, /"budget.call".*did you mean "budget.calls".*got 5/],
    ["budget: { tokens: 5 }", { budget: { tokens: 5 } }, /"budget".*durationMs, got \{"tokens":5\}/],
    ["canary: 5", { canary: 5 }, /"canary" to be an object such as \{ items: 5 \}, got 5/],
    ['timings: "yes"', { timings: "yes" }, /"timings" to be true or false, got "yes"/]
  ])("%s is refused, with what was written", (_, options, message) => {
    assert.throws(() => new BatchPipeline(pipeline, options as never), InvalidOptions, message)
  })

  const signal = new AbortController().signal
  it.each([
    ["a misspelt name", { signl: signal }, /"signl" of a run of Batch.* to be left out \(did you mean "signal"\?\)/],
    ["the name that others use", { abortSignal: signal }, /"abortSignal".*did you mean "signal"/],
    ["the signal itself", signal, /"options" of a run of Batch.* to be an object with the signal, \{ signal \}, got/],
    ["a controller", { signal: new AbortController() }, /"signal".* an AbortSignal \(controller.signal, not/],
    ["no signal", { signal: 5 }, /"signal" of a run of Batch.* to be an AbortSignal, got 5/],
    ["no object", null, /"options".* an object with the signal, \{ signal \}, got null/]
  ])("run and runReport reject with %s in the place of { signal }", async (_, options, message) => {
    const batch = new BatchPipeline(pipeline, { params: () => [] })
    const thrown = await batch.run({}, options as never).catch((error: unknown) => error)
    assert.instanceOf(thrown, InvalidOptions)
    assert.match(String(thrown), message)
    const reported = await batch.runReport({}, options as never).catch((error: unknown) => error)
    assert.strictEqual(String(reported), String(thrown))
  })

  it.each([undefined, {}, { signal: undefined }, new AbortController()])("a run takes %s", async (options) => {
    assert.strictEqual(await new Step().run({}, options), "default")
  })

  it("other names pass", () => {
    const step = new Step({ model: "m", host: "h" } as never)
    const options = { model: "m", host: "h", concurrency: 2, mode: "collect-all" } as never
    assert.strictEqual(String(new ParallelBatchPipeline(new Pipeline(step), options)), "ParallelBatchPipeline")
  })
})
