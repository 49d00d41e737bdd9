import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Gate } from "parallel-batch-pipeline/effect"

const Int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Limits = Schema.Struct({
  concurrency: Int(1, 5),
  concurrencyPerKey: Schema.optionalKey(Int(1, 3)),
  limit: Int(5, 12),
  window: Int(1, 50),
  order: Schema.Literals(["fifo", "fair"])
})

const Item = Schema.Struct({
  key: Schema.Literals(["a", "a", "b", "c"]),
  cost: Int(1, 5),
  arrives: Int(0, 60),
  takes: Int(0, 40),
  settles: Schema.optionalKey(Int(0, 8))
})
const Items = Schema.Array(Item).check(Schema.isMaxLength(50))

/** What was seen of an item: when it came, began and ended. */
interface Seen {
  readonly key: string
  readonly order: number
  readonly arrived: number
  began: number
  ended: number
  cost: number
}

/** Moves the clock until the fiber has ended; fails where that takes too long. */
const finish = <A, E>(fiber: Fiber.Fiber<A, E>, millis: number): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    for (let i = 0; i < millis && fiber.pollUnsafe() === undefined; i += 50) yield* TestClock.adjust(50)
    assert.isDefined(fiber.pollUnsafe(), "the clock was moved far, and still something waits")
    return yield* Fiber.join(fiber)
  })

const sum = (items: ReadonlyArray<Seen>) => items.reduce((total, { cost }) => total + cost, 0)

const laws = { arbitrary: { runs: 300, size: 100 }, timeout: 60_000 }

