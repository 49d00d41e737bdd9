import { assert, describe, it } from "@effect/vitest"
import { Gate, InvalidOptions } from "parallel-batch-pipeline/effect"

interface Call {
  readonly key: string
  readonly cost?: number
}

const keyed = { key: ({ key }: Call) => key }
const costed = { cost: ({ cost = 1 }: Call) => cost }

describe("Gate", () => {
  describe("make with options that make no sense", () => {
    const cases: ReadonlyArray<[options: Gate.Options<Call>, message: RegExp]> = [
      [{ concurrency: 0 }, /"concurrency" to be a positive integer or "unbounded", got 0/],
      [{ concurrency: { min: 3, max: 2, adapt: "aimd" } }, /concurrency.min.*at most concurrency.max \(2\), got 3/],
      [{ concurrency: { min: 1, max: 2, adapt: "x" as "aimd" } }, /concurrency.adapt/],
      [{ concurrencyPerKey: 1.5, ...keyed }, /concurrencyPerKey.*positive integer, got 1.5/],
      [{ concurrencyPerKey: 2 }, /concurrencyPerKey.*left out where there is no key/],
      [{ rate: { limit: 0, window: 10 } }, /rate.limit.*greater than 0, got 0/],
      [{ rate: { limit: 0.5, window: 10 } }, /rate.limit.*at least 1 where there is no cost/],
      [{ rate: { limit: 1, window: 0 } }, /rate.window.*longer than zero/],
      [{ rate: { limit: 1, window: "Infinity" } }, /rate.window.*a duration that ends/],
      [costed, /cost.*left out where there is no rate/],
      [{ order: "random" as "fair" }, /order.*"fifo" or "fair"/],
      [{ maxClose: 0 }, /maxClose.*longer than zero/],
      [{ jitter: 2 }, /jitter.*from 0 to 1, got 2/],
      [{ key: "host" as never }, /key.*function/],
      [{ closeOn: 1 as never }, /closeOn.*function/]
    ]

    it.each(cases)("refuses %o", (options, message) => {
      assert.throws(() => Gate.make(options), InvalidOptions, message)
    })
  })
})
