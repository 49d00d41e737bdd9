import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Heap, type Ranked } from "../../../src/internal/gate/heap.ts"

const Rank = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
const Steps = Schema.Array(Schema.Struct({ member: Rank, rank: Schema.optionalKey(Rank) })).check(
  Schema.isMaxLength(100)
)

describe("Heap", () => {
  it.prop("has the smallest rank first, whoever is put in, moved and taken out", { steps: Steps }, ({ steps }) => {
    const heap = new Heap<Ranked>()
    const members: ReadonlyArray<Ranked> = Array.from({ length: 21 }, () => ({ rank: 0, place: -1 }))

    for (const { member, rank } of steps) {
      const ranked = members[member]!
      if (rank !== undefined) heap.put(ranked, rank)
      else if (ranked.place !== -1) heap.remove(ranked)

      const inside = members.filter(({ place }) => place !== -1)
      assert.strictEqual(heap.size, inside.length)
      assert.strictEqual(
        heap.first?.rank,
        inside.length === 0 ? undefined : Math.min(...inside.map(({ rank }) => rank))
      )
      assert.deepStrictEqual(
        inside.map(({ place }) => place).sort((a, b) => a - b),
        inside.map((_, place) => place)
      )
    }
  })
})
