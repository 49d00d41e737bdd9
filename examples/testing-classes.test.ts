/**
 * How to test classes: with the fake timers of vitest, so that no test waits for real.
 *
 * The recipe is always the same: start the batch, let time pass, await the batch. Where a test gives `toFake`, it has to
 * contain `performance`, which gates read.
 */
import { Cause, Duration } from "effect"
import {
  Gate,
  Handler,
  type HandlerOptions,
  HandlerTimeout,
  ParallelBatchPipeline,
  Pipeline
} from "parallel-batch-pipeline"
import { afterEach, beforeEach, expect, it, vi } from "vitest"

type Shop = (product: string, signal: AbortSignal) => Promise<number>
type Basket = { total: number }

/** What is under test: looks up the price of a product, and adds it up. */
class LookUp extends Handler<{ product: string }, number, Basket> {
  readonly #shop: Shop

  constructor(shop: Shop, options: HandlerOptions = {}) {
    super({ maxRetries: 3, retryDelayMs: 1000, timeoutMs: 5000, ...options })
    this.#shop = shop
  }

  protected override handleRequest({ product }: { product: string }): Promise<number> {
    return this.#shop(product, this.getSignal())
  }

  protected override processResults(basket: Basket, _inputs: { product: string }, price: number): string {
    basket.total += price
    return "priced"
  }
}

const pricing = (lookUp: LookUp, products: ReadonlyArray<string>) =>
  new ParallelBatchPipeline<Basket>(new Pipeline(lookUp), {
    params: () => products.map((product) => ({ product })),
    mode: "collect-all",
    concurrency: 100
  })

let gate: Gate.Gate<unknown>
beforeEach(() => {
  vi.useFakeTimers()
  // Made for each test: a gate of the module would still be full, or closed, by the test before.
  gate = Gate.make({ rate: { limit: 10, window: "1 second" }, jitter: 0 })
})
afterEach(() => void vi.useRealTimers())

it("tries again after a second", async () => {
  const shop = vi.fn<Shop>().mockRejectedValueOnce(new Error("busy")).mockResolvedValue(4)
  const basket = { total: 0 }
  const running = pricing(new LookUp(shop), ["tea"]).run(basket)

  await vi.advanceTimersByTimeAsync(999)
  expect(shop).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(1)

  await running
  expect(basket.total).toBe(4)
})

it("gives up on a shop that does not answer", async () => {
  const shop: Shop = () => new Promise(() => {})
  const running = pricing(new LookUp(shop, { maxRetries: 1 }), ["tea"]).runReport({ total: 0 })

  await vi.advanceTimersByTimeAsync(5000)

  const [outcome] = (await running).outcomes
  expect(outcome?._tag === "Failed" && Cause.squash(outcome.cause)).toEqual(
    new HandlerTimeout({ handler: "LookUp", duration: Duration.seconds(5) })
  )
})

it("keeps the rate of the shop", async () => {
  const shop = vi.fn<Shop>().mockResolvedValue(1)
  const products = Array.from({ length: 25 }, (_, n) => `product ${n}`)
  const running = pricing(new LookUp(shop, { gate }), products).runReport({ total: 0 })

  await vi.advanceTimersByTimeAsync(999)
  expect(shop).toHaveBeenCalledTimes(10)
  await vi.advanceTimersByTimeAsync(1)
  expect(shop).toHaveBeenCalledTimes(20)

  await vi.runAllTimersAsync()
  expect((await running).succeeded).toBe(25)
})

it("comes back when the shop says so", async () => {
  const busy = new Response(null, { status: 429, headers: { "Retry-After": "60" } })
  const shop = vi.fn<Shop>().mockRejectedValueOnce(busy).mockResolvedValue(4)
  const running = pricing(new LookUp(shop, { gate }), ["tea"]).runReport({ total: 0 })

  await vi.advanceTimersByTimeAsync(59_999)
  expect(shop).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(1)

  expect((await running).attempts).toBe(2)
})

it("aborts the requests of a batch that is cancelled", async () => {
  const aborted: Array<string> = []
  const shop: Shop = (product, signal) =>
    new Promise(() => signal.addEventListener("abort", () => void aborted.push(product)))
  const controller = new AbortController()
  const running = pricing(new LookUp(shop), ["tea", "milk"]).runReport({ total: 0 }, { signal: controller.signal })

  await vi.advanceTimersByTimeAsync(100)
  controller.abort()

  expect((await running).interrupted).toBe(2)
  expect(aborted).toEqual(["tea", "milk"])
})

it("adds up the prices of 2,000 products", async () => {
  const basket = { total: 0 }
  const products = Array.from({ length: 2000 }, (_, n) => `product ${n}`)
  const running = pricing(new LookUp(() => Promise.resolve(2)), products).run(basket)

  await vi.runAllTimersAsync()

  await running
  expect(basket.total).toBe(4000)
})
