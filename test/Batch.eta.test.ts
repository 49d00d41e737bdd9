import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"

interface Call {
  readonly host: string
}

const calls = (count: number, host: string): ReadonlyArray<Call> => Array.from({ length: count }, () => ({ host }))

const asking = (gate: Gate.Gate<Call>) => {
  const ask = Handler.make("ask", {
    handleRequest: ({ host }: Call) => Effect.delay(Effect.succeed(host), "1 second"),
    gate
  })
  return Pipeline.make("asking", { handlers: { ask }, start: "ask" })
}

describe("Batch.fork", () => {
  describe("eta", () => {
    it.effect("is not told while all that runs waits at a closed gate, and is again once it opens", () =>
      Effect.gen(function* () {
        const gate = Gate.make({ key: ({ host }: Call) => host, concurrencyPerKey: 2 })
        const batch = yield* Batch.fork(asking(gate), {
          params: [...calls(40, "a"), ...calls(2, "b")],
          mode: "collect-all"
        })
        const etaAfter = (duration: Duration.Input) =>
          Effect.andThen(
            TestClock.adjust(duration),
            Effect.map(SubscriptionRef.get(batch.progress), ({ eta }) => eta)
          )

        const before = yield* etaAfter("1500 millis")
        yield* Gate.close(gate, "a", "1 minute")
        const closed = [yield* etaAfter("1 second"), yield* etaAfter("30 seconds")]
        const opened = yield* etaAfter("36 seconds")

        assert.isDefined(before)
        assert.deepStrictEqual(closed, [undefined, undefined])
        assert.isDefined(opened)
      })
    )
  })
})
