import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Tracer } from "effect"
import { TestClock } from "effect/testing"
import {
  BatchPipeline,
  Handler,
  HandlerError,
  type HandlerOptions,
  type HandlerParams,
  ParallelBatchPipeline,
  Pipeline,
  type SharedData
} from "parallel-batch-pipeline"

class Work extends Handler<HandlerParams, unknown> {
  readonly #request: (signal: AbortSignal) => unknown

  constructor(request: (signal: AbortSignal) => unknown, options?: HandlerOptions) {
    super(options)
    this.#request = request
  }

  protected handleRequest(): unknown {
    return this.#request(this.getSignal())
  }

  protected override processResults(shared: SharedData, _inputs: HandlerParams, outputs: unknown): string {
    shared["outputs"] = outputs
    return "done"
  }
}

const batchOf = (work: Work) => new ParallelBatchPipeline(new Pipeline(work), { params: () => [{ n: 0 }] })
const never = new Promise<never>(() => {})

describe("toEffect", () => {
  it.effect("succeeds with the action, and changes the shared data", () =>
    Effect.gen(function* () {
      const shared: SharedData = {}
      const work = new Work(async () => 5)

      assert.strictEqual(yield* work.toEffect(shared), "done")
      assert.strictEqual(yield* new Pipeline(work).toEffect({}), "done")
      assert.strictEqual(yield* batchOf(work).toEffect({}), "default")
      assert.deepStrictEqual(shared, { outputs: 5 })
    })
  )

  it.effect("runs an overridden lifecycle also where someone looks at spans", () =>
    Effect.gen(function* () {
      class Overridden extends Work {
        protected override executeLifecycle(shared: SharedData): Promise<string> {
          return super.executeLifecycle(shared)
        }
      }
      const names: Array<string> = []
      const tracer = Tracer.make({
        span: (options) => {
          names.push(options.name)
          return new Tracer.NativeSpan(options)
        }
      })
      const overridden = new Overridden(() => 5)

      const action = yield* Effect.withTracer(new Pipeline(overridden).toEffect({}), tracer)

      assert.strictEqual(action, "done")
      assert.include(names, "Handler.Overridden")
    })
  )

  it.effect("does nothing until it runs, and may run again", () =>
    Effect.gen(function* () {
      let calls = 0
      const effect = new Work(() => ++calls).toEffect({})
      assert.strictEqual(calls, 0)

      yield* effect
      yield* effect

      assert.strictEqual(calls, 2)
    })
  )

  it.effect.each([
    ["an Error", new Error("no")],
    ["a string", "no"],
    ["undefined", undefined],
    ["an object", { code: 1 }]
  ])("fails with a HandlerError whose cause is the very value: %s", ([, value]) =>
    Effect.gen(function* () {
      const failing = new Work(() => Promise.reject(value), { name: "failing" })

      const error = yield* Effect.flip(failing.toEffect({}))

      assert.instanceOf(error, HandlerError)
      assert.deepStrictEqual([error._tag, error.handler], ["HandlerError", "failing"])
      assert.strictEqual(error.cause, value)
    })
  )

  it.effect("names the step that failed, also within a nested pipeline", () =>
    Effect.gen(function* () {
      const first = new Work(() => 1, { name: "first" })
      const inner = new Pipeline(new Work(() => Promise.reject("no"), { name: "second" }))
      first.connectTo(inner, "done")

      const error = yield* Effect.flip(new Pipeline(first).toEffect({}))

      assert.deepStrictEqual([error.handler, error.cause], ["second", "no"])
    })
  )

  it.effect("fails with a HandlerError where processResults has thrown, and the value shows in its message", () =>
    Effect.gen(function* () {
      class Buggy extends Work {
        protected override processResults(): string {
          throw new Error("a bug")
        }
      }

      const error = yield* Effect.flip(new Buggy(() => 1).toEffect({}))

      assert.strictEqual(error.message, 'Handler "Buggy" failed: a bug')
    })
  )

  it.effect("fails with a HandlerError where a batch cannot prepare its params", () =>
    Effect.gen(function* () {
      const batch = new BatchPipeline(new Pipeline(new Work(() => 1)))

      const error = yield* Effect.flip(batch.toEffect({}))

      assert.strictEqual(error.handler, "BatchPipeline")
      assert.match(String(error.cause), /prepareBatchParams/)
    })
  )

  it.effect.each([
    ["a handler", (work: Work) => work],
    ["a pipeline", (work: Work) => new Pipeline(work)],
    ["a batch", batchOf],
    ["a batch in a pipeline", (work: Work) => new Pipeline(batchOf(work))]
  ] as const)("aborts the signal where the fiber of %s is interrupted", ([, make]) =>
    Effect.gen(function* () {
      const signals: Array<AbortSignal> = []
      const work = new Work((signal) => (signals.push(signal), never))
      const fiber = yield* Effect.forkChild(make(work).toEffect({}), { startImmediately: true })
      while (signals.length === 0) yield* Effect.yieldNow

      yield* Fiber.interrupt(fiber)
      const exit = yield* Fiber.await(fiber)

      assert.isTrue(Exit.isFailure(exit) && Exit.hasInterrupts(exit))
      assert.isTrue(signals[0]!.aborted)
    })
  )

  it.effect("is timed out by Effect.timeout on the test clock", () =>
    Effect.gen(function* () {
      const work = new Work(() => never)
      const fiber = yield* Effect.forkChild(Effect.flip(Effect.timeout(work.toEffect({}), "1 second")))

      yield* TestClock.adjust("1 second")

      assert.strictEqual((yield* Fiber.join(fiber))._tag, "TimeoutError")
    })
  )
})
