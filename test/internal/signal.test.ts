import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Signal } from "../../src/internal/signal.ts"

describe("Signal", () => {
  it.effect("is heard where it is said after it was asked for, and before the fiber waits", () =>
    Effect.gen(function* () {
      const signal = new Signal()
      const wait = signal.wait
      signal.fire()

      const fiber = yield* Effect.forkChild(wait, { startImmediately: true })
      assert.isDefined(fiber.pollUnsafe())
      yield* Fiber.join(fiber)
    })
  )

  it.effect("is not heard where it was said before", () =>
    Effect.gen(function* () {
      const signal = new Signal()
      signal.fire()

      const fiber = yield* Effect.forkChild(signal.wait, { startImmediately: true })
      assert.isUndefined(fiber.pollUnsafe())
      signal.fire()
      yield* Fiber.join(fiber)
    })
  )
})
