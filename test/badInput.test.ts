import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Batch, Breaker, Gate, Handler, InvalidOptions, Pipeline, Report } from "parallel-batch-pipeline/effect"

const request = { handleRequest: () => Effect.fail("no") }
const step = Handler.make("step", request)
const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })

describe("bad input", () => {
  it.each([
    ["a handler without a request", () => Handler.make("x", {} as never), /"handleRequest" of handler "x".*a function/],
    ["a promised one", () => Handler.fromPromise("x", {} as never), /"handleRequest" of handler "x"/],
    [
      "retry.schedule",
      () => Handler.make("x", { ...request, retry: { schedule: "100 millis" as never } }),
      /"retry.schedule" of handler "x".*a Schedule.*"100 millis"/
    ],
    [
      "retry.while",
      () => Handler.make("x", { ...request, retry: { while: "all" as never } }),
      /"retry.while" of handler "x".*a function, got "all"/
    ],
    [
      "an unknown option of a gate",
      () => Gate.make({ rates: 1 } as never),
      /"rates" of a gate.*one of concurrency.* rate,/
    ],
    ["a gate without options", () => Gate.make(undefined as never), /"options" of a gate.*undefined/],
    ["rate: 20", () => Gate.make({ rate: 20 as never }), /"rate" to be an object such as.*20/],
    [
      "a misspelt option of a handler",
      () => Handler.make("x", { ...request, retires: 5 } as never),
      /"retires" of handler "x" to be left out \(did you mean "retry"\?\), got 5/
    ],
    [
      "a misspelt option of a promised one",
      () => Handler.fromPromise("x", { handleRequest: async () => 1, timeuot: 5 } as never),
      /"timeuot" of handler "x".*did you mean "timeout"/
    ],
    [
      "a misspelt option of a retry",
      () => Handler.make("x", { ...request, retry: { while: () => true, time: 3 } as never }),
      /"retry.time" of handler "x".*did you mean "retry.times"/
    ],
    [
      "a misspelt option of a pipeline",
      () => Pipeline.make("x", { handlers: { step }, start: "step", route: {} } as never),
      /"route" of pipeline "x".*did you mean "routes"/
    ],
    [
      "a handler that an import cycle has left undefined",
      () => Pipeline.make("x", { handlers: { step, later: undefined as never }, start: "step" }),
      /"handlers.later" of pipeline "x" to be a handler \(do two modules import each other.*\), got undefined/
    ],
    [
      "a function as a handler",
      () => Pipeline.make("x", { handlers: { step: request.handleRequest as never }, start: "step" } as never),
      /"handlers.step" of pipeline "x" to be a handler, got/
    ],
    [
      "a pipeline without handlers",
      () => Pipeline.make("x", { start: "step" } as never),
      /"handlers" of pipeline "x".*got undefined/
    ],
    [
      "routes that are none",
      () => Pipeline.make("x", { handlers: { step }, start: "step", routes: { step: "next" } } as never),
      /"routes.step" of pipeline "x" to be an object with a handler for each action, got "next"/
    ],
    [
      "routes of undefined",
      () => Pipeline.make("x", { handlers: { step }, start: "step", routes: { step: undefined } } as never),
      /"routes.step" of pipeline "x".*got undefined/
    ],
    ["a pipeline without options", () => Pipeline.make("x", undefined as never), /"options" of pipeline "x"/],
    [
      "the wait of others",
      () => Handler.make("x", { ...request, retry: { times: 2, delay: "1 second" } as never }),
      /"retry.delay" of handler "x".*did you mean "retry.schedule"/
    ],
    [
      "the opposite of an option",
      () => Handler.make("x", { ...request, retry: { times: 2, until: () => true } as never }),
      /"retry.until" of handler "x".*\(its opposite is retry.while\)/
    ],
    [
      "the retryIf of the classes",
      () => Handler.make("x", { ...request, retryIf: () => true } as never),
      /"retryIf" of handler "x".*\(write retry: \{ while \}\)/
    ],
    [
      "the rate of the classes",
      () => Handler.make("x", { ...request, rate: { limit: 1, window: 1 } } as never),
      /"rate" of handler "x".*\(write gate: Gate.make\(\{ rate \}\)\)/
    ],
    [
      "a misspelt option of a breaker",
      () => Breaker.make({ failure: 3, openFor: 1 } as never),
      /"failure" of a breaker.*did you mean "failures"\?\), got 3/
    ],
    ["a breaker", () => Breaker.make({ openFor: 1 }), /either failures or share, got \{"openFor":1\}/]
  ] as const)("%s is refused", (_, make, message) => {
    assert.throws(make, InvalidOptions, message)
  })

  it.each([
    ["no options", [pipeline], /"options" of a batch/],
    ["a handler", [step, { params: [{}] }], /"pipeline" to be a pipeline/],
    ["a misspelt option", [pipeline, { params: [], concurency: 5 }], /"concurency" of a batch.*"concurrency".*got 5/],
    ["the option of a class", [pipeline, { params: [], drainMs: 5 }], /"drainMs" of a batch.*did you mean "drain"/],
    ["a canary that is none", [pipeline, { params: [], canary: 5 }], /"canary" to be an object such as.*got 5/],
    ["a canary of a string", [pipeline, { params: [], canary: { items: "3" } }], /"canary.items".*got "3"/],
    ["a canary without items", [pipeline, { params: [], canary: { size: "3" } }], /"canary" to be.*\{"size":"3"\}/],
    ["a canary that is misspelt", [pipeline, { params: [], canary: { item: 3 } }], /"canary.item".*"canary.items"/],
    ["a canary that is null", [pipeline, { params: [], canary: null }], /"canary" to be an object such as.*got null/],
    ["a budget that is none", [pipeline, { params: [], budget: 5 }], /"budget".*calls, cost and duration, got 5/],
    ["a misspelt budget", [pipeline, { params: [], budget: { call: 5 } }], /"budget.call".*"budget.calls"/],
    ["timings: 1", [pipeline, { params: [], timings: 1 }], /"timings" to be true or false, got 1/],
    [
      "a misspelt bound",
      [pipeline, { params: [], mode: "collect-all", tolerate: { count: 1, precent: 5 } }],
      /"tolerate.precent".*"tolerate.percent"/
    ],
    ["a key that is none", [pipeline, { params: [], key: 5 }], /"key" to be a function, got 5/],
    ["tolerate: 5", [pipeline, { params: [], mode: "collect-all", tolerate: 5 }], /"tolerate".*got 5/],
    [
      "another number of a bound",
      [pipeline, { params: [], mode: "collect-all", tolerate: { counts: 1 } }],
      /"tolerate.counts".*did you mean "tolerate.count"/
    ],
    [
      "an unknown bound",
      [pipeline, { params: [], mode: "collect-all", tolerate: { most: 1 } }],
      /"tolerate".*\{"most":1\}/
    ],
    ["keys", [pipeline, { params: [], keys: () => "k" }], /"keys" of a batch.*did you mean "key"/],
    ["a retry", [pipeline, { params: [], retry: { times: 2 } }], /"retry" of a batch.*\(retry is an option of each ha/],
    ["retries", [pipeline, { params: [], retries: 2 }], /"retries" of a batch.*\(retry is an option of each handler\)/],
    ["a rate", [pipeline, { params: [], rate: {} }], /"rate" of a batch.*\(write gate: Gate.make\(\{ rate \}\)\)/],
    ["a signal", [pipeline, { params: [], signal: 5 }], /"signal" of a batch.*\(interrupt the fiber of the batch;/],
    ["onProgress", [pipeline, { params: [], onProgress: 5 }], /"onProgress" of a batch.*\(Batch.fork has progress/]
  ])("a batch over %s dies with what was expected", async (_, args, message) => {
    const run = Batch.run as unknown as (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown>
    const defect = await Effect.runPromise(Effect.catchDefect(run(...args), Effect.succeed))
    assert.match(String(defect), message)
  })

  it.each([
    ["Batch.fork", Batch.fork, /"options" of a batch to be an object with params, got undefined/],
    ["Pipeline.run", Pipeline.run, /"options" of a run to be an object with params, got undefined/]
  ])("%s without options dies with what was expected", async (_, run, message) => {
    const effect = (run as unknown as (self: Pipeline.Any) => Effect.Effect<unknown>)(pipeline)
    const defect = await Effect.runPromise(Effect.scoped(Effect.catchDefect(effect, Effect.succeed)))
    assert.match(String(defect), message)
  })

  it("names that are not meant as options pass, as do misspelt ones without a value", async () => {
    const config = { model: "m", host: "h", most: 1, bucket: "b", logger: console.log, concurency: undefined }
    const call = Handler.make("call", { ...config, handleRequest: () => Effect.succeed(1) })
    const calls = Pipeline.make("calls", { ...config, handlers: { call }, start: "call" })
    const report = await Effect.runPromise(Batch.run(calls, { ...config, params: [{}] }))
    assert.strictEqual(report.succeeded, 1)
  })

  it.each([
    ["Pipeline.run", () => Pipeline.run(pipeline, { params: {}, maxStep: 5 } as never)],
    ["Batch.redrive", (plan: never) => Batch.redrive(plan, { maxStep: 5 } as never)],
    ["Batch.replay", (_: never, report: never) => Batch.replay(pipeline, report, "", { maxStep: 5 } as never)],
    ["Batch.plan", (_: never, report: never) => Batch.plan(pipeline, report, { allowChange: true } as never)],
    ["Batch.plan, for its key,", (_: never, report: never) => Batch.plan(pipeline, report, { keys: String } as never)]
  ] as const)("%s dies where an option is misspelt", async (_, run) => {
    const program = Effect.gen(function* () {
      const report = yield* Batch.run(pipeline, { params: [{}], mode: "collect-all" })
      const plan = yield* Batch.plan(pipeline, report)
      return yield* run(plan as never, report as never) as Effect.Effect<unknown>
    })
    const defect = await Effect.runPromise(Effect.catchDefect(program, Effect.succeed))
    assert.match(String(defect), /did you mean "(?:maxSteps|allowChanges|key)"/)
  })

  it.each([
    ["undefined", () => undefined],
    ["5", () => 5]
  ])("a key that answers %s is a clear error, and no report throws for it", async (answer, key) => {
    const options = { params: [{}], mode: "collect-all", key: key as never } as const
    const report = await Effect.runPromise(Batch.run(pipeline, options))
    const text = `key of a batch answered ${answer}, expected a string`
    assert.throws(() => report.outcomes[0]!.key, TypeError, text)
    assert.include(Report.format(report), "(item 0 has no key: key of")
    assert.include(JSON.stringify(report.outcomes), `(item 0 has no key: ${text})`)
  })

  it("the failure of a promise says what was thrown", async () => {
    const call = Handler.fromPromise("h", { handleRequest: () => Promise.reject(new Error("connect ECONNREFUSED")) })
    const calls = Pipeline.make("calls", { handlers: { call }, start: "call" })
    const error = await Effect.runPromise(Effect.flip(Pipeline.run(calls, { params: {} })))
    assert.strictEqual(error.message, 'Handler "h" failed: connect ECONNREFUSED')
  })
})

describe("an iterator that was used up", () => {
  function* numbers() {
    yield { n: 1 }
    yield { n: 2 }
  }
  async function* numbersLater() {
    yield* numbers()
  }
  const fails = Handler.make("fails", { handleRequest: (_params: { readonly n: number }) => Effect.fail("no") })
  const failing = Pipeline.make("failing", { handlers: { fails }, start: "fails" })

  it.effect.each([
    ["a generator", numbers],
    ["an async generator", numbersLater]
  ] as const)("is refused, where a batch over %s is run again", ([, generate]) =>
    Effect.gen(function* () {
      for (const mode of ["collect-all", "fail-fast"] as const) {
        const batch = Batch.run(failing, { params: generate(), mode, concurrency: 1 })
        yield* Effect.exit(batch)
        const died = yield* Effect.flip(Effect.catchDefect(batch, Effect.fail))

        assert.instanceOf(died, InvalidOptions)
        assert.match(died.message, /"params" to be an input that no earlier run has used up/)
      }
    })
  )

  it.effect("goes on where an earlier batch has stopped reading, unless that has closed it", () =>
    Effect.gen(function* () {
      const params = [{ n: 1 }, { n: 2 }].values()
      yield* Effect.exit(Batch.run(failing, { params, concurrency: 1 }))
      const rest = yield* Batch.run(failing, { params, mode: "collect-all" })

      assert.deepStrictEqual(
        rest.outcomes.map(({ params }) => params),
        [{ n: 2 }]
      )
    })
  )
})
