import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber, Schedule, Scheduler, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Batch, Breaker, Gate, Handler, type Outcome, Pipeline, type Report } from "parallel-batch-pipeline/effect"

const Int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const list = <S extends Schema.Top>(of: S, most: number, least = 0) =>
  Schema.Array(of).check(Schema.isMinLength(least), Schema.isMaxLength(most))

const Key = Schema.Literals(["a", "a", "a", "b"])
const Which = Schema.Literals([0, 1, 2])
/** Gates of batches were mostly made before those of steps: that is where most of them are put aside. */
const GateOfBatch = Schema.Literals([0, 0, 1, 2, "none"])
const GateOfStep = Schema.Literals([0, 1, 2, 2, "none"])

/** One place and few keys: that is where most wait for each other. */
const Limits = Schema.Struct({
  concurrency: Schema.Literals([1, 1, 1, 1, 1, 2, "unbounded", "adaptive"]),
  limit: Schema.optionalKey(Int(1, 3)),
  keys: Schema.Literals(["one for all", "of the request", "one at a time"]),
  order: Schema.Literals(["fifo", "fair"]),
  openFor: Schema.optionalKey(Int(1, 15))
})

const Request = Schema.Struct({
  key: Key,
  /** The gates that it goes through by itself, from the outside to the inside, and when it comes to each. */
  through: list(Schema.Struct({ gate: Which, after: Int(0, 10) }), 2),
  takes: Int(0, 15),
  /** What becomes of its attempts; then one succeeds, and it begins anew. */
  ends: list(Schema.Literals(["fail", "limited", "busy"]), 2),
  /** Whether it runs a batch of the next level then, where there is one. */
  nests: Schema.Literals([true, true, true, false])
})
type Request = typeof Request.Type

/** A batch: those of one level run those of the next inside of their requests. */
const Level = Schema.Struct({
  gate: GateOfBatch,
  gateOfStep: GateOfStep,
  retries: Schema.optionalKey(Int(0, 20)),
  timeout: Schema.optionalKey(Int(3, 30)),
  concurrency: Int(1, 3),
  parked: Schema.optionalKey(Int(1, 3)),
  requests: list(Request, 3, 1)
})

const Action = Schema.Union([
  Schema.Struct({ say: Schema.Literal("wait"), millis: Int(0, 12) }),
  Schema.Struct({ say: Schema.Literals(["pause", "resume", "drain"]), batch: Which }),
  Schema.Struct({ say: Schema.Literal("setConcurrency"), batch: Which, n: Int(1, 4) }),
  Schema.Struct({ say: Schema.Literal("cancel"), batch: Which, n: Int(0, 4) }),
  Schema.Struct({ say: Schema.Literal("close"), gate: Which, key: Key, millis: Int(1, 30) }),
  Schema.Struct({ say: Schema.Literal("interrupt"), effect: Which })
])

const Mixture = Schema.Struct({
  gates: Schema.Tuple([Limits, Limits, Limits]),
  levels: list(Level, 3, 2),
  /** The levels of the batches that stand for themselves. */
  batches: list(Which, 3, 2),
  /** Requests outside of batches, which may run one of the second level. */
  effects: list(Request, 3),
  actions: list(Action, 6),
  /** Whether there are timeouts: they are rare, because they end also what would wait for ever. */
  timed: Schema.Literals([true, false, false, false]),
  operations: Schema.Literals([4, 5, 7, 9, 12, 2048])
})
type Mixture = typeof Mixture.Type

const gateOf = ({ concurrency, keys, limit, openFor, order }: typeof Limits.Type) =>
  Gate.make({
    order,
    concurrency: concurrency === "adaptive" ? { min: 1, max: 3, adapt: "aimd" } : concurrency,
    rate: limit === undefined ? undefined : { limit, window: 20 },
    key: keys === "one for all" ? undefined : ({ key }: Request) => key,
    concurrencyPerKey: keys === "one at a time" ? 1 : undefined,
    breaker: openFor === undefined ? undefined : Breaker.make({ failures: 1, openFor })
  })

