import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Fiber, Queue, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, InvalidParams, type Outcome, Pipeline } from "parallel-batch-pipeline/effect"
import { type N, numbers } from "./support/numbers.ts"

function* generate(count: number): Generator<N> {
  for (let n = 0; n < count; n++) yield { n }
}

async function* generateAsync(count: number): AsyncGenerator<N> {
  for (let n = 0; n < count; n++) yield { n }
}

/** Lets async inputs answer: turns of the event loop, no time passes. */
const settle = Effect.promise(async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
})

/** A pipeline of one step. */
const pipelineOf = <E>(handleRequest: (params: N) => Effect.Effect<unknown, E>) => {
  const step = Handler.make("step", { handleRequest })
  return Pipeline.make("pipeline", { handlers: { step }, start: "step" })
}

const echo = pipelineOf(({ n }) => Effect.succeed(n))

const inputs = (count: number): ReadonlyArray<readonly [string, () => Batch.Input<N, never, never>]> => [
  ["an array", () => numbers(count)],
  ["a Set", () => new Set(numbers(count))],
  ["a generator", () => generate(count)],
  ["an async generator", () => generateAsync(count)],
  ["a Stream", () => Stream.fromIterable(numbers(count))],
  ["a Stream in chunks of one", () => Stream.rechunk(Stream.fromIterable(numbers(count)), 1)]
]

