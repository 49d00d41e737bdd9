import { Context, Effect, Schema, Stream } from "effect"
import {
  Batch,
  type BatchFailed,
  type DuplicateKey,
  Handler,
  type HandlerTimeout,
  type IncompleteReport,
  type InvalidReport,
  type ItemError,
  type Outcome,
  Pipeline,
  type PipelineChanged,
  type Plan,
  type RenderedError,
  Report,
  type UnknownKey
} from "parallel-batch-pipeline/effect"
import { describe, expectTypeOf, it } from "vitest"

class Database extends Context.Service<Database, { readonly query: Effect.Effect<number> }>()("Database") {}
class Odd extends Schema.TaggedError<Odd>()("Odd", { n: Schema.Number }) {}
class Other extends Schema.TaggedError<Other>()("Other", {}) {}

const Params = Schema.Struct({ n: Schema.NumberFromString })
const Total = Schema.Struct({ sum: Schema.Number })

const half = Handler.make("half", {
  params: Params,
  shared: Total,
  handleRequest: ({ n }) =>
    Effect.flatMap(Database, ({ query }) => (n % 2 === 0 ? Effect.as(query, n / 2) : Effect.fail(new Odd({ n })))),
  error: Odd
})
const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })

type Encoded = { readonly n: string }
type Decoded = { readonly n: number }
type Of<P, E> = Outcome.Outcome<P, "default", number, E>

declare const report: Report.Report<typeof Total.Type, Of<Encoded, Odd>>

const request = (n: number): Effect.Effect<number, Odd | Other> =>
  n === 0 ? Effect.fail(new Other()) : Effect.succeed(n)

describe("Handler.make with an error schema", () => {
  it("takes nothing away from its inference", () => {
    const work = Handler.make("work", {
      prepareInputs: ({ previous }: { readonly previous: number }) => previous,
      handleRequest: (n) => request(n),
      processResults: ({ outputs }) => Handler.next(outputs > 1 ? "many" : "few"),
      timeout: "1 second",
      error: Schema.Union([Odd, Other]),
      output: Schema.Number
    })
    expectTypeOf<Handler.Error<typeof work>>().toEqualTypeOf<Odd | Other | HandlerTimeout>()
    expectTypeOf<Handler.Output<typeof work>>().toEqualTypeOf<number>()
    expectTypeOf<Handler.Action<typeof work>>().toEqualTypeOf<"many" | "few">()

    const promised = Handler.fromPromise("promised", {
      handleRequest: async ({ n }: { readonly n: number }, _signal) => n,
      catch: (cause) => (cause instanceof Odd ? cause : new Other()),
      error: Schema.Union([Odd, Other])
    })
    expectTypeOf<Handler.Error<typeof promised>>().toEqualTypeOf<Odd | Other>()
  })

  it("takes a schema for some of the errors, and none for others", () => {
    Handler.make("some", {
      handleRequest: request,
      error: Odd
    })
    Handler.make("others", {
      handleRequest: (n: number) => Effect.fail(new Odd({ n })),
      // @ts-expect-error the handler does not fail with it
      error: Other
    })
    Handler.make("others", {
      handleRequest: (n: number) => Effect.succeed(n),
      // @ts-expect-error it answers a number
      output: Schema.String
    })
  })
})

