/** The timers of the system behind keys that nobody uses; they are moved by hand. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { Clock, Context, Effect } from "effect"
import { Gate } from "parallel-batch-pipeline/effect"
import { vi } from "vitest"

interface Call {
  readonly key: string
}

const key = ({ key }: Call) => key

/** A clock that stands where it is told, and counts who sleeps on it. */
class Clocks {
  now = 0
  sleeps = 0
  readonly clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => this.now,
    currentTimeMillis: Effect.sync(() => this.now),
    currentTimeNanosUnsafe: () => BigInt(this.now) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(this.now) * 1_000_000n),
    monotonicTimeNanosUnsafe: () => BigInt(this.now) * 1_000_000n,
    monotonicTimeNanos: Effect.sync(() => BigInt(this.now) * 1_000_000n),
    sleep: () => {
      this.sleeps++
      return Effect.never
    }
  }
}

/** How many keys are remembered; to ask for the state of the gate would be to forget them. */
const keysOf = (gate: Gate.Any, context: Context.Context<never> = Context.empty()) => gate.policy.keeperIn(context).keys

const use = (gate: Gate.Gate<Call>, key: string) => Gate.withPermit(Effect.void, gate, { key })

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

describe("Gate, of keys that nobody uses", () => {
  it("forgets them on the clock of the system", () => {
    const gate = Gate.make({ key, rate: { limit: 1, window: "10 seconds" } })

    Effect.runSync(use(gate, "a"))
    vi.advanceTimersByTime(9900)
    const before = keysOf(gate)
    vi.advanceTimersByTime(1100)

    assert.deepStrictEqual([before, keysOf(gate), vi.getTimerCount()], [1, 0, 0])
  })

  it("sleeps on no other clock because of them, and forgets them all the same", () => {
    const gate = Gate.make({ key, rate: { limit: 1, window: "10 seconds" } })
    const clocks = new Clocks()
    const context = Context.make(Clock.Clock, clocks.clock) as Context.Context<never>

    Effect.runSync(Effect.provideContext(use(gate, "a"), context))
    clocks.now = 9900
    vi.advanceTimersByTime(70_000)
    const before = keysOf(gate, context)
    clocks.now = 10_000
    vi.advanceTimersByTime(70_000)

    assert.deepStrictEqual([before, keysOf(gate, context)], [1, 0])
    assert.deepStrictEqual([clocks.sleeps, vi.getTimerCount()], [0, 0])
  })

  const closings = [
    ["for ever", "Infinity"],
    ["for long", "365 days"],
    ["for longer than timers go", 2 ** 60]
  ] as const

  it.each(closings)("does not look again and again at one that is closed %s", (_, duration) => {
    const gate = Gate.make({ key })
    const timers = vi.spyOn(globalThis, "setTimeout")

    Effect.runSync(Gate.close(gate, "closed", duration))
    vi.advanceTimersByTime(3_600_000)

    assert.isAtMost(timers.mock.calls.length, duration === "Infinity" ? 0 : 1)
    assert.strictEqual(keysOf(gate), 1)
  })

  it.each(closings)("forgets the others where one is closed %s", (_, duration) => {
    const gate = Gate.make({ key, rate: { limit: 1, window: "10 seconds" } })
    const timers = vi.spyOn(globalThis, "setTimeout")

    Effect.runSync(Gate.close(gate, "closed", duration))
    vi.advanceTimersByTime(3_600_000)
    Effect.runSync(Effect.andThen(use(gate, "a"), use(gate, "b")))
    const before = keysOf(gate)
    vi.advanceTimersByTime(11_000)

    assert.deepStrictEqual([before, keysOf(gate)], [3, 1])
    vi.advanceTimersByTime(3_600_000)
    assert.isAtMost(timers.mock.calls.length, 3)
  })

  it("forgets one that was closed for long once that is over", () => {
    const gate = Gate.make({ key, jitter: 0 })

    Effect.runSync(Gate.close(gate, "a", "1 hour"))
    Effect.runSync(Gate.close(gate, "b", "2 hours"))
    const counts = [3_590_000, 20_000, 3_600_000].map((millis) => {
      vi.advanceTimersByTime(millis)
      return keysOf(gate)
    })

    assert.deepStrictEqual(counts, [2, 1, 0])
    assert.strictEqual(vi.getTimerCount(), 0)
  })

  it("looks at all in turn where there are many", () => {
    const gate = Gate.make({ key, jitter: 0 })
    const timers = vi.spyOn(globalThis, "setTimeout")

    for (let n = 0; n < 25_000; n++) Effect.runSync(Gate.close(gate, `long ${n}`, "1 day"))
    for (let n = 0; n < 5000; n++) Effect.runSync(Gate.close(gate, `short ${n}`, "1 minute"))
    vi.advanceTimersByTime(70_000)

    assert.strictEqual(keysOf(gate), 25_000)
    const count = timers.mock.calls.length
    vi.advanceTimersByTime(3_600_000)
    assert.isAtMost(timers.mock.calls.length, count + 1)
    vi.advanceTimersByTime(24 * 3_600_000)
    assert.strictEqual(keysOf(gate), 0)
  })
})
