import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { InvalidOptions, RateLimited } from "parallel-batch-pipeline/effect"

describe("RateLimited", () => {
  it.each([
    [Duration.seconds(3), "3s"],
    [3, "3s"],
    [1.5, "1s 500ms"],
    ["3", "3s"],
    [new Date(0), "0"],
    ["Thu, 01 Jan 1970 00:00:00 GMT", "0"]
  ])("says when to come back, told as %j", (retryAfter, text) => {
    const error = new RateLimited({ retryAfter })

    assert.isTrue(Duration.isDuration(error.retryAfter))
    assert.strictEqual(error.message, `Rate limited, retry after ${text}`)
  })

  it.effect("takes a date by the clock of the effect that fails with it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1000)
      const error = yield* Effect.flip(Effect.suspend(() => new RateLimited({ retryAfter: new Date(61_000) })))

      assert.strictEqual(error.message, "Rate limited, retry after 1m")
    })
  )

  it("knows nothing where a header is missing, and has its cause", () => {
    const cause = new Response(null, { status: 429 })
    const error = new RateLimited({ retryAfter: cause.headers.get("Retry-After"), cause })

    assert.deepStrictEqual([error.message, error.retryAfter, error.cause], ["Rate limited", undefined, cause])
    assert.strictEqual(new RateLimited().message, "Rate limited")
  })

  it.each(["3 seconds", "", -1, Number.NaN, new Date("x"), {}])("refuses %j", (retryAfter) => {
    assert.throws(
      () => new RateLimited({ retryAfter: retryAfter as never }),
      InvalidOptions,
      /"retryAfter" of RateLimited to be a Duration, a Date, seconds, or the text of the header Retry-After, got/
    )
  })
})
