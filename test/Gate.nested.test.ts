import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule, Scheduler, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { type Call, calls, makeLog, single } from "./support/calls.ts"

const Int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Permits within each other: each begins after its parent, beside or after those before it, and may be given up. */
const Plan = Schema.Struct({
  parent: Int(0, 20),
  gate: Int(0, 2),
  key: Schema.Literals(["a", "b"]),
  takes: Int(0, 10),
  beside: Schema.Boolean,
  givesUpAfter: Schema.optionalKey(Int(0, 30)),
  fails: Schema.Boolean
})

const laws = { arbitrary: { runs: 200, size: 100 }, timeout: 60_000 }

describe("Gate.withPermit within Gate.withPermit", () => {
  it.effect.prop(
    "comes to an end whatever stands within what, and whoever gives up, and no more run than may",
    {
      plans: Schema.Array(Plan).check(Schema.isMaxLength(20)),
      concurrency: Int(1, 2),
      perKey: Schema.optionalKey(Int(1, 2)),
      limit: Int(2, 8),
      operations: Schema.Literals([4, 7, 11, 2048])
    },
    ({ concurrency, limit, operations, perKey, plans }) =>
      Effect.gen(function* () {
        const gates = [0, 1, 2].map(() =>
          Gate.make({
            concurrency,
            concurrencyPerKey: perKey,
            rate: { limit, window: 5 },
            key: ({ key }: { readonly key: string }) => key
          })
        )
        const running = gates.map(() => 0)
        const most = gates.map(() => 0)
        const work = (gate: number, takes: number) =>
          Effect.acquireUseRelease(
            Effect.sync(() => (most[gate] = Math.max(most[gate]!, ++running[gate]!))),
            () => Effect.sleep(takes),
            () => Effect.sync(() => running[gate]!--)
          )
        const childrenOf = (n: number): Effect.Effect<void> => {
          const children = plans.flatMap((plan, i) => (plan.parent % (i + 1) === n ? [{ ...plan, n: i + 1 }] : []))
          const besides = children.filter(({ beside }) => beside).map(effectOf)
          const others = children.filter(({ beside }) => !beside).map(effectOf)
          return Effect.asVoid(
            Effect.all([Effect.all(besides, { concurrency: "unbounded" }), Effect.all(others)], {
              concurrency: "unbounded"
            })
          )
        }
        const effectOf = (plan: typeof Plan.Type & { readonly n: number }): Effect.Effect<void> => {
          const inside = Effect.andThen(work(plan.gate, plan.takes), childrenOf(plan.n))
          const ends = plan.fails ? Effect.andThen(inside, Effect.fail("failed")) : inside
          const effect = Effect.asVoid(Effect.exit(Gate.withPermit(ends, gates[plan.gate]!, { key: plan.key })))
          const { givesUpAfter } = plan
          return Effect.asVoid(givesUpAfter === undefined ? effect : Effect.timeoutOption(effect, givesUpAfter))
        }

        const program = Effect.provideService(childrenOf(0), Scheduler.MaxOpsBeforeYield, operations)
        const fiber = yield* Effect.forkChild(program)
        for (let i = 0; i < 400 && fiber.pollUnsafe() === undefined; i++) yield* TestClock.adjust(10)

        assert.isDefined(fiber.pollUnsafe(), "the clock was moved far, and still something waits")
        yield* Fiber.join(fiber)
        assert.isTrue(most.every((count) => count <= concurrency))
        for (const gate of gates) assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }),
    laws
  )

  it.effect("waits for nobody who waits for what it has claimed itself", () =>
    Effect.gen(function* () {
      const first = Gate.make({ concurrency: 1 })
      const second = Gate.make({ concurrency: 1 })
      const third = Gate.make({ concurrency: 1 })
      const one = Gate.withPermit(Effect.delay(Gate.withPermit(Effect.void, first), 5), second)
      // While the other one has claimed the outer permit, this one needs both.
      const two = Effect.delay(Gate.withPermit(Effect.void, first), 1)
      const both = Effect.all([one, two], { concurrency: 2 })

      const fiber = yield* Effect.forkChild(both.pipe(Gate.withPermit(first), Gate.withPermit(third)))
      yield* TestClock.adjust(100)

      assert.isDefined(fiber.pollUnsafe(), "they wait for each other")
      yield* Fiber.join(fiber)
    })
  )

  it.effect("lets thousands that wait for each other within one permit go on, each in its turn", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ concurrency: 1 })
      const order: Array<number> = []
      const one = (n: number) =>
        Gate.withPermit(
          Effect.andThen(
            Effect.yieldNow,
            Effect.sync(() => order.push(n))
          ),
          gate
        )
      const numbers = Array.from({ length: 10_000 }, (_, n) => n)

      yield* Gate.withPermit(Effect.all(numbers.map(one), { concurrency: "unbounded", discard: true }), gate)

      assert.deepStrictEqual(order, numbers)
    })
  )

  it.effect("has any number go on one after the other, also those that do nothing there", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ concurrency: 1 })
      let ended = 0
      const child = (n: number) =>
        Effect.andThen(
          Gate.withPermit(n === 0 ? Effect.sleep(10) : Effect.void, gate),
          Effect.sync(() => ended++)
        )
      const children = Array.from({ length: 5000 }, (_, n) => child(n))

      const all = Effect.all(children, { concurrency: "unbounded", discard: true })
      const fiber = yield* Effect.forkChild(Gate.withPermit(all, gate))
      yield* TestClock.adjust(10)
      yield* Fiber.join(fiber)

      assert.strictEqual(ended, 5000)
      assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )

  it.effect("stands in nobody's way while it misses the place around it", () =>
    Effect.gen(function* () {
      const a = Gate.make({ concurrency: 1 })
      const b = Gate.make({ concurrency: 1 })
      const { lines, log } = makeLog()

      yield* Effect.forkChild(Gate.withPermit(Effect.sleep(10), a), { startImmediately: true })
      yield* Effect.forkChild(Gate.withPermit(Gate.withPermit(log("nested"), a), b), { startImmediately: true })
      yield* Effect.forkChild(Gate.withPermit(Effect.sleep(1000), b), { startImmediately: true })
      yield* Effect.forkChild(Effect.delay(Gate.withPermit(log("beside"), a), 5), { startImmediately: true })
      yield* TestClock.adjust(20)
      yield* Effect.forkChild(Gate.withPermit(log("later"), a), { startImmediately: true })
      yield* TestClock.adjust(2000)

      assert.deepStrictEqual(lines, [
        [10, "beside"],
        [20, "later"],
        [1000, "nested"]
      ])
    })
  )
})