const errors = { fail: "no", limited: { retryAfter: 0.02 }, busy: { status: 429 } }

type AnyReport = Report.Report<unknown, Outcome.Any>

/** Batches and effects that go through the same gates; `reports` are those of the batches inside of others that have ended. */
const makeWork = ({ gates: limits, levels, timed }: Mixture) => {
  const gates = limits.map(gateOf)
  const reports: Array<AnyReport> = []
  const attempts = new Map<Request, number>()

  const attempt = (request: Request): Effect.Effect<void, unknown> =>
    Effect.suspend(() => {
      const made = attempts.get(request) ?? 0
      attempts.set(request, made + 1)
      const end = request.ends[made % (request.ends.length + 1)]
      return Effect.andThen(Effect.sleep(request.takes), end === undefined ? Effect.void : Effect.fail(errors[end]))
    })
  const effectOf = (request: Request, level: number): Effect.Effect<void, unknown> => {
    const nested = levels[level + 1] === undefined || !request.nests ? Effect.void : run(level + 1)
    return request.through.reduceRight(
      (effect, { after, gate }) => Effect.delay(Gate.withPermit(effect, gates[gate]!, request), after),
      Effect.andThen(attempt(request), nested)
    )
  }
  const gateAt = (which: typeof GateOfStep.Type) => (which === "none" ? undefined : gates[which])
  const pipelines = levels.map(({ gateOfStep, retries, timeout }, level) => {
    const step = Handler.make("step", {
      handleRequest: (request: Request): Effect.Effect<void, unknown> => effectOf(request, level),
      gate: gateAt(gateOfStep),
      retry: retries === undefined ? undefined : { times: 2, schedule: Schedule.spaced(retries) },
      ...(timeout !== undefined && timed ? { timeout } : undefined)
    })
    return Pipeline.make(String(level), { handlers: { step }, start: "step" })
  })
  const batchAt = (level: number) => {
    const { concurrency, gate, parked, requests } = levels[level]!
    const key = (request: Request) => String(requests.indexOf(request))
    const options = { params: requests, concurrency, parked, gate: gateAt(gate), key, mode: "collect-all" } as const
    return [pipelines[level]!, options] as const
  }
  const run = (level: number): Effect.Effect<void, unknown> =>
    Effect.map(Batch.run(...batchAt(level)), (report) => void reports.push(report))
  const fork = (level: number) => Batch.fork(...batchAt(level % levels.length))
  return { gates, reports, effectOf, fork }
}

/** Runs it to its end, and whatever hangs is a failure. */
const play = (mixture: Mixture) =>
  Effect.gen(function* () {
    const { effectOf, fork, gates, reports } = makeWork(mixture)
    const batches = yield* Effect.forEach(mixture.batches, fork)
    const effects = yield* Effect.forEach(mixture.effects, (request) =>
      Effect.forkChild(Effect.exit(effectOf(request, 0)))
    )
    const say = (action: typeof Action.Type): Effect.Effect<unknown> => {
      if (action.say === "wait") return TestClock.adjust(action.millis)
      if (action.say === "close") return Gate.close(gates[action.gate]!, action.key, action.millis)
      if (action.say === "interrupt") {
        const effect = effects[action.effect]
        return effect === undefined ? Effect.void : Effect.forkChild(Fiber.interrupt(effect))
      }
      const batch = batches[action.batch]
      if (batch === undefined) return Effect.void
      if (action.say === "setConcurrency") return batch.setConcurrency(action.n)
      // These two answer only when something has ended.
      if (action.say === "cancel") return Effect.forkChild(batch.cancel(String(action.n)))
      return action.say === "drain" ? Effect.forkChild(batch.drain) : batch[action.say]
    }
    yield* Effect.forEach(mixture.actions, say)
    for (const batch of batches) yield* batch.resume

    const all = [...batches.map(({ await: ended }) => Effect.exit(ended)), ...effects.map(Fiber.await)]
    const fiber = yield* Effect.forkChild(Effect.all(all, { concurrency: "unbounded", discard: true }))
    for (let i = 0; i < 400 && fiber.pollUnsafe() === undefined; i++) yield* TestClock.adjust(50)
    assert.isDefined(fiber.pollUnsafe(), "the clock was moved far, and still something waits")

    for (const gate of gates) assert.deepInclude(yield* Gate.state(gate), { running: 0, waiting: 0 })
    for (const report of [...reports, ...(yield* Effect.forEach(batches, (batch) => batch.report))]) {
      assertWhole(report, mixture.levels[Number(report.pipeline.name)]!.requests)
    }
  }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, mixture.operations), Effect.scoped)

