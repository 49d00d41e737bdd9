import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Aimd, type Verdict } from "../../../src/internal/gate/aimd.ts"

/** Rounds of as many requests as the limit allows, each of which takes `latency`. */
const play = (aimd: Aimd, rounds: number, verdict: Verdict, latency = 10, start = 0): number => {
  let now = start
  for (let round = 0; round < rounds; round++) {
    const running = aimd.limit
    const began = now
    now += latency
    for (let i = 0; i < running; i++) aimd.observe(verdict, began, now, running)
  }
  return now
}

describe("Aimd", () => {
  it("doubles until the first set-back, then grows by one a round", () => {
    const aimd = new Aimd({ min: 1, max: 1000 })
    const now = play(aimd, 5, "success")
    assert.strictEqual(aimd.limit, 32)

    aimd.observe("timeout", now, now, 32)
    assert.strictEqual(aimd.limit, 16)
    play(aimd, 3, "success", 10, now + 1)

    assert.isAtLeast(aimd.limit, 18)
    assert.isAtMost(aimd.limit, 19)
  })

  it("halves once for all requests that ran at the same time", () => {
    const aimd = new Aimd({ min: 1, max: 64 })
    play(aimd, 6, "success")

    for (let i = 0; i < 64; i++) aimd.observe("limited", 60, 100 + i, 64 - i)

    assert.strictEqual(aimd.limit, 32)
  })

  it("does not grow while fewer run than it allows, or after failures", () => {
    const aimd = new Aimd({ min: 8, max: 64 })

    for (let i = 0; i < 100; i++) aimd.observe("success", i, i + 1, 2)
    for (let i = 0; i < 100; i++) aimd.observe("failure", i, i + 1, 8)

    assert.strictEqual(aimd.limit, 8)
  })

  it("does not grow while requests take more than twice as long as the fastest", () => {
    const aimd = new Aimd({ min: 4, max: 1000 })
    const now = play(aimd, 2, "success", 20)
    const before = aimd.limit

    play(aimd, 20, "success", 200, now)

    assert.isAtMost(aimd.limit, before + 2)
  })

  it("takes a latency that stays for the new normal", () => {
    const aimd = new Aimd({ min: 4, max: 1000 })
    const now = play(aimd, 2, "success", 20)
    const before = aimd.limit

    play(aimd, 200, "success", 200, now)

    assert.isAbove(aimd.limit, before + 20)
  })

  it.prop(
    "stays within its bounds",
    {
      verdicts: Schema.Array(Schema.Literals(["success", "failure", "limited", "timeout", "unknown"])),
      min: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
      more: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 }))
    },
    ({ min, more, verdicts }) => {
      const aimd = new Aimd({ min, max: min + more })

      verdicts.forEach((verdict, i) => {
        aimd.observe(verdict, i, i + 1, aimd.limit)
        assert.isAtLeast(aimd.limit, min)
        assert.isAtMost(aimd.limit, min + more)
      })
    }
  )
})
