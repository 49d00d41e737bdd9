import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Starts } from "../../../src/internal/gate/starts.ts"

const Int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Step = Schema.Struct({ wait: Int(0, 30), cost: Int(0, 5), settle: Schema.optionalKey(Int(0, 9)) })
const Steps = Schema.Array(Step).check(Schema.isMaxLength(80))

const window = 100

describe("Starts", () => {
  it.prop("sums up what started within the window, as a plain list does", { steps: Steps }, ({ steps }) => {
    const starts = new Starts(window)
    const list: Array<{ at: number; cost: number }> = []
    let now = 0

    for (const { cost, settle, wait } of steps) {
      now += wait
      starts.expire(now)
      const entry = starts.add(now, cost)
      const start = { at: now, cost }
      list.push(start)
      if (settle !== undefined) {
        starts.change(entry, settle - cost)
        start.cost = settle
      }

      const within = list.filter(({ at }) => at + window > now)
      assert.strictEqual(
        starts.used,
        within.reduce((sum, { cost }) => sum + cost, 0)
      )
      assert.strictEqual(starts.entries, new Set(within.map(({ at }) => at)).size)
    }
  })

  it.prop("says when there is room, to the millisecond", { steps: Steps, cost: Int(1, 10) }, ({ cost, steps }) => {
    const limit = 10
    const starts = new Starts(window)
    let now = 0
    for (const step of steps) {
      now += step.wait
      starts.expire(now)
      starts.add(now, step.cost)
    }

    const at = starts.roomAt(now, cost, limit)

    const usedAt = (time: number) => {
      starts.expire(time)
      return starts.used
    }
    assert.isTrue(at === now || usedAt(at - 1) + cost > limit)
    assert.isAtMost(usedAt(at) + cost, limit)
  })

  it("changes nothing for a start that has left the window", () => {
    const starts = new Starts(window)
    const entry = starts.add(0, 5)
    starts.expire(100)
    starts.add(100, 1)

    starts.change(entry, 3)

    assert.strictEqual(starts.used, 1)
  })

  it("stays small where nobody asks what has left the window", () => {
    const starts = new Starts(10)
    for (let now = 0; now < 10_000; now++) starts.add(now, 1)

    assert.isAtMost(starts.entries, 16)
    starts.expire(9999)
    assert.strictEqual(starts.used, 10)
  })

  it("stays small at any limit, and delays by less than a thousandth of the window", () => {
    const starts = new Starts(1000)
    let most = 0
    for (let now = 0; now < 5000; now += 0.05) {
      starts.expire(now)
      starts.add(now, 1)
      most = Math.max(most, starts.entries)
      // 20 a millisecond; what is counted for too long is a millisecond's worth.
      assert.isAtMost(starts.used, 20_000 + 21)
    }

    assert.isAtMost(most, 1100)
    assert.isAtLeast(starts.used, 20_000 - 1)
  })
})
