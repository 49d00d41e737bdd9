import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Gate, Handler, InvalidOptions, Pipeline, RateLimited } from "parallel-batch-pipeline/effect"
import { type Call, calls, collect, makeLog, single } from "./support/calls.ts"

describe("how long a gate closes", () => {
  it.effect("may be a pause that doubles, where an answer 429 does not say how long", () =>
    Effect.gen(function* () {
      const gate = Gate.make({
        closeOn: (_error, { limited, retryAfter }) => retryAfter ?? (limited ? 0 : undefined),
        jitter: 0
      })
      const { log, times } = makeLog()
      const answers = [new Response(null, { status: 429 }), { status: 503 }, new RateLimited({}), { retryAfter: 1 }, {}]
      const step = Handler.make("step", {
        handleRequest: ({ n }: Call) =>
          Effect.andThen(
            log(n),
            Effect.suspend(() => Effect.fail(answers.shift()))
          ),
        gate
      })

      const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(1), ...collect }))
      yield* TestClock.adjust(5000)

      assert.deepInclude(yield* Fiber.join(fiber), { failed: 1 })
      assert.deepStrictEqual(times(), [0, 100, 300, 700, 1700])
    })
  )

  it.effect("is trusted for as long as maxClose says; Gate.close is not bound by it", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ maxClose: 100, jitter: 0 })
      const { log, times } = makeLog()
      const answers = [{ retryAfter: 365 * 24 * 3600 }, { retryAfter: 0.05 }]
      const step = Handler.make("step", {
        handleRequest: ({ n }: Call) =>
          Effect.andThen(
            log(n),
            Effect.suspend(() => {
              const answer = answers.shift()
              return answer === undefined ? Effect.void : Effect.fail(answer)
            })
          ),
        gate
      })

      const fiber = yield* Effect.forkChild(Batch.run(single(step), { params: calls(1) }))
      yield* TestClock.adjust(1000)
      yield* Fiber.join(fiber)
      yield* Gate.close(gate, "", 500)
      const later = yield* Effect.forkChild(Batch.run(single(step), { params: calls(1) }))
      yield* TestClock.adjust(1000)
      yield* Fiber.join(later)

      assert.deepStrictEqual(times(), [0, 100, 150, 1500])
    })
  )

  it.effect("is at most maxClose, also with the jitter", () =>
    Effect.gen(function* () {
      const gate = Gate.make({ maxClose: 1000, jitter: 1 })
      yield* Effect.flip(Gate.withPermit(Effect.fail({ retryAfter: 60 }), gate))

      const fiber = yield* Effect.forkChild(Gate.withPermit(Effect.void, gate))
      yield* TestClock.adjust(1000)

      assert.isDefined(fiber.pollUnsafe(), "it is closed for longer")
    })
  )

  const answers: ReadonlyArray<readonly [what: string, answer: unknown]> = [
    ["an object without a unit", {}],
    ["a unit that is none", { second: 1 }],
    ["a unit that is no number", { seconds: "1" }],
    ["a promise", Promise.resolve("1 second")],
    ["a date", new Date()],
    ["a response", new Response(null, { status: 429 })],
    ["NaN", Number.NaN],
    ["a unit that is NaN", { seconds: Number.NaN }],
    ["a pair with NaN", [Number.NaN, 0]],
    ["no duration", "soon"],
    ["null", null],
    ["less than nothing", "-1 seconds"]
  ]

  it.effect.each(answers)("is a bug of closeOn where that answers %s", ([, answer]) =>
    Effect.gen(function* () {
      const gate = Gate.make({ closeOn: () => answer as never })

      const exit = yield* Effect.exit(Gate.withPermit(Effect.fail("down"), gate))

      assert(Exit.isFailure(exit))
      const defects = exit.cause.reasons.filter(Cause.isDieReason).map(({ defect }) => defect)
      assert.deepInclude(
        defects.find((defect) => defect instanceof InvalidOptions),
        { option: "closeOn" }
      )
      assert.deepInclude(yield* Gate.state(gate), { closed: 0, running: 0 })
    })
  )

  const durations = [1000, 1_000_000_000n, [1, 0], "1 second", { seconds: 1 }, { milliseconds: 1000, days: 0 }] as const

  it.effect.each(durations)("may be said as %o", (duration) =>
    Effect.gen(function* () {
      const gate = Gate.make({ closeOn: () => duration, jitter: 0 })

      yield* Effect.flip(Gate.withPermit(Effect.fail("down"), gate))

      assert.deepStrictEqual((yield* Gate.stateOf(gate, "")).closedFor, Duration.seconds(1))
    })
  )
})

describe("What a gate is told", () => {
  const boom = (): never => {
    throw new Error("boom")
  }
  const bugs: Readonly<Record<string, object>> = {
    "a loop that takes too many steps": {},
    prepareInputs: { prepareInputs: boom },
    processResults: { processResults: boom },
    handleRequest: { handleRequest: boom }
  }

  it.effect.each(Object.entries(bugs))("is no error that comes from no request (%s)", ([, bug]) =>
    Effect.gen(function* () {
      const asked: Array<unknown> = []
      const gate = Gate.make({
        closeOn: (error) => {
          asked.push(error)
          return "1 second"
        }
      })
      let requests = 0
      const step = Handler.make("step", {
        handleRequest: (_call: Call) => Effect.sync(() => void requests++),
        ...bug
      })
      const pipeline = Pipeline.make("loop", {
        handlers: { step },
        start: "step",
        routes: { step: { default: "step" } }
      })

      const options = { params: calls(1), maxSteps: 3, ...collect }
      const fiber = yield* Effect.forkChild(Batch.run(pipeline, { ...options, gate }))
      yield* TestClock.adjust("1 minute")

      assert.isDefined(fiber.pollUnsafe(), "it is made again without end")
      assert.deepInclude(yield* Fiber.join(fiber), { failed: 1 })
      assert.deepStrictEqual(asked, [])
      assert.isAtMost(requests, 3)
      assert.deepInclude(yield* Gate.state(gate), { closed: 0, running: 0 })
    })
  )

  const places = ["handler", "batch"].flatMap((at) => [{ at }, { at, timeout: 1000 }, { at, retry: { times: 1 } }])

  it.effect.each(places)(
    "once where the budget allows no further call, and its place is free (%o)",
    ({ at, ...policy }) =>
      Effect.gen(function* () {
        let asked = 0
        const gate = Gate.make({ concurrency: 1, jitter: 0, key: (_call: Call) => `key ${asked++}` })
        const ofBatch = at === "batch"
        const step = Handler.make("step", {
          handleRequest: (_call: Call) => Effect.fail(new RateLimited({ retryAfter: Duration.millis(10) })),
          gate: ofBatch ? undefined : gate,
          ...policy
        })

        const options = { params: calls(1), budget: { calls: 1 }, drain: "1 second", ...collect } as const
        const fiber = yield* Effect.forkChild(Batch.run(single(step), { ...options, gate: ofBatch ? gate : undefined }))
        yield* TestClock.adjust("2 seconds")

        assert.deepInclude(yield* Fiber.join(fiber), { interrupted: 1, attempts: 1 })
        assert.strictEqual(asked, 2)
        assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
      })
  )
})
