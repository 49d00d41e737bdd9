import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { anywhere } from "../../../src/internal/gate/holding.ts"
import { Keeper } from "../../../src/internal/gate/keeper.ts"
import { Line } from "../../../src/internal/gate/line.ts"
import { Permit } from "../../../src/internal/gate/permit.ts"

const Int = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const Steps = Schema.Array(Schema.Union([Schema.Struct({ class: Int(2) }), Schema.Struct({ remove: Int(30) })])).check(
  Schema.isMaxLength(60)
)

const limits = { concurrency: 1, perKey: 1, units: 1, window: undefined, fair: false, keyed: false }
const { only: lane } = new Keeper(1, limits, () => ({}) as never, undefined)

const permitOf = (of: number): Permit => {
  const permit = new Permit(lane, 1)
  permit.started = of === 0
  permit.nested = of === 1
  return permit
}

const inLine = (line: Line): ReadonlyArray<Permit> => {
  const permits: Array<Permit> = []
  for (let permit = line.first; permit !== undefined; permit = permit.after) {
    assert.strictEqual(permit.before, permits.at(-1))
    permits.push(permit)
  }
  return permits
}

describe("Line", () => {
  it.prop("is in order of class, and of arrival within each, whoever leaves it", { steps: Steps }, ({ steps }) => {
    const line = new Line(lane, anywhere, anywhere)
    const arrived: Array<Permit> = []

    for (const step of steps) {
      if ("class" in step) {
        const permit = permitOf(step.class)
        arrived.push(permit)
        line.push(permit)
      } else for (const permit of arrived.splice(step.remove, 1)) line.remove(permit)

      assert.deepStrictEqual(
        inLine(line),
        arrived.toSorted((a, b) => a.class - b.class)
      )
    }
  })
})