describe("Report", () => {
  it("picks errors and failures with their types", () => {
    expectTypeOf(Report.errors(report)).toEqualTypeOf<ReadonlyArray<ItemError<Odd>>>()
    expectTypeOf(Report.failures(report)).toEqualTypeOf<ReadonlyArray<Outcome.Failed<Encoded, Odd>>>()
    expectTypeOf(Report.byKey(report)).toEqualTypeOf<ReadonlyMap<string, Of<Encoded, Odd>>>()
  })

  it("reads the types of the pipeline, and RenderedError for what has no schema", () => {
    type Expected = Report.Report<typeof Total.Type, Of<Encoded | Decoded, Odd | RenderedError>>
    expectTypeOf(Report.fromJson("", halves)).toEqualTypeOf<Effect.Effect<Expected, InvalidReport>>()
    expectTypeOf(Report.fromJson("")).toEqualTypeOf<Effect.Effect<Report.Any, InvalidReport>>()
    expectTypeOf(Report.fromJsonLines(Stream.fail("gone" as const), halves)).toEqualTypeOf<
      Effect.Effect<Expected, InvalidReport | "gone">
    >()
    expectTypeOf(report).toExtend<Report.Any>()
  })

  it("takes its options alone, and then the report", () => {
    expectTypeOf(Report.format()(report)).toEqualTypeOf<string>()
    expectTypeOf(Report.toJson(halves)(report)).toEqualTypeOf<string>()
    expectTypeOf(Report.diff(report)(report)).toEqualTypeOf<Report.Diff<Of<Encoded, Odd>, Of<Encoded, Odd>>>()
  })
})

describe("Batch.plan and redrive", () => {
  it("carry the types of the pipeline from the report to the next", () => {
    const plan = Batch.plan(halves, report)
    type Planned = Plan.Plan<Encoded, typeof Total.Type, number, "default", Odd, Database>
    type Next = Report.Report<typeof Total.Type, Of<Encoded, Odd>>

    expectTypeOf(plan).toEqualTypeOf<Effect.Effect<Planned, PipelineChanged | IncompleteReport>>()
    expectTypeOf(halves.pipe(Batch.plan(report))).toEqualTypeOf<typeof plan>()
    expectTypeOf(Effect.flatMap(plan, (plan) => Batch.redrive(plan, { mode: "collect-all" }))).toEqualTypeOf<
      Effect.Effect<Next, PipelineChanged | IncompleteReport, Database>
    >()
    expectTypeOf(Effect.flatMap(plan, Batch.redrive())).toEqualTypeOf<
      Effect.Effect<Next, PipelineChanged | IncompleteReport | BatchFailed<Odd, Next>, Database>
    >()
  })

  it("add what duplicates add", () => {
    const redriven = (plan: Plan.Plan<Encoded, typeof Total.Type, number, "default", Odd, never>) =>
      Batch.redrive(plan, { mode: "collect-all", duplicates: "error" })

    expectTypeOf(redriven).returns.toEqualTypeOf<
      Effect.Effect<Report.Report<typeof Total.Type, Of<Encoded, Odd | DuplicateKey>>, IncompleteReport>
    >()
  })

  it("take a report that was saved", () => {
    const restored = Report.fromJson("", halves)

    expectTypeOf(Effect.flatMap(restored, (saved) => Batch.plan(halves, saved))).toEqualTypeOf<
      Effect.Effect<
        Plan.Plan<Encoded | Decoded, typeof Total.Type, number, "default", Odd, Database>,
        InvalidReport | PipelineChanged | IncompleteReport
      >
    >()
  })

  it("refuse a report of other params, and params of another kind", () => {
    unused(() => {
      // @ts-expect-error the pipeline takes text
      Batch.plan(halves, report as unknown as Report.Report<typeof Total.Type, Of<boolean, Odd>>)
      // @ts-expect-error the report is of texts
      Batch.plan(halves, report, { params: [{ n: true }] })
      // @ts-expect-error shared data of another type
      Batch.redrive({} as Plan.Plan<Encoded, typeof Total.Type, number, "default", Odd, Database>, { shared: 7 })
    })
  })
})

describe("Batch.replay", () => {
  it("answers the outcome, and fails where there is no such item", () => {
    expectTypeOf(Batch.replay(halves, report, "a")).toEqualTypeOf<
      Effect.Effect<Of<Encoded, Odd>, UnknownKey | IncompleteReport, Database>
    >()
    expectTypeOf(halves.pipe(Batch.replay(report, "a"))).toEqualTypeOf<
      Effect.Effect<Of<Encoded, Odd>, UnknownKey | IncompleteReport, Database>
    >()
  })
})

/** Only its types are of interest. */
const unused = (_f: () => void): void => {}