describe("Batch", () => {
  describe("run over", () => {
    const cases = [0, 1, 40].flatMap((count) => inputs(count).map(([name, make]) => [name, count, make] as const))

    it.effect.each(cases)("%s of %s", ([, count, make]) =>
      Effect.gen(function* () {
        const report = yield* Batch.run(echo, { params: make(), concurrency: 3 })

        const outputs = report.outcomes.map((outcome) => (outcome._tag === "Succeeded" ? outcome.output : outcome._tag))
        assert.deepStrictEqual(
          outputs,
          numbers(count).map(({ n }) => n)
        )
        assert.deepInclude(report, { total: count, succeeded: count, exhausted: true })
      })
    )

    it.effect("the entries of a Map", () =>
      Effect.gen(function* () {
        const step = Handler.make("step", { handleRequest: ([key, n]: [string, number]) => Effect.succeed(key + n) })
        const pipeline = Pipeline.make("entries", { handlers: { step }, start: "step" })

        const report = yield* Batch.run(pipeline, {
          params: new Map([
            ["a", 1],
            ["b", 2]
          ])
        })

        assert.deepStrictEqual(
          report.outcomes.map((outcome) => outcome._tag === "Succeeded" && outcome.output),
          ["a1", "b2"]
        )
      })
    )

    it.effect("an array as it was at the start", () =>
      Effect.gen(function* () {
        const params = [...numbers(5)]
        const pipeline = pipelineOf(({ n }) => Effect.sync(() => params.splice(0, 5, { n: n + 100 }, { n: n + 100 })))

        const report = yield* Batch.run(pipeline, { params, concurrency: 1 })

        assert.deepStrictEqual(
          report.outcomes.map((outcome) => outcome.params),
          numbers(5)
        )
      })
    )
  })

  describe("run over a failing input", () => {
    it.effect.each(["fail-fast", "collect-all"] as const)("dies with what an iterator throws, in mode %s", (mode) =>
      Effect.gen(function* () {
        const reports: Array<number> = []
        function* failing(): Generator<N> {
          yield* generate(3)
          throw new Error("no more")
        }

        const defect = yield* Batch.run(echo, {
          params: failing(),
          mode,
          onInterrupt: (report) => Effect.sync(() => reports.push(report.succeeded))
        }).pipe(Effect.catchDefect(Effect.succeed))

        assert.strictEqual((defect as Error).message, "no more")
        assert.deepStrictEqual(reports, [3])
      })
    )

    it.effect("does not read on after an async iterator has rejected", () =>
      Effect.gen(function* () {
        let reads = 0
        const params: AsyncIterable<N> = {
          [Symbol.asyncIterator]: () => ({
            next: async () => {
              reads++
              throw new Error("no more")
            }
          })
        }

        const defect = yield* Effect.catchDefect(Batch.run(echo, { params }), Effect.succeed)

        assert.strictEqual((defect as Error).message, "no more")
        assert.strictEqual(reads, 1)
      })
    )

    it.effect("fails with the error of a stream, interrupts what runs, and reports what had finished", () =>
      Effect.gen(function* () {
        const tags: Array<string> = []
        const params = Stream.concat(Stream.fromIterable(numbers(3)), Stream.fail("stream down" as const))
        const pipeline = pipelineOf(({ n }) => (n === 1 ? Effect.never : Effect.void))

        const error = yield* Batch.run(pipeline, {
          params,
          mode: "collect-all",
          onInterrupt: (report) => Effect.sync(() => tags.push(...report.outcomes.map(({ _tag }) => _tag)))
        }).pipe(Effect.flip)

        assert.strictEqual(error, "stream down")
        assert.deepStrictEqual(tags, ["Succeeded", "Interrupted", "Succeeded"])
      })
    )

    it.effect("pulls a stream that has failed no more", () =>
      Effect.gen(function* () {
        let pulls = 0
        const params = Stream.fromEffectRepeat(
          Effect.suspend(() => (++pulls > 3 ? Effect.fail("down") : Effect.succeed({ n: pulls })))
        )

        const error = yield* Effect.flip(
          Batch.run(
            pipelineOf(() => Effect.yieldNow),
            { params, mode: "collect-all" }
          )
        )

        assert.strictEqual(error, "down")
        assert.strictEqual(pulls, 4)
      })
    )

    it.effect("gives a stream the services of the batch, and closes its scope", () =>
      Effect.gen(function* () {
        class Limit extends Context.Service<Limit, number>()("Limit") {}
        const log: Array<string> = []
        const params = Stream.unwrap(Effect.map(Limit, (limit) => Stream.fromIterable(numbers(limit)))).pipe(
          Stream.ensuring(Effect.sync(() => log.push("closed")))
        )

        const report = yield* Effect.provideService(Batch.run(echo, { params }), Limit, 4)

        assert.strictEqual(report.succeeded, 4)
        assert.deepStrictEqual(log, ["closed"])
      })
    )
  })

  describe("run over an endless input", () => {
    it.effect.each([1, 4, 16])("reads a generator no further than concurrency %s needs", (concurrency) =>
      Effect.gen(function* () {
        let read = 0
        const endless = function* () {
          for (;;) yield { n: read++ }
        }
        const fiber = yield* Effect.forkChild(
          Batch.run(
            pipelineOf(() => Effect.sleep("1 second")),
            { params: endless(), concurrency }
          )
        )

        yield* TestClock.adjust("0 seconds")
        const first = read
        yield* TestClock.adjust("3 seconds")

        assert.deepStrictEqual([first, read], [concurrency, 4 * concurrency])
        yield* Fiber.interrupt(fiber)
      })
    )

    it.effect("reads an async generator, and a stream in chunks of one, no further either", () =>
      Effect.gen(function* () {
        const reads = [0, 0]
        const endless = async function* () {
          for (;;) yield { n: reads[0]!++ }
        }
        const stream = Stream.fromEffectRepeat(Effect.sync(() => ({ n: reads[1]!++ })))

        for (const params of [endless(), stream]) {
          const fiber = yield* Effect.forkChild(
            Batch.run(
              pipelineOf(() => Effect.never),
              { params, concurrency: 4 }
            )
          )
          yield* settle
          yield* Fiber.interrupt(fiber)
        }

        assert.isTrue(
          reads.every((read) => read >= 4 && read <= 5),
          String(reads)
        )
      })
    )

    it.effect("ends an async generator and a stream at the first failure, and closes them", () =>
      Effect.gen(function* () {
        const closed: Array<string> = []
        const endless = async function* (): AsyncGenerator<N> {
          try {
            for (let n = 0; ; n++) yield { n }
          } finally {
            closed.push("async generator")
          }
        }
        const stream = Stream.iterate({ n: 0 }, ({ n }) => ({ n: n + 1 })).pipe(
          Stream.ensuring(Effect.sync(() => closed.push("stream")))
        )
        const pipeline = pipelineOf(({ n }) => (n === 100 ? Effect.fail("boom" as const) : Effect.void))

        for (const params of [endless(), stream]) {
          const failed = yield* Effect.flip(Batch.run(pipeline, { params }))
          assert.deepInclude(failed, { _tag: "BatchFailed", error: "boom" })
          assert.isFalse((failed as { readonly report: { readonly exhausted: boolean } }).report.exhausted)
        }

        assert.deepStrictEqual(closed, ["async generator", "stream"])
      })
    )

    it.effect("does not wait for an async source that has gone silent", () =>
      Effect.gen(function* () {
        const silent = async function* (): AsyncGenerator<N> {
          yield { n: 0 }
          await new Promise(() => {})
        }
        const pipeline = pipelineOf(() => Effect.delay(Effect.fail("boom" as const), "1 second"))

        const fiber = yield* Effect.forkChild(Effect.flip(Batch.run(pipeline, { params: silent(), concurrency: 4 })))
        yield* settle
        yield* TestClock.adjust("1 second")

        assert.strictEqual((yield* Fiber.join(fiber)).error, "boom")
      })
    )

    it.effect("starts an item as soon as it comes, while others run", () =>
      Effect.gen(function* () {
        const queue = yield* Queue.unbounded<N>()
        const started: Array<number> = []
        const pipeline = pipelineOf(({ n }) =>
          Effect.andThen(
            Effect.sync(() => started.push(n)),
            Effect.never
          )
        )
        const fiber = yield* Effect.forkChild(Batch.run(pipeline, { params: Stream.fromQueue(queue), concurrency: 4 }))

        for (const params of numbers(4)) {
          yield* Queue.offer(queue, params)
          yield* TestClock.adjust(0)
          assert.strictEqual(started.length, params.n + 1)
        }

        yield* Fiber.interrupt(fiber)
      })
    )
  })

  describe("run over bad params", () => {
    const Strict = Schema.Struct({ user: Schema.Struct({ ages: Schema.Array(Schema.Number) }) })

    const standard = (validate: (value: unknown) => unknown) => ({
      "~standard": { version: 1, vendor: "hand-made", validate: validate as never, types: undefined as never }
    })
    const issue = { issues: [{ message: "expected a number", path: ["user", { key: "ages" }, 1] }] }
    const check = (value: unknown) => (JSON.stringify(value).includes("x") ? issue : { value })

    it.effect.each([
      ["an Effect Schema", Strict],
      ["a Standard Schema", standard(check)],
      ["an async Standard Schema", standard(async (value) => check(value))]
    ] as ReadonlyArray<readonly [string, typeof Strict]>)("fails only that item, with %s", ([, params]) =>
      Effect.gen(function* () {
        const step = Handler.make("step", { params, handleRequest: ({ user }) => Effect.succeed(user.ages.length) })
        const pipeline = Pipeline.make("users", { handlers: { step }, start: "step" })
        const bad = { user: { ages: [1, "x" as never] } }

        const report = yield* Batch.run(pipeline, {
          params: [{ user: { ages: [1] } }, bad, bad, { user: { ages: [] } }],
          mode: "collect-all",
          concurrency: 2
        })

        const tags = report.outcomes.map((outcome) => outcome._tag)
        assert.deepStrictEqual(tags, ["Succeeded", "Failed", "Failed", "Succeeded"])
        const failure = report.outcomes[2] as Outcome.Failed<unknown, unknown>
        const error = Cause.squash(failure.cause)
        assert.instanceOf(error, InvalidParams)
        assert.deepInclude(error, { index: 2, path: ["user", "ages", 1], value: "x" })
        assert.include((error as InvalidParams).expected.toLowerCase(), "expected")
        assert.deepStrictEqual([failure.handler, failure.attempts, failure.path], [undefined, 0, []])
      })
    )

    it.effect("fails the item whose schema throws", () =>
      Effect.gen(function* () {
        const params = standard((value) => {
          if ((value as N).n === 1) throw new Error("bug in schema")
          return { value }
        }) as never as Schema.Codec<N>
        const step = Handler.make("step", { params, handleRequest: ({ n }) => Effect.succeed(n) })
        const pipeline = Pipeline.make("pipeline", { handlers: { step }, start: "step" })

        const report = yield* Batch.run(pipeline, { params: numbers(3), mode: "collect-all" })

        assert.deepStrictEqual(
          report.outcomes.map(({ _tag }) => _tag),
          ["Succeeded", "Failed", "Succeeded"]
        )
      })
    )

    it.effect("decodes with async schemas and hands every handler its own side", () =>
      Effect.gen(function* () {
        const slow = standard(async (value) => ({ value: { n: (value as N).n * 10 } })) as never as Schema.Codec<N>
        const first = Handler.make("first", { params: slow, handleRequest: ({ n }) => Effect.succeed(n) })
        const second = Handler.make("second", {
          prepareInputs: ({ params, previous }: { readonly params: N; readonly previous: number }) => [
            previous,
            params.n
          ],
          handleRequest: (pair) => Effect.succeed(pair)
        })
        const pipeline = Pipeline.make("pipeline", {
          handlers: { first, second },
          start: "first",
          routes: { first: { default: "second" } }
        })

        const report = yield* Batch.run(pipeline, { params: numbers(3) })

        assert.deepStrictEqual(
          report.outcomes.map((outcome) => outcome._tag === "Succeeded" && outcome.output),
          [
            [0, 0],
            [10, 1],
            [20, 2]
          ]
        )
      })
    )

    it.effect("takes the decoded side with decodeParams: false", () =>
      Effect.gen(function* () {
        const step = Handler.make("step", {
          params: Schema.Struct({ at: Schema.DateFromString }),
          handleRequest: ({ at }) => Effect.succeed(at.getTime())
        })
        const pipeline = Pipeline.make("dates", { handlers: { step }, start: "step" })

        const encoded = yield* Batch.run(pipeline, { params: [{ at: "1970-01-01T00:00:01Z" }] })
        const decoded = yield* Batch.run(pipeline, { params: [{ at: new Date(2) }], decodeParams: false })

        const outputs = [...encoded.outcomes, ...decoded.outcomes].map(
          (outcome) => outcome._tag === "Succeeded" && outcome.output
        )
        assert.deepStrictEqual(outputs, [1000, 2])
      })
    )
  })
})
