/**
 * How to test a pipeline: the services are fakes, and time passes when the test says so.
 *
 * `it.effect` runs each test with a test clock that stands still. Retries, timeouts and sleeps of a pipeline wait on that
 * clock, so the recipe is always the same: fork the batch, move the clock, join the batch. No test waits for real.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Data, Duration, Effect, Fiber, Ref, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, HandlerTimeout, Outcome, Pipeline } from "parallel-batch-pipeline/effect"

// What is under test: a pipeline that looks up the price of a product.

class Unavailable extends Data.TaggedError("Unavailable")<{ readonly product: string }> {}

class Shop extends Context.Service<Shop, { readonly price: (product: string) => Effect.Effect<number, Unavailable> }>()(
  "examples/Shop"
) {}

const lookUp = Handler.make("lookUp", {
  params: Schema.Struct({ product: Schema.String }),
  shared: Schema.Struct({ total: Schema.Number }),
  handleRequest: ({ product }) => Effect.flatMap(Shop, (shop) => shop.price(product)),
  timeout: "5 seconds",
  retry: { times: 2, schedule: Schedule.exponential("1 second"), while: (error) => error._tag === "Unavailable" },
  processResults: ({ outputs, shared }) => Handler.next("priced", { total: shared.total + outputs })
})

const pricing = Pipeline.make("pricing", { handlers: { lookUp }, start: "lookUp" })

const basket = (...products: ReadonlyArray<string>) => ({
  params: products.map((product) => ({ product })),
  shared: { total: 0 }
})

describe("pricing", () => {
  // A pipeline asks for its services by type, so a fake is a value of that type: no mocks, no network.
  it.effect("adds up the prices", () =>
    Effect.gen(function* () {
      const report = yield* Batch.run(pricing, basket("tea", "milk"))

      assert.deepStrictEqual(report.shared, { total: 7 })
    }).pipe(Effect.provideService(Shop, { price: (product) => Effect.succeed(product === "tea" ? 4 : 3) }))
  )

  // The first retry comes after one second, the second after two more.
  it.effect("retries with growing waits", () =>
    Effect.gen(function* () {
      const calls = yield* Ref.make(0)
      const price = (product: string) =>
        Effect.flatMap(
          Ref.updateAndGet(calls, (n) => n + 1),
          (n) => (n < 3 ? Effect.fail(new Unavailable({ product })) : Effect.succeed(4))
        )

      const fiber = yield* Effect.forkChild(Effect.provideService(Batch.run(pricing, basket("tea")), Shop, { price }))
      yield* TestClock.adjust("2999 millis")
      assert.strictEqual(yield* Ref.get(calls), 2)
      yield* TestClock.adjust("1 millis")

      const report = yield* Fiber.join(fiber)
      assert.deepStrictEqual(report.shared, { total: 4 })
      assert.deepStrictEqual(
        report.outcomes.filter(Outcome.isSucceeded).map(({ attempts }) => attempts),
        [3]
      )
    })
  )

  // In collect-all mode a failure is an outcome; its cause holds the typed error.
  it.effect("gives up on a shop that does not answer", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Batch.run(pricing, { ...basket("tea"), mode: "collect-all" }))
      yield* TestClock.adjust("5 seconds")

      const { failed, outcomes } = yield* Fiber.join(fiber)
      assert.strictEqual(failed, 1)
      assert.deepStrictEqual(
        outcomes.filter(Outcome.isFailed).map(({ cause }) => Cause.squash(cause)),
        [new HandlerTimeout({ handler: "lookUp", duration: Duration.seconds(5) })]
      )
    }).pipe(Effect.provideService(Shop, { price: () => Effect.never }))
  )

  // Errors are values: `Effect.flip` makes the failure the result, and it is compared with the error that is expected.
  it.effect("fails with the error of the product", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        Effect.flip(Pipeline.run(pricing, { params: { product: "tea" }, shared: { total: 0 } }))
      )
      yield* TestClock.adjust("3 seconds")

      assert.deepStrictEqual(yield* Fiber.join(fiber), new Unavailable({ product: "tea" }))
    }).pipe(Effect.provideService(Shop, { price: (product) => Effect.fail(new Unavailable({ product })) }))
  )

  // In fail-fast mode, the default, the first failure interrupts what still runs. What an item has opened is closed
  // before the error arrives.
  it.effect("interrupts the running items when one fails", () =>
    Effect.gen(function* () {
      const interrupted = yield* Ref.make<ReadonlyArray<string>>([])
      const price = (product: string) =>
        product === "tea"
          ? Effect.fail(new Unavailable({ product }))
          : Effect.onInterrupt(Effect.never, () => Ref.update(interrupted, (products) => [...products, product]))

      const fiber = yield* Effect.forkChild(
        Batch.run(pricing, { ...basket("milk", "tea", "rice"), concurrency: 3 }).pipe(
          Effect.provideService(Shop, { price }),
          Effect.flip
        )
      )
      yield* TestClock.adjust("3 seconds")

      const failure = yield* Fiber.join(fiber)
      assert.deepStrictEqual(failure.error, new Unavailable({ product: "tea" }))
      assert.deepStrictEqual(
        failure.report.outcomes.map(({ _tag }) => _tag),
        ["Interrupted", "Failed", "Interrupted"]
      )
      assert.deepStrictEqual(yield* Ref.get(interrupted), ["milk", "rice"])
    })
  )
})
