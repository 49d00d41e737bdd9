import { Context, Duration, Effect, Layer, Schema } from "effect"
import { Batch, Gate, Handler, Pipeline, type RateLimited } from "parallel-batch-pipeline/effect"
import { describe, expectTypeOf, it } from "vitest"

interface Call {
  readonly tenant: string
}

declare const perTenant: Gate.Gate<Call>
declare const perHost: Gate.Gate<{ readonly host: string }>
declare const plain: Gate.Gate

class ApiGate extends Context.Service<ApiGate, Gate.Gate<Call>>()("ApiGate") {}

describe("Gate.make", () => {
  it("takes its params from what key and cost are asked about", () => {
    expectTypeOf(Gate.make({ concurrency: 2 })).toEqualTypeOf<Gate.Gate>()
    expectTypeOf(Gate.make({ key: ({ tenant }: Call) => tenant })).toEqualTypeOf<Gate.Gate<Call>>()
  })

  it("rejects what makes no sense", () => {
    // @ts-expect-error a window needs a limit
    Gate.make({ rate: { window: "1 second" } })
    // @ts-expect-error a key is a string
    Gate.make({ key: (_call: Call) => 1 })
    // @ts-expect-error there is no such option
    Gate.make({ concurrencyperkey: 1 })
    // @ts-expect-error how it adapts has to be said
    Gate.make({ concurrency: { min: 1, max: 2 } })
  })
})

describe("Gate.withPermit", () => {
  const effect: Effect.Effect<number, "down", ApiGate> = Effect.never

  it("changes nothing about the effect", () => {
    expectTypeOf(Gate.withPermit(effect, perTenant, { tenant: "a" })).toEqualTypeOf<typeof effect>()
    expectTypeOf(effect.pipe(Gate.withPermit(perTenant, { tenant: "a" }))).toEqualTypeOf<typeof effect>()
    expectTypeOf(Gate.withPermit(effect, plain)).toEqualTypeOf<typeof effect>()
  })

  it("asks for the params of the gate", () => {
    // @ts-expect-error which tenant?
    Gate.withPermit(effect, perTenant)
    // @ts-expect-error no host has been given
    effect.pipe(Gate.withPermit(perHost, { tenant: "a" }))
  })
})

describe("Gate.layer", () => {
  it("provides the gate", () => {
    const layer = Gate.layer(ApiGate, { key: ({ tenant }: Call) => tenant })
    expectTypeOf(layer).toEqualTypeOf<Layer.Layer<ApiGate>>()
  })
})

describe("the option gate", () => {
  const limited: Effect.Effect<string, RateLimited> = Effect.never

  it("of a handler leaves its types as they are", () => {
    const without = Handler.make("call", { handleRequest: (_call: Call) => limited })
    const behind = Handler.make("call", { handleRequest: (_call: Call) => limited, gate: perTenant })
    expectTypeOf(behind).toEqualTypeOf<typeof without>()

    const signal = Handler.fromPromise("call", {
      handleRequest: async ({ tenant }: Call, signal) => [tenant, signal] as const,
      gate: perTenant
    })
    expectTypeOf<Handler.Output<typeof signal>>().toEqualTypeOf<readonly [string, AbortSignal]>()
  })

  it("of a handler takes what the schema decodes", () => {
    const params = Schema.Struct({ tenant: Schema.String, n: Schema.Number })
    Handler.make("call", { params, handleRequest: ({ n }) => Effect.succeed(n), gate: perTenant })
    Handler.make("call", {
      params,
      prepareInputs: ({ params }) => params.n,
      handleRequest: (n) => Effect.succeed(n),
      gate: plain
    })
    // @ts-expect-error there is no host
    Handler.make("call", { params, handleRequest: (inputs) => Effect.succeed(inputs), gate: perHost })
  })

  it("is settled by what the request answers", () => {
    const handleRequest = async ({ tenant }: Call) => ({ tenant, tokens: 5 })
    const without = Handler.fromPromise("call", { handleRequest, gate: perTenant })
    const settled = Handler.fromPromise("call", {
      handleRequest: async ({ tenant }: Call) => ({ tenant, tokens: 5 }),
      gate: perTenant,
      settleCost: ({ tokens }) => tokens
    })
    expectTypeOf(settled).toEqualTypeOf<typeof without>()
    // @ts-expect-error a cost is a number
    Handler.fromPromise("call", { handleRequest, settleCost: ({ tenant }) => tenant })
  })

  it("of a batch takes its params as they are given", () => {
    const call = Handler.make("call", { handleRequest: (_call: Call) => Effect.void })
    const calls = Pipeline.make("calls", { handlers: { call }, start: "call" })
    Batch.run(calls, { params: [{ tenant: "a" }], gate: perTenant })
    calls.pipe(Batch.run({ params: [{ tenant: "a" }], gate: plain }))
    // @ts-expect-error there is no host
    Batch.run(calls, { params: [{ tenant: "a" }], gate: perHost })
  })
})

describe("Gate.close", () => {
  it("takes any duration", () => {
    expectTypeOf(Gate.close(perTenant, "a", "1 second")).toEqualTypeOf<Effect.Effect<void>>()
    expectTypeOf(perTenant.pipe(Gate.close("a", Duration.seconds(1)))).toEqualTypeOf<Effect.Effect<void>>()
  })
})