describe("A batch within Gate.withPermit", () => {
  it.effect.each([
    ["in the order of the gates", 0],
    ["against it", 1]
  ] as const)("waits for no place between attempts that others wait for, %s", ([, outermost]) =>
    Effect.gen(function* () {
      const gates = [Gate.make({ concurrency: 1 }), Gate.make({ concurrency: 1 })]
      const outer = gates[outermost]!
      const inner = gates[1 - outermost]!
      let tries = 0
      const leaf = Handler.make("leaf", {
        handleRequest: (_call: { readonly n: number }) => (tries++ === 0 ? Effect.fail("again") : Effect.void),
        retry: { times: 1, schedule: Schedule.spaced(50) }
      })
      const pipeline = Pipeline.make("pipeline", { handlers: { leaf }, start: "leaf" })
      const batch = Gate.withPermit(Batch.run(pipeline, { params: [{ n: 1 }], gate: inner }), outer)
      const both = Effect.delay(Effect.void.pipe(Gate.withPermit(gates[1]!), Gate.withPermit(gates[0]!)), 20)

      const fiber = yield* Effect.forkChild(Effect.all([batch, both], { concurrency: 2 }))
      for (let i = 0; i < 20; i++) yield* TestClock.adjust(10)

      assert.isDefined(fiber.pollUnsafe(), "they wait for each other")
      assert.strictEqual(tries, 2)
      for (const gate of gates) assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )

  it.effect("takes the permit of an item again together with a later one around it", () =>
    Effect.gen(function* () {
      const first = Gate.make({ concurrency: 1 })
      const second = Gate.make({ concurrency: 1 })
      const third = Gate.make({ concurrency: 1 })
      const leaf = Handler.make("leaf", { handleRequest: (_call: Call) => Effect.void, gate: third })
      const before = Gate.withPermit(Effect.sleep(10), third)
      const batch = Gate.withPermit(Batch.run(single(leaf), { params: calls(1), gate: first }), second)
      // Gets the permit of the item, which waits for its step, and wants the one around.
      const other = Effect.delay(Gate.withPermit(Gate.withPermit(Effect.void, second), first), 5)

      const fiber = yield* Effect.forkChild(Effect.all([before, batch, other], { concurrency: 3 }))
      yield* TestClock.adjust(1000)

      assert.isDefined(fiber.pollUnsafe(), "they wait for each other")
      yield* Fiber.join(fiber)
      for (const gate of [first, second, third]) assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )
})
