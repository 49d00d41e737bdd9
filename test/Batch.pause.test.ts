import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Scheduler, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { type Call, calls, collect, makeLog, pass, single } from "./support/calls.ts"

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** A gate that somebody else holds for the first 10 ms. */
const heldGate = (options?: Gate.Options<Call>) => {
  const gate = Gate.make({ concurrency: 1, ...options })
  return Effect.as(fork(Gate.withPermit(Effect.sleep(10), gate, { n: -1 })), gate)
}

describe("Batch, paused while items wait at its gate", () => {
  it.effect("begins none of them, lets who stands behind them go first, and then goes on in their order", () =>
    Effect.gen(function* () {
      const gate = yield* heldGate()
      const { lines, log } = makeLog()
      const step = Handler.make("step", { handleRequest: ({ n }: Call) => Effect.andThen(log(n), Effect.sleep(10)) })

      const batch = yield* Batch.fork(single(step), { params: calls(3), gate })
      yield* TestClock.adjust(1)
      yield* batch.pause
      yield* fork(Gate.withPermit(Effect.andThen(log("other"), Effect.sleep(10)), gate, { n: -1 }))
      yield* TestClock.adjust(99)
      assert.deepStrictEqual(lines, [[10, "other"]])

      yield* batch.resume
      yield* TestClock.adjust(30)
      assert.deepStrictEqual(lines.slice(1), [
        [100, 0],
        [110, 1],
        [120, 2]
      ])
      assert.strictEqual((yield* batch.await).succeeded, 3)
    })
  )

  it.effect("keeps their turn among those of other keys", () =>
    Effect.gen(function* () {
      const gate = yield* heldGate({ key: ({ key = "" }) => key })
      const { lines, log } = makeLog()
      const step = Handler.make("step", { handleRequest: ({ n }: Call) => Effect.andThen(log(n), Effect.sleep(10)) })
      const params = ["a", "b", "a", "b"].map((key, n) => ({ n, key }))

      const batch = yield* Batch.fork(single(step), { params, gate })
      yield* TestClock.adjust(1)
      yield* batch.pause
      yield* TestClock.adjust(20)
      yield* batch.resume
      yield* TestClock.adjust(100)

      assert.deepStrictEqual(
        lines.map(([, n]) => n),
        [0, 1, 2, 3]
      )
    })
  )

  it.effect("has one begin on resume that has room where who waits behind it has none", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ rate: { limit: 10, window: 100 }, cost: ({ n }: Call) => n })
      const { lines, log } = makeLog()
      const step = Handler.make("step", { handleRequest: ({ n }: Call) => log(n) })

      yield* fork(Gate.withPermit(Effect.delay(Gate.settle(gate, 5), 50), gate, { n: 10 }))
      const batch = yield* Batch.fork(single(step), { params: [{ n: 1 }], gate })
      yield* TestClock.adjust(1)
      yield* batch.pause
      yield* fork(Gate.withPermit(log("dear"), gate, { n: 10 }))
      yield* TestClock.adjust(59)
      yield* batch.resume
      yield* TestClock.adjust(100)

      assert.deepStrictEqual(lines, [
        [60, 1],
        [160, "dear"]
      ])
    })
  )

  it.effect("lets those go on that have begun, also where they wait at the gate of a later step", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ rate: { limit: 2, window: 50 } })
      const later = yield* heldGate()
      const { lines, log } = makeLog()
      const one = Handler.make("one", { handleRequest: ({ n }: Call) => log(`one ${n}`) })
      const two = Handler.make("two", {
        prepareInputs: ({ params }: { readonly params: Call }) => params,
        handleRequest: ({ n }) => log(`two ${n}`),
        gate: later
      })
      const pipeline = Pipeline.make("two", {
        handlers: { one, two },
        start: "one",
        routes: { one: { default: "two" } }
      })

      const batch = yield* Batch.fork(pipeline, { params: calls(4), gate, concurrency: 2 })
      yield* TestClock.adjust(1)
      yield* batch.pause
      yield* TestClock.adjust(99)
      assert.deepStrictEqual(
        lines.filter(([at]) => at > 0).map(([, what]) => what),
        ["two 0", "two 1"]
      )

      yield* batch.resume
      yield* TestClock.adjust(100)
      assert.strictEqual((yield* batch.await).succeeded, 4)
    })
  )

  it.effect("leaves the place of the effect around it to others within that", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ concurrency: 1, rate: { limit: 1, window: 100 } })
      const { lines, log } = makeLog()
      const step = Handler.make("step", { handleRequest: ({ n }: Call) => log(n) })
      const around = Effect.gen(function* () {
        const batch = yield* Batch.fork(single(step), { params: calls(2), gate })
        yield* Effect.sleep(1)
        yield* batch.pause
        yield* Gate.withPermit(log("beside"), gate)
        yield* Effect.sleep(150)
        yield* batch.resume
        return yield* batch.await
      })

      const fiber = yield* fork(Effect.scoped(Gate.withPermit(around, gate)))
      yield* TestClock.adjust(1000)

      assert.deepStrictEqual(lines, [
        [100, "beside"],
        [250, 0],
        [350, 1]
      ])
      assert.strictEqual((yield* Fiber.join(fiber)).succeeded, 2)
      assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )

  it.effect.each(["drain", "cancel", "interrupt"] as const)("ends them while it is paused (%s)", (how) =>
    Effect.gen(function* () {
      const gate = yield* heldGate({})
      const step = Handler.make("step", { handleRequest: (_call: Call) => Effect.void })
      const batch = yield* Batch.fork(single(step), { params: calls(2), gate, key: ({ n }) => String(n) })
      yield* TestClock.adjust(1)
      yield* batch.pause

      const fiber = yield* fork(batch.await)
      if (how === "drain") yield* batch.drain
      else if (how === "cancel") yield* Effect.all([batch.cancel("0"), batch.cancel("1")])
      else return yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(20)

      assert.deepInclude(yield* Fiber.join(fiber), { succeeded: 0, interrupted: 0, notStarted: 2 })
      assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )

  it.effect("wakes those of another batch whose places came free while its others were told to go on", () =>
    Effect.gen(function* () {
      const gate = Gate.make({
        concurrency: 1,
        rate: { limit: 2, window: 20 },
        key: ({ key = "" }: Call) => key
      })
      const step = Handler.make("step", { handleRequest: ({ n }: Call) => Effect.sleep(n === 3 ? 4 : 0) })
      const params = ["b", "a", "a", "b", "a"].map((key, n) => ({ n, key }))

      const paused = yield* Batch.fork(single(step), { params, gate, concurrency: 3 })
      const other = yield* Batch.fork(single(step), { params, gate, concurrency: 3 })
      yield* other.setConcurrency(1)
      yield* TestClock.adjust(6)
      yield* Gate.close(gate, "a", 14)
      yield* paused.pause
      const fiber = yield* fork(other.await)
      yield* TestClock.adjust(100)

      assert.isDefined(fiber.pollUnsafe(), "nobody has told them")
      yield* Fiber.join(fiber)
    })
  )

  /** Far, and with turns for fibers that let others go first. */
  const far = Effect.repeat(TestClock.adjust(50), { times: 60 })

  const laws = { arbitrary: { runs: 200, size: 100 }, timeout: 60_000 }
  const Int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
  const Which = Schema.Literals([0, 1])
  const Action = Schema.Union([
    Schema.Struct({ say: Schema.Literals(["pause", "resume", "drain"]), to: Which }),
    Schema.Struct({ say: Schema.Literal("cancel"), to: Which, n: Int(0, 8) }),
    Schema.Struct({ say: Schema.Literal("setConcurrency"), to: Which, n: Int(1, 4) }),
    Schema.Struct({ say: Schema.Literal("close"), key: Schema.Literals(["a", "b"]), millis: Int(1, 40) }),
    Schema.Struct({ say: Schema.Literal("effect"), key: Schema.Literals(["a", "b"]), takes: Int(0, 20) }),
    Schema.Struct({ say: Schema.Literal("wait"), millis: Int(0, 30) })
  ])

  it.effect.prop(
    "whatever is said, and whenever, a paused batch begins nothing and keeps nobody else from coming to an end",
    {
      concurrency: Int(1, 3),
      perKey: Schema.optionalKey(Int(1, 2)),
      order: Schema.Literals(["fifo", "fair"]),
      limit: Int(1, 6),
      takes: Schema.Array(Int(0, 20)).check(Schema.isMaxLength(8)),
      actions: Schema.Array(Action).check(Schema.isMaxLength(20)),
      nested: Schema.Boolean,
      operations: Schema.Literals([4, 7, 11, 2048]),
      ends: Schema.Literals(["resume", "drain"])
    },
    ({ actions, concurrency, ends, limit, nested, operations, order, perKey, takes }) =>
      Effect.gen(function* () {
        const gate = Gate.make({
          concurrency,
          concurrencyPerKey: perKey,
          order,
          rate: { limit, window: 20 },
          key: ({ key = "" }: Call) => key
        })
        const params = takes.map((_, n) => ({ n, key: n % 3 === 0 ? "b" : "a" }))
        const paused = [false, false]
        const begun: Array<string> = []
        const broken: Array<string> = []
        const running = { now: 0, most: 0 }
        const count = <A, E>(effect: Effect.Effect<A, E>) =>
          Effect.acquireUseRelease(
            Effect.sync(() => (running.most = Math.max(running.most, ++running.now))),
            () => effect,
            () => Effect.sync(() => running.now--)
          )
        const fork01 = (which: 0 | 1) => {
          const first = Handler.make("first", {
            handleRequest: ({ n }: Call) => {
              if (paused[which]) broken.push(`${which}: ${n}`)
              begun.push(`${which}: ${n}`)
              return count(Effect.sleep(takes[n]!))
            }
          })
          const again = Handler.make("again", {
            prepareInputs: ({ params }: { readonly params: Call }) => params,
            handleRequest: ({ n }) => count(Effect.sleep(takes[n]!)),
            gate: nested ? gate : undefined
          })
          const pipeline = Pipeline.make("laws", {
            handlers: { first, again },
            start: "first",
            routes: { first: { default: "again" } }
          })
          return Batch.fork(pipeline, { params, concurrency: 3, gate, key: ({ n }) => String(n), mode: "collect-all" })
        }
        const batches = [yield* fork01(0), yield* fork01(1)] as const
        const effects: Array<Fiber.Fiber<void>> = []
        const set = (which: 0 | 1, say: "pause" | "resume" | "drain") =>
          Effect.suspend(() => {
            if (say !== "drain") paused[which] = say === "pause"
            return batches[which][say]
          })

        for (const action of actions) {
          if (action.say === "wait") yield* TestClock.adjust(action.millis)
          else if (action.say === "cancel") yield* batches[action.to].cancel(String(action.n))
          else if (action.say === "setConcurrency") yield* batches[action.to].setConcurrency(action.n)
          else if (action.say === "close") yield* Gate.close(gate, action.key, action.millis)
          else if (action.say === "effect") {
            const effect = count(Effect.sleep(action.takes))
            effects.push(yield* fork(Gate.withPermit(effect, gate, { n: -1, key: action.key })))
          } else yield* set(action.to, action.say)
        }
        // What is left ends, and the first batch is still paused.
        yield* set(0, "pause")
        yield* set(1, "resume")
        const others = yield* fork(Effect.all([batches[1].await, Fiber.joinAll(effects)]))
        yield* far
        assert.isDefined(others.pollUnsafe(), "somebody waits for a batch that is paused")
        const [second] = yield* Fiber.join(others)
        assert.deepInclude(yield* Gate.state(gate), { running: 0 })
        const before = begun.length
        yield* TestClock.adjust(100)
        assert.strictEqual(begun.length, before)

        yield* set(0, ends)
        const fiber = yield* fork(batches[0].await)
        yield* far
        assert.isDefined(fiber.pollUnsafe(), "the batch does not end")
        const first = yield* Fiber.join(fiber)

        for (const { failed, interrupted, notStarted, succeeded, total } of [first, second]) {
          assert.strictEqual(total, params.length)
          assert.strictEqual(failed + interrupted + notStarted + succeeded, total)
        }
        // Who was let in before the pause has begun, also where his fiber lets others go first.
        if (operations === 2048) assert.deepStrictEqual(broken, [])
        assert.isAtMost(running.most, concurrency)
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, operations)),
    laws
  )

  it.effect("inside of a permit of its gate, has any number of items step back", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ concurrency: 1, rate: { limit: 1, window: 3000 } })
      const step = Handler.make("step", { handleRequest: () => Effect.sleep(50) })
      const around = Effect.gen(function* () {
        const batch = yield* Batch.fork(single(step), { params: calls(8000), gate, ...collect })
        yield* Effect.sleep(20)
        yield* batch.pause
        yield* Effect.sleep(100)
        yield* batch.drain
        return yield* batch.await
      })

      const outer = Handler.make("outer", { handleRequest: () => Effect.scoped(around), gate })
      const fiber = yield* fork(Batch.run(single(outer), { params: calls(1), ...collect }))
      yield* pass(200)

      const [outcome] = (yield* Fiber.join(fiber)).outcomes
      assert.strictEqual(outcome?._tag === "Succeeded" && outcome.output.notStarted, 8000)
      assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )

  const Inside = Schema.Union([
    Schema.Struct({ say: Schema.Literals(["pause", "resume"]) }),
    Schema.Struct({ say: Schema.Literal("cancel"), n: Int(0, 8) }),
    Schema.Struct({ say: Schema.Literal("beside"), takes: Int(0, 20) }),
    Schema.Struct({ say: Schema.Literal("wait"), millis: Int(0, 30) })
  ])

  it.effect.prop(
    "inside of a permit of its gate, it keeps nobody there from coming to an end either",
    {
      first: Schema.Boolean,
      limit: Int(1, 6),
      takes: Schema.Array(Int(0, 20)).check(Schema.isMaxLength(8)),
      actions: Schema.Array(Inside).check(Schema.isMaxLength(20)),
      ends: Schema.Literals(["resume", "drain"])
    },
    ({ actions, ends, first, limit, takes }) =>
      Effect.gen(function* () {
        const make = () => Gate.make({ concurrency: 1, rate: { limit, window: 20 } })
        // Inside of a gate that was made later, this one is put aside for it.
        const gates = first ? [make(), make()] : [make()]
        const gate = gates[0]!
        const step = Handler.make("step", { handleRequest: ({ n }: Call) => Effect.sleep(takes[n]!) })
        const params = takes.map((_, n) => ({ n }))
        const around = Effect.gen(function* () {
          const batch = yield* Batch.fork(single(step), { params, gate, concurrency: 3, key: ({ n }) => String(n) })
          const beside: Array<Fiber.Fiber<void>> = []
          for (const action of actions) {
            if (action.say === "wait") yield* Effect.sleep(action.millis)
            else if (action.say === "cancel") yield* batch.cancel(String(action.n))
            else if (action.say === "beside") {
              beside.push(yield* fork(Gate.withPermit(Effect.sleep(action.takes), gate)))
            } else yield* batch[action.say]
          }
          yield* batch.pause
          yield* Fiber.joinAll(beside)
          yield* batch[ends]
          return yield* batch.await
        })

        const fiber = yield* fork(Effect.scoped(Gate.withPermit(around, gates.at(-1)!)))
        const other = yield* fork(Gate.withPermit(Effect.sleep(10), gate))
        yield* TestClock.adjust(5000)

        assert.isDefined(fiber.pollUnsafe(), "the clock was moved far, and still something waits")
        const { failed, interrupted, notStarted, succeeded } = yield* Fiber.join(fiber)
        assert.strictEqual(failed + interrupted + notStarted + succeeded, params.length)
        yield* Fiber.join(other)
        for (const gate of gates) assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      }),
    laws
  )
})