describe("Gate", () => {
  it.effect.prop(
    "never passes a limit, in any window and for any key, and never makes anyone wait for nothing",
    { limits: Limits, items: Items, settling: Schema.Boolean },
    ({ items, limits, settling }) =>
      Effect.gen(function* () {
        const gate = Gate.make({
          concurrency: limits.concurrency,
          concurrencyPerKey: limits.concurrencyPerKey,
          rate: { limit: limits.limit, window: limits.window },
          order: limits.order,
          key: (item: typeof Item.Type) => item.key,
          cost: (item: typeof Item.Type) => item.cost
        })
        const seen: Array<Seen> = []
        const run = (item: typeof Item.Type) =>
          Effect.gen(function* () {
            yield* Effect.sleep(item.arrives)
            const arrived = yield* Clock.currentTimeMillis
            const { cost, key } = item
            const entry: Seen = { key, order: seen.length, arrived, began: Infinity, ended: Infinity, cost }
            seen.push(entry)
            const request = Effect.gen(function* () {
              entry.began = yield* Clock.currentTimeMillis
              yield* Effect.sleep(item.takes)
              if (settling && item.settles !== undefined) {
                yield* Gate.settle(gate, item.settles)
                // What was settled upwards was not known when others started.
                entry.cost = Math.min(entry.cost, item.settles)
              }
              entry.ended = yield* Clock.currentTimeMillis
            })
            yield* Gate.withPermit(request, gate, item)
          })

        yield* finish(
          yield* Effect.forkChild(Effect.forEach(items, run, { concurrency: "unbounded", discard: true })),
          100_000
        )

        const times = new Set(
          seen.flatMap(({ arrived, began, ended }) => [arrived, began, ended, began + limits.window])
        )
        const perKey = limits.concurrencyPerKey ?? Infinity
        for (const time of times) {
          const running = seen.filter(({ began, ended }) => began <= time && ended > time)
          assert.isAtMost(running.length, limits.concurrency)
          for (const key of ["a", "b", "c"]) {
            const ofKey = seen.filter((entry) => entry.key === key)
            const runningOfKey = running.filter((entry) => entry.key === key).length
            const inWindow = (end: number) => ofKey.filter(({ began }) => began <= end && began > end - limits.window)
            assert.isAtMost(runningOfKey, perKey)
            assert.isAtMost(sum(inWindow(time)), limits.limit)
            if (settling) continue

            const [next] = ofKey
              .filter(({ arrived, began }) => arrived <= time && began > time)
              .sort((a, b) => a.order - b.order)
            if (next === undefined) continue
            assert.isTrue(
              running.length === limits.concurrency ||
                runningOfKey === perKey ||
                sum(inWindow(time)) + next.cost > limits.limit,
              `an item of ${key} waits at ${time} for nothing`
            )
          }
        }
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }),
    laws
  )

  it.effect.prop(
    "starts as much as the limit allows while work waits",
    { limit: Int(1, 20), window: Int(1, 100), count: Int(1, 200), takes: Int(0, 200) },
    ({ count, limit, takes, window }) =>
      Effect.gen(function* () {
        const gate = Gate.make({ rate: { limit, window } })
        const began: Array<number> = []
        const request = Effect.andThen(
          Effect.map(Clock.currentTimeMillis, (now) => began.push(now)),
          Effect.sleep(takes)
        )

        const items = Array.from({ length: count }, () => Gate.withPermit(request, gate))
        yield* finish(yield* Effect.forkChild(Effect.all(items, { concurrency: "unbounded", discard: true })), 100_000)

        assert.deepStrictEqual(
          began,
          Array.from({ length: count }, (_, i) => Math.floor(i / limit) * window)
        )
      }),
    laws
  )

  const Gates = Schema.Array(
    Schema.Struct({
      concurrency: Schema.optionalKey(Int(1, 2)),
      concurrencyPerKey: Schema.optionalKey(Int(1, 2)),
      limit: Schema.optionalKey(Int(1, 3)),
      order: Schema.Literals(["fifo", "fair"])
    })
  ).check(Schema.isMinLength(3), Schema.isMaxLength(3))
  const Nested = Schema.Struct({
    /** The gates that the effect goes through, from the outside to the inside. */
    gates: Schema.Array(Schema.Struct({ gate: Int(0, 2), key: Schema.Literals(["a", "b"]) })).check(
      Schema.isMinLength(1),
      Schema.isMaxLength(4)
    ),
    /** How far from the outside it divides into two that run at the same time, where it does. */
    divides: Schema.optionalKey(Int(0, 3)),
    arrives: Int(0, 20),
    takes: Int(0, 20),
    /** Interrupted after this time, where there is one. */
    interrupted: Schema.optionalKey(Int(0, 60)),
    closes: Schema.optionalKey(Int(1, 30))
  })
  const Nests = Schema.Array(Nested).check(Schema.isMaxLength(20))

  it.effect.prop(
    "comes to an end with gates within gates in any order, closed keys and interruptions",
    { options: Gates, nests: Nests },
    ({ nests, options }) =>
      Effect.gen(function* () {
        const gates = options.map(({ limit, ...rest }) =>
          Gate.make({
            ...rest,
            rate: limit === undefined ? undefined : { limit, window: 10 },
            key: (key: string) => key
          })
        )
        const running = gates.map(() => 0)
        const most = gates.map(() => 0)
        const run = ({ arrives, closes, divides, gates: through, interrupted, takes }: typeof Nested.Type) => {
          // What runs twice within one permit is one for its gate.
          const counted = divides === undefined ? through : through.slice(divides + 1)
          const within = new Set(counted.map(({ gate }) => gate))
          const work = Effect.acquireUseRelease(
            Effect.sync(() => {
              for (const gate of within) most[gate] = Math.max(most[gate]!, ++running[gate]!)
            }),
            () => Effect.sleep(takes),
            () =>
              Effect.sync(() => {
                for (const gate of within) running[gate]!--
              })
          )
          const nested = through.reduceRight((effect, { gate, key }, i) => {
            if (divides === i) effect = Effect.all([effect, effect], { concurrency: 2, discard: true })
            const then = closes === undefined ? effect : Effect.andThen(Gate.close(gates[gate]!, key, closes), effect)
            return Gate.withPermit(then, gates[gate]!, key)
          }, work as Effect.Effect<void>)
          const begun = Effect.delay(nested, arrives)
          return interrupted === undefined ? begun : Effect.timeoutOption(begun, interrupted)
        }

        yield* finish(
          yield* Effect.forkChild(Effect.forEach(nests, run, { concurrency: "unbounded", discard: true })),
          100_000
        )

        for (const [i, gate] of gates.entries()) {
          assert.isAtMost(most[i]!, options[i]!.concurrency ?? Infinity)
          assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
        }
      }),
    laws
  )
})
