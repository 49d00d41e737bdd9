import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Handler as ClassHandler, ParallelBatchPipeline, Pipeline as ClassPipeline } from "parallel-batch-pipeline"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"

interface Call {
  readonly n: number
}

const calls = (count: number): ReadonlyArray<Call> => Array.from({ length: count }, (_, n) => ({ n }))

/** What an effect comes to by then; it fails where it has not ended. */
const endsWithin = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    for (let i = 0; i < 50 && fiber.pollUnsafe() === undefined; i++) yield* TestClock.adjust(100)
    assert.isDefined(fiber.pollUnsafe(), "it has not ended")
    return yield* Fiber.join(fiber)
  })

// All gates have places for everybody: nothing is scarce but the places of the batches.
const wide = () => Gate.make({ concurrency: 100 })

describe("A batch within a permit", () => {
  const cases = (["the same gate", "a later gate", "an earlier gate"] as const).flatMap((around) =>
    (["withPermit", "the gate of a batch", "the gate of a step", "a batch of classes"] as const).flatMap((within) =>
      (
        [
          [1, 3],
          [2, 4],
          [4, 12]
        ] as const
      ).map(([concurrency, items]) => ({ around, within, concurrency, items }))
    )
  )

  it.effect.each(cases)(
    "of $around ends, with $within in its last step, $items items and $concurrency at a time",
    ({ around, concurrency, items, within }) =>
      Effect.gen(function* () {
        const earlier = wide()
        const api = wide()
        const outer = { "the same gate": api, "a later gate": wide(), "an earlier gate": earlier }[around]
        const leaf = (own: { readonly gate?: Gate.Gate }) =>
          Pipeline.make("leaf", {
            handlers: { leaf: Handler.make("leaf", { handleRequest: (_params: Call) => Effect.sleep(5), ...own }) },
            start: "leaf"
          })
        class Leaf extends ClassHandler<object, void> {
          override async handleRequest() {}
        }
        const inner = {
          withPermit: Gate.withPermit(Effect.sleep(5), api),
          "the gate of a batch": Effect.orDie(Batch.run(leaf({}), { params: calls(2), gate: api })),
          "the gate of a step": Effect.orDie(Batch.run(leaf({ gate: api }), { params: calls(2) })),
          "a batch of classes": Effect.orDie(
            new ParallelBatchPipeline(new ClassPipeline(new Leaf({ gate: api })), { params: () => [{}, {}] }).toEffect(
              {}
            )
          )
        }[within]
        const first = Handler.make("first", { gate: api, handleRequest: (_params: Call) => Effect.sleep(5) })
        const last = Handler.make("last", { handleRequest: (_params: Call) => Effect.asVoid(inner) })
        const pipeline = Pipeline.make("pipeline", {
          handlers: { first, last },
          start: "first",
          routes: { first: { default: "last" } }
        })

        const batch = Batch.run(pipeline, { params: calls(items), concurrency })
        const report = yield* endsWithin(Gate.withPermit(batch, outer))

        assert.strictEqual(report.succeeded, items)
        for (const gate of [earlier, api, outer]) {
          assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
        }
      })
  )

  it.effect.each([1, 2, 8])("is read by who passes the gate of its steps himself, %s at a time", (concurrency) =>
    Effect.gen(function* () {
      const api = wide()
      const step = Handler.make("step", { gate: api, handleRequest: (_params: Call) => Effect.sleep(1) })
      const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })
      const outcomes = Batch.stream(pipeline, { params: calls(20), concurrency })

      const read = yield* endsWithin(
        Gate.withPermit(
          Stream.runCount(Stream.mapEffect(outcomes, (outcome) => Gate.withPermit(Effect.succeed(outcome), api))),
          api
        )
      )

      assert.strictEqual(read, 20)
    })
  )

  it.effect("backs off and is paused within the permit", () =>
    Effect.gen(function* () {
      const api = wide()
      const tried = new Set<number>()
      const step = Handler.make("step", {
        gate: api,
        handleRequest: ({ n }: Call) => (tried.has(n) ? Effect.sleep(5) : Effect.fail(tried.add(n))),
        retry: { times: 1 }
      })
      const last = Handler.make("last", { handleRequest: (_params: Call) => Gate.withPermit(Effect.sleep(5), api) })
      const pipeline = Pipeline.make("pipeline", {
        handlers: { step, last },
        start: "step",
        routes: { step: { default: "last" } }
      })
      const batch = Effect.scoped(
        Effect.gen(function* () {
          const handle = yield* Batch.fork(pipeline, { params: calls(6), concurrency: 2, gate: api })
          yield* Effect.sleep(7)
          yield* handle.pause
          yield* Effect.sleep(100)
          yield* handle.resume
          return yield* handle.await
        })
      )

      assert.deepInclude(yield* endsWithin(Gate.withPermit(batch, api)), { succeeded: 6 })
    })
  )
})

describe("A detached fiber that passes a gate within a permit", () => {
  it.effect("gives back no place that has been put aside for others, when it outlasts the permit", () =>
    Effect.gen(function* () {
      const free = Gate.make({ concurrency: 5 })
      const early = Gate.make({ concurrency: 1 })
      const late = Gate.make({ concurrency: 1 })
      const ended: Array<string> = []
      const run = (name: string, effect: Effect.Effect<unknown>) =>
        Effect.forkChild(
          Effect.andThen(
            effect,
            Effect.sync(() => ended.push(name))
          ),
          { startImmediately: true }
        )
      const detached = Effect.forkDetach(Gate.withPermit(Effect.sleep(17), free), { startImmediately: true })
      const both = Gate.withPermit(Effect.sleep(1), early)

      yield* run("holds early", Gate.withPermit(Effect.sleep(3), early))
      yield* run(
        "detaches",
        Gate.withPermit(Effect.andThen(Gate.withPermit(Effect.andThen(detached, Effect.sleep(2)), early), both), late)
      )
      yield* run("needs both", Gate.withPermit(both, late))
      yield* run("holds early for long", Gate.withPermit(Effect.sleep(35), early))
      yield* TestClock.adjust(4)
      yield* run("needs late", Gate.withPermit(Effect.sleep(20), late))
      yield* TestClock.adjust("1 minute")

      assert.lengthOf(ended, 5)
      for (const gate of [free, early, late]) assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    })
  )

  it.effect("takes no permit from the next attempt of its item", () =>
    Effect.gen(function* () {
      const early = wide()
      const gate = Gate.make({ concurrency: 1 })
      const left = Effect.forkDetach(Effect.andThen(Effect.sleep(5), Gate.withPermit(Effect.sleep(20), early)), {
        startImmediately: true
      })
      let attempts = 0
      const step = Handler.make("step", {
        gate,
        handleRequest: (_params: Call) =>
          Effect.suspend(() =>
            ++attempts === 1
              ? Effect.andThen(Effect.andThen(left, Effect.sleep(1)), Effect.fail("once more"))
              : Effect.void
          ),
        retry: { times: 1 }
      })
      const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })
      const batch = Effect.forkChild(Batch.run(pipeline, { params: calls(1) }), { startImmediately: true })
      const other = Effect.forkChild(Gate.withPermit(Effect.sleep(50), gate), { startImmediately: true })

      const report = yield* endsWithin(
        Effect.gen(function* () {
          const fiber = yield* batch
          yield* other
          return yield* Fiber.join(fiber)
        })
      )

      assert.deepInclude(report, { succeeded: 1, attempts: 2 })
    })
  )
})
