/** The functions that may not wait, and what becomes of those that do all the same. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import * as Classes from "parallel-batch-pipeline"
import { Batch, Handler, InvalidOptions, Outcome, Pipeline } from "parallel-batch-pipeline/effect"

type Steps = Pipeline.Pipeline<number, number, unknown, number, string, never, never>

/** What items fail with whose handler has these functions, which no type has checked. */
const failuresOf = Effect.fnUntraced(function* (functions: Readonly<Record<string, unknown>>) {
  const options = { handleRequest: Effect.succeed, ...functions } as never
  const step: Handler.Any = Handler.make("step", options)
  const steps = Pipeline.make("steps", { handlers: { step }, start: "step" }) as unknown as Steps
  const report = yield* Batch.run(steps, { params: [1, 2], mode: "collect-all" })
  return report.outcomes.filter(Outcome.isFailed).map(({ cause, handler, index }) => {
    assert.isTrue(Cause.hasDies(cause))
    return `${handler} of ${index}: ${(Cause.squash(cause) as Error).message}`
  })
})

// Where nobody takes what these reject with, the process of the tests fails.
const rejects = async (): Promise<never> => {
  throw new Error("nobody waits for it")
}
const rejectsAsWell = (): Promise<never> => rejects()

describe("a function that may not wait", () => {
  it.each(["prepareInputs", "processResults"])("an async %s is refused, with where to wait", (option) => {
    const options = { handleRequest: Effect.succeed, [option]: rejects }
    const message = new RegExp(
      `"${option}" of handler "step" to be a synchronous function \\(wait in handleRequest, .*Handler.fromPromise`
    )
    assert.throws(() => Handler.make("step", options as never), InvalidOptions, message)
    assert.throws(() => Handler.fromPromise("step", options as never), InvalidOptions, message)
  })

  it("an async retry.while, or retryIf of a class, is refused", () => {
    const retry = { times: 2, while: rejects as never }
    assert.throws(
      () => Handler.make("step", { handleRequest: () => Effect.fail("no"), retry }),
      InvalidOptions,
      /"retry.while" of handler "step" to be a synchronous function, got/
    )
    class Step extends Classes.Handler<object, void> {
      protected handleRequest(): void {}
    }
    assert.throws(
      () => new Step({ retryIf: rejects as never }),
      InvalidOptions,
      /"retryIf" of Step to be a synchronous function, got/
    )
  })

  it.effect.each([
    ["a promise", rejectsAsWell],
    ["an effect", () => Effect.succeed(false)]
  ])("%s that retry.while answers fails the items after one attempt", ([, answer]) =>
    Effect.gen(function* () {
      const failures = yield* failuresOf({ handleRequest: () => Effect.fail("no"), retry: { while: answer } })
      assert.lengthOf(failures, 2)
      assert.match(failures[0]!, /^step of 0: Whether handler "step" tries again is answered by .*, expected a boolean/)
    })
  )

  it.effect("a promise that processResults answers fails the items, and leaves no rejection behind", () =>
    Effect.gen(function* () {
      const failures = yield* failuresOf({ processResults: rejectsAsWell })
      assert.lengthOf(failures, 2)
      assert.match(
        failures[1]!,
        /^step of 1: processResults of handler "step" answered a promise, .*expected Handler.next/
      )
    })
  )

  it.effect("an async draft of nextWith fails the items, and leaves no rejection behind", () =>
    Effect.gen(function* () {
      const failures = yield* failuresOf({ processResults: () => Handler.nextWith("next", rejects) })
      assert.lengthOf(failures, 2)
      assert.match(failures[0]!, /Handler.nextWith answered a promise, but it is synchronous/)
    })
  )

  it.effect("an async handleRequest without fromPromise fails the items, and leaves no rejection behind", () =>
    Effect.gen(function* () {
      const failures = yield* failuresOf({ handleRequest: rejects })
      assert.match(
        failures[0]!,
        /handleRequest of handler "step" answered .* expected an Effect; .*Handler.fromPromise/
      )
    })
  )

  it("an async method of a class fails its runs", async () => {
    class Prepares extends Classes.Handler<Promise<never>, void> {
      protected override async prepareInputs(): Promise<never> {
        return rejects()
      }
      protected handleRequest(): void {}
    }
    class Processes extends Classes.Handler<object, void> {
      protected handleRequest(): void {}
      // @ts-expect-error: who writes JavaScript may do it
      protected override async processResults(): Promise<string> {
        return rejects()
      }
    }
    for (const step of [new Prepares(), new Processes() as never]) {
      const batch = new Classes.BatchPipeline(new Classes.Pipeline(step), { params: () => [{}] })
      const thrown = await batch.run({}).catch(String)
      assert.match(
        thrown,
        /^TypeError: (?:prepareInputs of Prepares|processResults of Processes) is async, .*handleRequest/
      )
    }
  })
})
