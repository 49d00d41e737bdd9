import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, Pipeline, SharedDataConflict } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

const Total = Schema.Struct({ sum: Schema.Number })
const Squares = Schema.Struct({ squares: Schema.Record(Schema.String, Schema.Number) })
const Board = Schema.Struct({
  log: Schema.Array(Schema.Number),
  seen: Schema.Record(Schema.String, Schema.Boolean),
  count: Schema.Number
})

/** A different delay for every item, the same in every test run. */
const delayOf = (n: number) => (n * 7919) % 101

const requests: ReadonlyArray<readonly [string, (n: number) => Effect.Effect<number>]> = [
  ["answer at once", Effect.succeed],
  ["yield", (n) => Effect.as(Effect.yieldNow, n)],
  ["sleep", (n) => Effect.as(Effect.sleep(delayOf(n)), n)],
  ["wait for a promise", (n) => Effect.promise(async () => n)]
]

describe("Batch", () => {
  describe("shared data", () => {
    it.effect.each(requests)("loses no update of 2,000 items that %s", ([, request]) =>
      Effect.gen(function* () {
        const replace = Handler.make("replace", {
          shared: Total,
          handleRequest: ({ n }: N) => request(n),
          processResults: ({ outputs, shared }) => Handler.next("add", { sum: shared.sum + outputs })
        })
        const change = Handler.make("change", {
          shared: Total,
          handleRequest: ({ n }: N) => request(n),
          processResults: ({ outputs }) =>
            Handler.nextWith("done", (draft) => {
              draft.sum += outputs
            })
        })
        const pipeline = Pipeline.make("adding", {
          handlers: { replace, change },
          start: "replace",
          routes: { replace: { add: "change" } }
        })

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, { params: numbers(2000), shared: { sum: 0 }, concurrency: "unbounded" })
        )
        yield* TestClock.adjust(101)
        yield* TestClock.adjust(101)

        assert.strictEqual((yield* Fiber.join(fiber)).shared.sum, 1999 * 2000)
      })
    )

    it.effect("loses no update of 2,000 items whose requests are promises", () =>
      Effect.gen(function* () {
        const add = Handler.fromPromise("add", {
          shared: Total,
          handleRequest: async ({ n }: N) => n,
          processResults: ({ outputs, shared }) => Handler.next("added", { sum: shared.sum + outputs })
        })
        const pipeline = Pipeline.make("adding", { handlers: { add }, start: "add" })

        const report = yield* Batch.run(pipeline, { params: numbers(2000), shared: { sum: 0 }, concurrency: 100 })

        assert.strictEqual(report.shared.sum, 1999 * 1000)
      })
    )

    it.effect.each(requests)("hands 500 items over to their own second step, where requests %s", ([, request]) =>
      Effect.gen(function* () {
        const Baton = Schema.Struct({ current: Schema.Number })
        const first = Handler.make("first", {
          shared: Baton,
          handleRequest: ({ n }: N) => request(n),
          processResults: ({ outputs }) => Handler.next("hand over", { current: outputs })
        })
        const second = Handler.make("second", {
          shared: Baton,
          prepareInputs: ({ previous, shared }: { readonly previous: number; readonly shared: typeof Baton.Type }) =>
            [previous, shared.current] as const,
          handleRequest: (inputs) => Effect.as(request(inputs[0]), inputs)
        })
        const pipeline = Pipeline.make("relay", {
          handlers: { first, second },
          start: "first",
          routes: { first: { "hand over": "second" } }
        })

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, { params: numbers(500), shared: { current: -1 }, concurrency: "unbounded" })
        )
        yield* TestClock.adjust(101)
        yield* TestClock.adjust(101)
        const report = yield* Fiber.join(fiber)

        const outputs = report.outcomes.map((outcome) => outcome._tag === "Succeeded" && outcome.output)
        assert.deepStrictEqual(
          outputs,
          numbers(500).map(({ n }) => [n, n])
        )
      })
    )

    it.effect("never changes the value of the caller", () =>
      Effect.gen(function* () {
        const shared = { squares: { "0": -1 } }
        const before = structuredClone(shared)
        const square = Handler.make("square", {
          shared: Squares,
          handleRequest: ({ n }: N) => Effect.succeed(n * n),
          processResults: ({ outputs, params }) =>
            Handler.nextWith("done", (draft) => {
              draft.squares[params.n] = outputs
            })
        })
        const pipeline = Pipeline.make("squares", { handlers: { square }, start: "square" })

        const first = yield* Batch.run(pipeline, { params: numbers(3), shared })
        const second = yield* Batch.run(pipeline, { params: numbers(1), shared: first.shared })

        assert.deepStrictEqual(shared, before)
        assert.deepStrictEqual(first.shared.squares, { "0": 0, "1": 1, "2": 4 })
        assert.notStrictEqual(first.shared, second.shared)
      })
    )

    it.effect("is a live view of a Ref, also of what others set meanwhile", () =>
      Effect.gen(function* () {
        const shared = yield* Ref.make({ sum: 0 })
        const add = Handler.make("add", {
          shared: Total,
          handleRequest: ({ n }: N) => Effect.as(Effect.sleep(1000 * (n + 1)), n + 1),
          processResults: ({ outputs }) =>
            Handler.nextWith("added", (draft) => {
              draft.sum += outputs
            })
        })
        const pipeline = Pipeline.make("adding", { handlers: { add }, start: "add" })

        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: numbers(3), shared }))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Ref.get(shared), { sum: 1 })
        yield* Ref.update(shared, ({ sum }) => ({ sum: sum + 100 }))
        yield* TestClock.adjust("2 seconds")
        const report = yield* Fiber.join(fiber)

        assert.deepStrictEqual(report.shared, { sum: 106 })
        assert.deepStrictEqual(yield* Ref.get(shared), { sum: 106 })
      })
    )

    it.effect("keeps what a draft had changed before it threw, and fails the item", () =>
      Effect.gen(function* () {
        const add = Handler.make("add", {
          shared: Total,
          handleRequest: ({ n }: N) => Effect.succeed(n),
          processResults: ({ outputs }) =>
            Handler.nextWith("added", (draft) => {
              draft.sum += 1
              if (outputs === 1) throw new Error("bug")
            })
        })
        const pipeline = Pipeline.make("adding", { handlers: { add }, start: "add" })

        const report = yield* Batch.run(pipeline, { params: numbers(3), shared: { sum: 0 }, mode: "collect-all" })

        assert.deepInclude(report, { shared: { sum: 3 }, succeeded: 2, failed: 1 })
      })
    )

    it.effect("copies once for 100,000 items that change it in place", () =>
      Effect.gen(function* () {
        const drafts = new Set<unknown>()
        const square = Handler.make("square", {
          shared: Squares,
          handleRequest: ({ n }: N) => Effect.succeed(n),
          processResults: ({ outputs, params }) =>
            Handler.nextWith("done", (draft) => {
              drafts.add(draft)
              drafts.add(draft.squares)
              draft.squares[params.n] = outputs
            })
        })
        const pipeline = Pipeline.make("squares", { handlers: { square }, start: "square" })

        const report = yield* Batch.run(pipeline, {
          params: numbers(100_000),
          shared: { squares: {} },
          outcomes: "none"
        })

        assert.strictEqual(drafts.size, 2)
        assert.strictEqual(Object.keys(report.shared.squares).length, 100_000)
      })
    )
  })

  describe("isolation snapshot", () => {
    const write = Handler.make("write", {
      shared: Board,
      handleRequest: ({ n }: N) => Effect.as(Effect.sleep(1000 - n), n),
      processResults: ({ outputs }) =>
        Handler.nextWith("written", (draft) => {
          draft.log.push(outputs)
          draft.seen[outputs] = true
          if (outputs === 2) throw new Error("bug")
        })
    })
    const writing = Pipeline.make("writing", { handlers: { write }, start: "write" })
    const board = { log: [-1], seen: {}, count: 0 }

    it.effect("appends tails, merges records, and drops every trace of an item that failed", () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(
          Batch.run(writing, { params: numbers(4), shared: board, isolation: "snapshot", mode: "collect-all" })
        )
        yield* TestClock.adjust("1 second")
        const report = yield* Fiber.join(fiber)

        assert.deepStrictEqual(report.shared, { log: [-1, 3, 1, 0], seen: { 0: true, 1: true, 3: true }, count: 0 })
        assert.deepStrictEqual(board, { log: [-1], seen: {}, count: 0 })
        assert.strictEqual(report.failed, 1)
      })
    )

    it.effect("hides the changes of an item from the others until it has succeeded", () =>
      Effect.gen(function* () {
        const first = Handler.make("first", {
          shared: Total,
          handleRequest: ({ n }: N) => Effect.succeed(n),
          processResults: ({ shared }) => Handler.next("on", { sum: shared.sum + 1 })
        })
        const second = Handler.make("second", {
          shared: Total,
          prepareInputs: ({ shared }: { readonly shared: typeof Total.Type; readonly params: N }) => shared.sum,
          handleRequest: (sum) => Effect.as(Effect.sleep(1000), sum)
        })
        const pipeline = Pipeline.make("pipeline", {
          handlers: { first, second },
          start: "first",
          routes: { first: { on: "second" } }
        })

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, {
            params: numbers(3),
            shared: { sum: 0 },
            isolation: "snapshot",
            merge: { sum: (base, mine, theirs) => theirs + mine - base }
          })
        )
        yield* TestClock.adjust("1 second")
        const report = yield* Fiber.join(fiber)

        assert.deepStrictEqual(
          report.outcomes.map((outcome) => outcome._tag === "Succeeded" && outcome.output),
          [1, 1, 1]
        )
        assert.deepStrictEqual(report.shared, { sum: 3 })
      })
    )

    it.effect("fails an item that conflicts with another, and leaves the value of the other", () =>
      Effect.gen(function* () {
        const set = Handler.make("set", {
          shared: Total,
          handleRequest: ({ n }: N) => Effect.as(Effect.sleep(n + 1), n),
          processResults: ({ outputs }) => Handler.next("set", { sum: 10 + outputs })
        })
        const pipeline = Pipeline.make("setting", { handlers: { set }, start: "set" })

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, { params: numbers(2), shared: { sum: 0 }, isolation: "snapshot", mode: "collect-all" })
        )
        yield* TestClock.adjust("1 second")
        const report = yield* Fiber.join(fiber)

        const failure = report.outcomes[1]
        assert(failure?._tag === "Failed")
        assert.deepStrictEqual(
          Cause.squash(failure.cause),
          new SharedDataConflict({ key: "sum", base: 0, mine: 11, theirs: 10 })
        )
        assert.deepStrictEqual(report.shared, { sum: 10 })
      })
    )

    it.effect("fails the item whose merge throws", () =>
      Effect.gen(function* () {
        const merge = {
          sum: (): number => {
            throw new Error("bug in merge")
          }
        }
        const set = Handler.make("set", {
          shared: Total,
          handleRequest: ({ n }: N) => Effect.as(Effect.sleep(n + 1), n),
          processResults: ({ outputs }) => Handler.next("set", { sum: 10 + outputs })
        })
        const pipeline = Pipeline.make("setting", { handlers: { set }, start: "set" })

        const fiber = yield* Effect.forkChild(
          Batch.run(pipeline, {
            params: numbers(2),
            shared: { sum: 0 },
            isolation: "snapshot",
            mode: "collect-all",
            merge
          })
        )
        yield* TestClock.adjust("1 second")
        const report = yield* Fiber.join(fiber)

        assert.deepStrictEqual(
          report.outcomes.map(({ _tag }) => _tag),
          ["Succeeded", "Failed"]
        )
      })
    )
  })
})
