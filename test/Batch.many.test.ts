import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, type Outcome, Pipeline } from "parallel-batch-pipeline/effect"

interface N {
  readonly n: number
}

/** More than two blocks of the outcomes that are kept, and not a whole number of them. */
const numbers = Array.from({ length: 2_600 }, (_, n): N => ({ n }))

const inputs: ReadonlyArray<readonly [string, () => Batch.Input<N, never, never>]> = [
  ["an array", () => numbers],
  ["a generator", () => numbers.values()],
  ["a Stream", () => Stream.fromIterable(numbers)]
]

const fails = (n: number) => n % 13 === 0
const takesTwo = (n: number) => n % 5 === 0
const isSkipped = (n: number) => n % 11 === 0
const isOdd = (n: number) => n % 2 === 1
const millis = (n: number) => (n % 7) * 100

/** Two routes, some with two attempts; some fail, some are skipped, and late ones overtake early ones. */
const makePipeline = () => {
  const tried = new Set<number>()
  const first = Handler.make("first", {
    handleRequest: ({ n }: N) =>
      Effect.suspend(() => {
        const isAgain = tried.has(n)
        tried.add(n)
        const answer = fails(n) || (takesTwo(n) && !isAgain) ? Effect.fail(`no ${n}`) : Effect.succeed(n * 2)
        return Effect.delay(answer, millis(n))
      }),
    retry: { times: 1 },
    processResults: ({ params: { n } }) =>
      isSkipped(n) ? Handler.skip("eleven") : Handler.next(isOdd(n) ? "odd" : "even")
  })
  const odd = Handler.make("odd", { handleRequest: ({ n }: N) => Effect.succeed(n) })
  return Pipeline.make("work", { handlers: { first, odd }, start: "first", routes: { first: { odd: "odd" } } })
}

const expected = numbers.map((params): unknown => {
  const { n } = params
  const calls = fails(n) || takesTwo(n) ? 2 : 1
  const item = { index: n, params, duration: calls * millis(n) }
  if (fails(n)) return { ...item, _tag: "Failed", attempts: calls, path: ["first"] }
  if (isSkipped(n)) return { ...item, _tag: "Skipped", attempts: calls, path: ["first"] }
  return isOdd(n)
    ? { ...item, _tag: "Succeeded", attempts: calls + 1, path: ["first", "odd"], output: n }
    : { ...item, _tag: "Succeeded", attempts: calls, path: ["first"], output: n * 2 }
})

const shown = (outcome: Outcome.Any): unknown => {
  const { _tag, index, params } = outcome
  assert(_tag === "Succeeded" || _tag === "Failed" || _tag === "Skipped")
  const item = { _tag, index, params, duration: Duration.toMillis(outcome.duration) }
  const ended = { ...item, attempts: outcome.attempts, path: outcome.path }
  return _tag === "Succeeded" ? { ...ended, output: outcome.output } : ended
}

describe("the outcomes of many items", () => {
  it.effect.each(inputs)("from %s are kept, each in its place", ([, make]) =>
    Effect.gen(function* () {
      const batch = Batch.run(makePipeline(), { params: make(), concurrency: 30, mode: "collect-all", timings: true })
      const fiber = yield* Effect.forkChild(batch)
      yield* TestClock.adjust("1 hour")
      const { outcomes } = yield* Fiber.join(fiber)

      assert.deepStrictEqual(outcomes.map(shown), expected)
      for (const outcome of outcomes) {
        assert("timings" in outcome)
        assert.deepStrictEqual(
          outcome.timings?.map(({ step }) => step),
          outcome.path
        )
        assert.deepStrictEqual(outcome.timings?.[0]?.startedAfter, outcome.startedAfter)
      }
    })
  )

  it.effect.each(inputs)("from %s are those that have ended, while it runs and when it ended early", ([, make]) =>
    Effect.gen(function* () {
      const handle = yield* Batch.fork(makePipeline(), {
        params: make(),
        concurrency: 30,
        mode: "collect-all",
        timeout: "20 seconds"
      })
      yield* TestClock.adjust("15 seconds")
      const live = yield* handle.report
      yield* TestClock.adjust("1 hour")
      const { outcomes } = yield* handle.await

      for (const report of [live.outcomes, outcomes]) {
        const ended = report.filter(({ _tag }) => _tag !== "Interrupted" && _tag !== "NotStarted")
        assert.isAbove(ended.length, 1_024)
        assert.isBelow(ended.length, numbers.length)
        assert.deepStrictEqual(
          ended.map(shown),
          ended.map(({ index }) => expected[index])
        )
      }
      assert.deepStrictEqual(
        outcomes.map(({ params }) => params),
        numbers.slice(0, outcomes.length)
      )
    })
  )
})
