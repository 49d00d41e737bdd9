import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Breaker, Gate, Handler, RateLimited } from "parallel-batch-pipeline/effect"
import { type Call, calls, collect, makeLog, single } from "./support/calls.ts"

/** A batch of one item, whose request goes through the gate. */
const run = <A, E>(gate: Gate.Gate<unknown>, request: Effect.Effect<A, E>, gateOfBatch?: Gate.Gate<unknown>) => {
  const step = Handler.make("step", {
    handleRequest: (_call: Call) => request,
    gate,
    retry: { times: 2, schedule: Schedule.spaced(5) }
  })
  return Batch.run(single(step), { params: calls(1), gate: gateOfBatch, ...collect })
}

/** A gate whose circuit was opened, and that the next call probes. */
const makeBroken = Effect.gen(function* () {
  const gate = Gate.make({ breaker: Breaker.make({ failures: 1, openFor: 10 }) })
  const step = Handler.make("step", { handleRequest: (_call: Call) => Effect.fail("down"), gate })
  yield* Batch.run(single(step), { params: calls(1), ...collect })
  yield* TestClock.adjust(20)
  return gate
})

describe("Breaker, where a batch within permits comes to a circuit that is being probed", () => {
  it.effect("keeps no permit that the probe takes", () =>
    Effect.gen(function* () {
      const broken = yield* makeBroken
      const around = Gate.make({ concurrency: 1 })
      const probe = run(broken, Effect.delay(Gate.withPermit(Effect.void, around), 5))
      const nested = Gate.withPermit(Effect.delay(run(broken, Effect.void), 1), around)

      const fiber = yield* Effect.forkChild(Effect.all([probe, nested], { concurrency: 2 }))
      yield* TestClock.adjust(1000)

      assert.isDefined(fiber.pollUnsafe(), "they wait for each other")
      for (const report of yield* Fiber.join(fiber)) assert.strictEqual(report.succeeded, 1)
      for (const gate of [broken, around]) assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )

  it.effect("claims no permit that the probe has to claim", () =>
    Effect.gen(function* () {
      const first = Gate.make({ concurrency: 1 })
      const around = Gate.make({ concurrency: 1 })
      // Made last, so that the calls go on at the same time within the permit around them.
      const broken = yield* makeBroken
      const probe = run(broken, Effect.delay(Gate.withPermit(Effect.void, first), 5))
      const nested = Effect.delay(run(broken, Effect.void, first), 1)

      const fiber = yield* Effect.forkChild(Gate.withPermit(Effect.all([probe, nested], { concurrency: 2 }), around))
      yield* TestClock.adjust(1000)

      assert.isDefined(fiber.pollUnsafe(), "they wait for each other")
      for (const report of yield* Fiber.join(fiber)) assert.strictEqual(report.succeeded, 1)
      for (const gate of [broken, first, around]) {
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }
    })
  )

  it.effect("makes its call meanwhile, and one that is within nothing waits for the probe", () =>
    Effect.gen(function* () {
      const broken = yield* makeBroken
      const { lines, log } = makeLog()
      const probe = run(broken, Effect.andThen(Effect.sleep(50), log("probe")))
      const nested = Gate.withPermit(run(broken, log("within a permit")), Gate.make({}))
      const other = run(broken, log("within nothing"))

      const later = Effect.delay(Effect.all([nested, other], { concurrency: 2 }), 1)
      const fiber = yield* Effect.forkChild(Effect.all([probe, later], { concurrency: 2 }))
      yield* TestClock.adjust(100)
      yield* Fiber.join(fiber)

      assert.deepStrictEqual(lines, [
        [21, "within a permit"],
        [70, "probe"],
        [70, "within nothing"]
      ])
    })
  )

  const fails = Effect.fail("no")
  const limited = Effect.fail(new RateLimited({ retryAfter: Duration.millis(10) }))
  it.effect.each([
    ["one that succeeds", [], { succeeded: 1, attempts: 1 }],
    ["one that fails once", [fails], { succeeded: 1, attempts: 2 }],
    ["one that always fails", [fails, fails, fails], { failed: 1, attempts: 3 }],
    ["one that is told to come back", [limited], { succeeded: 1, attempts: 2 }]
  ] as const)("comes to what its calls come to: %s", ([, ends, expected]) =>
    Effect.gen(function* () {
      const broken = yield* makeBroken
      let count = 0
      const call = Effect.suspend((): Effect.Effect<void, unknown> => ends[count++] ?? Effect.void)

      const probe = yield* Effect.forkChild(run(broken, Effect.sleep(500)), { startImmediately: true })
      const nested = yield* Effect.forkChild(Gate.withPermit(run(broken, call), Gate.make({})))
      yield* TestClock.adjust(100)

      assert.isDefined(nested.pollUnsafe(), "it waits for the probe")
      assert.deepInclude(yield* Fiber.join(nested), expected)
      assert.isUndefined(probe.pollUnsafe())
      yield* TestClock.adjust(500)
      assert.deepInclude(yield* Fiber.join(probe), { succeeded: 1 })
      assert.deepInclude(yield* Gate.state(broken), { running: 0, waiting: 0, circuitsOpen: 0 })
    })
  )
})