/** Each item has one outcome, in its order, and none is a bug. */
const assertWhole = (report: AnyReport, requests: ReadonlyArray<Request>) => {
  const { failed, interrupted, notStarted, outcomes, skipped, succeeded, total } = report
  assert.strictEqual(total, requests.length)
  assert.strictEqual(succeeded + failed + skipped + interrupted + notStarted, total)
  assert.deepStrictEqual(
    outcomes.map(({ index, params }) => [index, params]),
    Array.from(requests.entries())
  )
  for (const outcome of outcomes) {
    if (outcome._tag === "Failed") assert.isFalse(Cause.hasDies(outcome.cause), Cause.pretty(outcome.cause))
  }
}

const one = { concurrency: 1, keys: "one for all", order: "fifo" } as const
const request = { key: "a", through: [], takes: 0, ends: [], nests: true } as const
const through = (...gates: ReadonlyArray<0 | 1 | 2>): Request => ({
  ...request,
  through: gates.map((gate) => ({ gate, after: 0 }))
})
const level = { gate: "none", gateOfStep: "none", concurrency: 1, requests: [request] } as const
const simple = { gates: [one, one, one], effects: [], actions: [], timed: false, operations: 2048 } as const

/** Mixtures that have hung: what stands around the item, and what it waits for. */
const hung: ReadonlyArray<readonly [what: string, mixture: Mixture]> = [
  [
    "a later permit around, and a step, in two batches",
    {
      ...simple,
      levels: [
        { ...level, gate: 0, requests: [through(1, 2)] },
        { ...level, gate: 0, gateOfStep: 2 }
      ],
      batches: [0, 0],
      operations: 9
    }
  ],
  [
    "a later permit around, and a step, in an effect",
    {
      ...simple,
      levels: [level, { ...level, gate: 0, gateOfStep: 2, requests: [{ ...request, ends: ["limited"] }, through(1)] }],
      batches: [1],
      effects: [through(1)]
    }
  ],
  [
    "a permit that the probe needs, and the probe",
    {
      ...simple,
      gates: [one, one, { ...one, limit: 1, openFor: 1 }],
      levels: [
        { ...level, requests: [through(1)] },
        { ...level, gateOfStep: 2, retries: 0, requests: [{ ...through(0), ends: ["fail"] }] }
      ],
      batches: [0, 0]
    }
  ],
  [
    "a permit that the batch within the probe needs, and the probe",
    {
      ...simple,
      gates: [one, { ...one, limit: 1 }, { ...one, openFor: 1 }],
      levels: [
        { ...level, requests: [through(0)] },
        { ...level, gate: 1, gateOfStep: 2, requests: [{ ...request, ends: ["fail"] }, request] },
        { ...level, gate: 0 }
      ],
      batches: [1, 0]
    }
  ]
]

describe("Gates, batches and effects inside of each other", () => {
  it.effect.prop(
    "come to an end with every outcome and nothing left at a gate, whatever is said to them",
    { mixture: Mixture },
    ({ mixture }) => play(mixture),
    // With each of the two mistakes that are pinned below, about one mixture in a hundred hangs.
    { arbitrary: { runs: 800, size: 2000 }, timeout: 60_000 }
  )

  it.effect.each(hung)("come to an end: %s", ([, mixture]) => play(mixture))
})
