import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Aimd } from "../../../src/internal/gate/aimd.ts"
import { Keeper, type Limits } from "../../../src/internal/gate/keeper.ts"
import { Host } from "../../../src/internal/gate/line.ts"
import type { Permit } from "../../../src/internal/gate/permit.ts"
import type { Timer } from "../../../src/internal/gate/timer.ts"

const limits: Limits = {
  concurrency: 3,
  perKey: 2,
  units: Number.POSITIVE_INFINITY,
  window: undefined,
  fair: false,
  keyed: true
}
const still = { now: () => 0, set: () => {}, clear: () => {}, later: () => {} } as unknown as Timer
const keeperOf = (order: number, own: Partial<Limits> = {}, adaptive?: Adaptive) =>
  new Keeper(order, { ...limits, ...own }, () => still, adaptive as unknown as Aimd)

/** A limit that is another one once the next permit is given back. */
class Adaptive {
  limit = 3
  next = 3
  observe(): void {
    this.limit = this.next
  }
}

class Places extends Host {
  places: number
  /** How often somebody has looked whether there is a place. */
  looks = 0
  readonly admitted: Array<Permit> = []

  constructor(places: number) {
    super()
    this.places = places
  }

  override get free(): number {
    this.looks++
    return this.places
  }

  override admit(permit: Permit): void {
    this.places--
    this.admitted.push(permit)
    this.watch(permit)
  }

  /** Is told who is admitted. */
  watch: (permit: Permit) => void = () => {}
}

const Int = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const key = Schema.Literals(["a", "b"])
const Steps = Schema.Array(
  Schema.Union([
    Schema.Struct({
      waits: key,
      host: Int(2),
      aside: Schema.Tuple([Schema.NullOr(key), Schema.NullOr(key)]),
      nested: Int(4)
    }),
    Schema.Struct({ frees: Int(2) }),
    Schema.Struct({ leaves: Int(20) }),
    Schema.Struct({ takes: key, of: Int(1) }),
    Schema.Struct({ gives: Int(2) }),
    Schema.Struct({ adapts: Schema.Literals([1, 3]) })
  ])
).check(Schema.isMinLength(60), Schema.isMaxLength(120))

const laws = { arbitrary: { runs: 400, size: 100 } }

describe("those who wait at a gate", () => {
  it.prop(
    "go on as soon as they miss nothing, in their turn",
    { steps: Steps },
    ({ steps }) => {
      const gate = keeperOf(1)
      const adaptive = new Adaptive()
      const others = [
        keeperOf(2, { concurrency: 1, perKey: Number.POSITIVE_INFINITY }),
        keeperOf(3, { perKey: 1 }, adaptive)
      ]
      const hosts = [new Places(4), new Places(0), new Places(3)]
      const here: Array<{ readonly permit: Permit; readonly host: Places; readonly aside: ReadonlyArray<Permit> }> = []
      const there: Array<Permit> = []
      const goesBefore = (permit: Permit) => {
        const passedOver = here.filter(
          (one) =>
            one.permit.lane === permit.lane &&
            one.permit.state === "waiting" &&
            (one.permit.nested === permit.nested ? one.permit.turn < permit.turn : one.permit.nested) &&
            one.aside.length === 0 &&
            one.host.places > 0
        )
        assert.deepStrictEqual(passedOver, [])
      }
      for (const host of hosts) host.watch = goesBefore

      for (const step of steps) {
        if ("waits" in step) {
          const aside = others.flatMap((other, i) => {
            const name = step.aside[i]!
            return name === null ? [] : [other.enter(other.laneOf(name), 1)]
          })
          for (const permit of aside) {
            if (permit.state === "held") permit.lane.keeper.putAside(permit)
            else permit.lane.keeper.leave(permit, "unknown")
          }
          const permit = gate.permitFor(gate.laneOf(step.waits), 1)
          permit.nested = step.nested === 0
          permit.also = aside.filter(({ state }) => state === "aside")
          here.push({ permit, host: hosts[step.host]!, aside: permit.also })
          gate.wait(permit, hosts[step.host]!)
        } else if ("frees" in step) {
          hosts[step.frees]!.places++
          hosts[step.frees]!.offer()
        } else if ("leaves" in step) {
          for (const { aside, permit } of here.splice(step.leaves, 1)) {
            gate.leave(permit, "success")
            for (const other of aside) other.lane.keeper.leave(other, "success")
          }
        } else if ("takes" in step) there.push(others[step.of]!.enter(others[step.of]!.laneOf(step.takes), 1))
        else if ("adapts" in step) adaptive.next = step.adapts
        else for (const permit of there.splice(step.gives, 1)) permit.lane.keeper.leave(permit, "success")

        const stuck = here.filter(
          ({ host, permit }) =>
            permit.state === "waiting" &&
            gate.running < limits.concurrency &&
            permit.lane.running < limits.perKey &&
            host.places > 0 &&
            permit.also.every((other) => other.lane.keeper.hasPlaceFor(other))
        )
        assert.deepStrictEqual(stuck, [])
        for (const host of hosts) assert.isAtLeast(host.places, 0)
        for (const { permit, aside } of here) {
          if (permit.state === "held") for (const other of aside) assert.strictEqual(other.state, "held")
        }
      }
    },
    laws
  )

  it("go on where the place of a key is free before the gate has one, because its limit has fallen", () => {
    const gate = keeperOf(1)
    const adaptive = new Adaptive()
    const other = keeperOf(2, { perKey: 1 }, adaptive)
    const enter = (name: string) => other.enter(other.laneOf(name), 1)
    const aside = enter("b")
    other.putAside(aside)
    const [a, b] = [enter("a"), enter("b")]
    const permit = gate.permitFor(gate.only, 1)
    permit.also = [aside]
    gate.wait(permit, new Places(1))

    adaptive.next = 1
    other.leave(b, "success")
    assert.strictEqual(permit.state, "waiting")
    other.leave(a, "success")

    assert.strictEqual(permit.state, "held")
  })

  it("are not looked at when their only batch fills up while they wait for a time", () => {
    const gate = keeperOf(1, { concurrency: 1000, perKey: 1000, units: 1, window: 100 })
    const places = new Places(1)
    for (let i = 0; i < 100; i++) {
      const lane = gate.laneOf(String(i))
      gate.enter(lane, 1)
      gate.wait(gate.permitFor(lane, 1), places)
    }
    const before = places.looks

    places.places = 0
    places.shut()

    assert.strictEqual(gate.waiting, 100)
    assert.isAtMost(places.looks - before, 1)
  })

  it("are not looked at where something else has happened than what they miss", () => {
    const gate = keeperOf(1, { concurrency: 1, perKey: 1, keyed: false })
    const hosts = Array.from({ length: 1000 }, () => new Places(0))
    const looks = () => hosts.reduce((sum, host) => sum + host.looks, 0)
    for (const host of hosts) gate.wait(gate.permitFor(gate.only, 1), host)
    const [first, ...rest] = hosts
    const before = looks()
    assert.isBelow(before, 3 * hosts.length)

    for (const host of [first!, ...rest.slice(500)]) {
      host.places = 1
      host.offer()
    }

    assert.strictEqual(gate.running, 1)
    for (const host of hosts) for (const permit of host.admitted) gate.leave(permit, "success")
    assert.strictEqual(gate.running, 0)
    assert.strictEqual(gate.waiting, 500)
    assert.isBelow(looks() - before, 5 * hosts.length)
  })
})
