/** Reports of batches that still run, taken through the handle of `Batch.fork`. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
import { throughBoth } from "./support/savedReports.ts"

interface Given {
  readonly n: number
}

/** Item n takes n seconds; those whose n is odd fail. */
const wait = Handler.make("wait", {
  handleRequest: ({ n }: Given) =>
    Effect.delay(n % 2 === 1 ? Effect.fail("odd") : Effect.succeed(n), Duration.seconds(n))
})
const waiting = Pipeline.make("waiting", { handlers: { wait }, start: "wait" })
const params = [4, 1, 3, 2, 5].map((n) => ({ n }))

describe("Report", () => {
  describe("of a batch that runs", () => {
    it.effect.each(["all", "failures", "none"] as const)("adds up, and can be saved: outcomes %s", (outcomes) =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(waiting, { params, concurrency: 3, mode: "collect-all", outcomes })
        for (let second = 0; second < 9; second++) {
          const live: Report.Any = yield* batch.report
          yield* TestClock.adjust("1 second")

          const { endedBy, exhausted, failed, succeeded, total } = live
          assert.deepStrictEqual([succeeded + failed, endedBy._tag, exhausted], [total, "Running", false])
          const restored = yield* throughBoth(live, waiting)
          assert.deepStrictEqual(
            [restored.total, restored.exhausted, restored.endedBy, restored.outcomes.length],
            [total, false, endedBy, { all: total, failures: failed, none: 0 }[outcomes]]
          )
          if ((yield* batch.report).endedBy._tag !== "Running") break
        }
        const { endedBy, exhausted, total } = yield* batch.await

        assert.deepStrictEqual([total, endedBy._tag, exhausted], [5, "Completed", true])
      })
    )

    it.effect("has the outcomes of its moment, whenever they are read", () =>
      Effect.gen(function* () {
        const batch = yield* Batch.fork(waiting, { params, concurrency: 3, mode: "collect-all" })
        yield* TestClock.adjust("3 seconds")
        const half = yield* batch.report
        yield* TestClock.adjust("10 seconds")
        const all = yield* batch.await

        assert.deepStrictEqual(
          [half.total, half.succeeded, half.failed, half.outcomes.map(({ index }) => index)],
          [3, 1, 2, [1, 2, 3]]
        )
        assert.deepStrictEqual(
          half.outcomes.map(({ _tag }) => _tag),
          ["Failed", "Failed", "Succeeded"]
        )
        assert.strictEqual(all.outcomes.length, 5)
      })
    )
  })
})
