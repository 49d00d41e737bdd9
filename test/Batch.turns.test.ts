import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Scheduler, Stream } from "effect"
import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"

/** As often as an engine can be made to let others go first. */
const turns = [3, 4, 5, 6, 7, 8, 9, 11, 16] as const

const often = (operations: number) => Effect.provideService(Scheduler.MaxOpsBeforeYield, operations)

const requests = {
  "answers at once": (n: number) => Effect.succeed(n),
  "lets others go first": (n: number) => Effect.as(Effect.yieldNow, n),
  "goes on for a while": (n: number) =>
    Effect.as(
      Effect.forEach([1, 2, 3, 4, 5], () => Effect.void),
      n
    )
}

const pipelineOf = (request: (n: number) => Effect.Effect<number>) =>
  Pipeline.make("turns", { handlers: { one: Handler.make("one", { handleRequest: request }) }, start: "one" })

const sources = {
  array: (params: ReadonlyArray<number>) => params,
  stream: (params: ReadonlyArray<number>) => Stream.fromIterable(params)
}

/** However the fibers take turns, a batch that waits for something that has happened never ends. */
describe.each(Object.entries(requests))("a batch whose request %s", (_, request) => {
  describe.each(Object.entries(sources))("and whose input is a %s", (_, source) => {
    it.effect.each(turns)("ends, wherever a fiber lets others go first (%s operations)", (operations) =>
      Effect.gen(function* () {
        for (let count = 0; count < 12; count++) {
          const params = source(Array.from({ length: count }, (_, i) => i))
          for (const concurrency of [1, 2, 5, "unbounded"] as const) {
            const options = { params, shared: {}, concurrency, mode: "collect-all" } as const
            const report = yield* often(operations)(Batch.run(pipelineOf(request), options))

            assert.strictEqual(report.succeeded, count)
          }
        }
      })
    )

    it.effect.each(turns)("tells all to those who listen (%s operations)", (operations) =>
      Effect.gen(function* () {
        for (let count = 0; count < 12; count++) {
          const params = source(Array.from({ length: count }, (_, i) => i))
          const program = Effect.gen(function* () {
            const batch = yield* Batch.fork(pipelineOf(request), { params, shared: {}, mode: "collect-all" })
            const listener = yield* Effect.forkChild(Stream.runCollect(batch.events), { startImmediately: true })
            yield* batch.await
            return yield* Fiber.join(listener)
          })
          const events = yield* often(operations)(Effect.scoped(program))

          assert.strictEqual(events.filter(({ _tag }) => _tag === "ItemEnded").length, count)
          assert.strictEqual(events.at(-1)?._tag, "BatchEnded")
        }
      })
    )

    it.effect.each(turns)("drains, stops and asks its canary (%s operations)", (operations) =>
      Effect.gen(function* () {
        for (let count = 1; count < 12; count++) {
          const params = source(Array.from({ length: 12 }, (_, i) => i))
          const common = { params, shared: {}, mode: "collect-all", concurrency: 3 } as const
          const run = (options: object) => often(operations)(Batch.run(pipelineOf(request), { ...common, ...options }))

          const asked = yield* run({ canary: { items: count } })
          assert.strictEqual(asked.succeeded, 12)

          const refused = yield* run({ canary: { items: count, check: () => false } })
          assert.strictEqual(refused.succeeded, count)

          const drained = yield* run({ budget: { calls: count }, drain: "1 second" })
          assert.strictEqual(drained.succeeded, count)

          const stopped = yield* run({ budget: { calls: count } })
          assert.strictEqual(stopped.succeeded + stopped.interrupted + stopped.notStarted, 12)
        }
      })
    )
  })
})
