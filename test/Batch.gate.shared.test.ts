import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { type Call, makeLog, single } from "./support/calls.ts"

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

const Int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const laws = { arbitrary: { runs: 300, size: 100 }, timeout: 60_000 }

describe("Batches that share a gate", () => {
  it.effect("start nothing dear in the room that was looked for something cheap of a batch paused since", () =>
    Effect.gen(function* () {
      const gate = Gate.make({
        concurrency: 1,
        rate: { limit: 5, window: 1000 },
        key: ({ key = "a" }: Call) => key,
        cost: ({ n }: Call) => n
      })
      const { lines, log } = makeLog()
      const step = Handler.make("step", { handleRequest: ({ n }: Call) => log(n) })

      yield* Gate.withPermit(log(3), gate, { n: 3 })
      yield* fork(Gate.withPermit(Effect.sleep(50), gate, { n: 1, key: "other" }))
      const cheap = yield* Batch.fork(single(step), { params: [{ n: 1 }], gate })
      yield* TestClock.adjust(10)
      const dear = yield* Batch.fork(single(step), { params: [{ n: 5 }], gate })
      yield* TestClock.adjust(10)
      yield* cheap.pause
      yield* TestClock.adjust(2000)
      yield* cheap.resume
      yield* TestClock.adjust(1000)
      yield* Effect.all([cheap.await, dear.await])

      assert.deepStrictEqual(lines, [
        [0, 3],
        [1000, 5],
        [2020, 1]
      ])
    })
  )

  const Plan = Schema.Struct({ key: Schema.Literals(["a", "b"]), cost: Int(1, 6), takes: Int(0, 20) })
  type Plan = typeof Plan.Type
  const Load = Schema.Struct({
    arrives: Int(0, 30),
    concurrency: Int(1, 2),
    plans: Schema.Array(Plan).check(Schema.isMaxLength(8)),
    pauses: Schema.optionalKey(Schema.Struct({ after: Int(0, 40), takes: Int(0, 40) })),
    stands: Schema.Literals(["handler", "batch"])
  })

  it.effect.prop(
    "pass none of its limits, whatever they cost and whoever is paused, and come to an end",
    {
      loads: Schema.Array(Load).check(Schema.isMaxLength(4)),
      concurrency: Schema.optionalKey(Int(1, 2)),
      window: Int(5, 60),
      order: Schema.Literals(["fifo", "fair"])
    },
    ({ concurrency, loads, order, window }) =>
      Effect.gen(function* () {
        const gate = Gate.make({
          concurrency,
          order,
          rate: { limit: 6, window },
          key: ({ key }: Plan) => key,
          cost: ({ cost }: Plan) => cost
        })
        const starts: Array<Plan & { readonly at: number }> = []
        const request = (plan: Plan) =>
          Effect.andThen(
            Effect.map(Clock.currentTimeMillis, (at) => starts.push({ ...plan, at })),
            Effect.sleep(plan.takes)
          )
        const run = Effect.fnUntraced(function* ({ arrives, pauses, plans, stands, ...rest }: typeof Load.Type) {
          const ofBatch = stands === "batch"
          const step = Handler.make("step", { handleRequest: request, gate: ofBatch ? undefined : gate })
          const pipeline = Pipeline.make("shared", { handlers: { step }, start: "step" })
          yield* Effect.sleep(arrives)
          const batch = yield* Batch.fork(pipeline, { ...rest, params: plans, gate: ofBatch ? gate : undefined })
          if (pauses !== undefined) {
            yield* Effect.sleep(pauses.after)
            yield* batch.pause
            yield* Effect.sleep(pauses.takes)
            yield* batch.resume
          }
          return yield* batch.await
        })

        const all = Effect.forEach(loads, run, { concurrency: "unbounded" })
        const fiber = yield* fork(Effect.scoped(all))
        for (let i = 0; i < 500 && fiber.pollUnsafe() === undefined; i++) yield* TestClock.adjust(10)

        assert.isDefined(fiber.pollUnsafe(), "the clock was moved far, and still something waits")
        const reports = yield* Fiber.join(fiber)
        assert.isTrue(reports.every(({ succeeded, total }) => succeeded === total))
        for (const { at, key } of starts) {
          const within = starts.filter((start) => start.key === key && start.at >= at && start.at < at + window)
          assert.isAtMost(
            within.reduce((sum, { cost }) => sum + cost, 0),
            6
          )
        }
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }),
    laws
  )
})
