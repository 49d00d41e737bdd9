import { type Cause, Context, Data, Effect, type Ref, Schema, type Stream } from "effect"
import {
  Batch,
  type BatchFailed,
  Handler,
  type InvalidParams,
  type ItemError,
  type Outcome,
  Pipeline,
  type Report,
  type SharedDataConflict,
  type TooManySteps
} from "parallel-batch-pipeline/effect"
import { describe, expectTypeOf, it } from "vitest"

class HttpClient extends Context.Service<HttpClient, { readonly limit: number }>()("HttpClient") {}
class Database extends Context.Service<Database, { readonly size: number }>()("Database") {}
class Logger extends Context.Service<Logger, { readonly level: string }>()("Logger") {}

class HttpError extends Data.TaggedError("HttpError")<{ readonly status: number }> {}
class Disconnected extends Data.TaggedError("Disconnected")<{}> {}

declare const fetchHtml: (id: number) => Effect.Effect<string, HttpError, HttpClient>

const Crawl = Schema.Struct({ pages: Schema.Record(Schema.String, Schema.String), failed: Schema.Number })
type Crawl = typeof Crawl.Type

const fetchPage = Handler.make("fetchPage", {
  params: Schema.Struct({ id: Schema.NumberFromString }),
  shared: Crawl,
  handleRequest: ({ id }) => fetchHtml(id),
  processResults: ({ outputs }) => (outputs.length > 0 ? Handler.next("fetched") : Handler.next("empty"))
})
const crawl = Pipeline.make("crawl", { handlers: { fetchPage }, start: "fetchPage" })

interface Encoded {
  readonly id: string
}
interface Decoded {
  readonly id: number
}

type ItemOutcome<P> = Outcome.Outcome<P, "fetched" | "empty", string, HttpError>
type CrawlReport<P = Encoded> = Report.Report<Crawl, ItemOutcome<P>>
type Failed<P = Encoded> = BatchFailed<HttpError, CrawlReport<P>>
type FailFast<P = Encoded> = Effect.Effect<CrawlReport<P>, Failed<P>, HttpClient>
type CollectAll<P = Encoded> = Effect.Effect<CrawlReport<P>, never, HttpClient>

declare const params: ReadonlyArray<Encoded>
declare const decoded: ReadonlyArray<Decoded>
declare const stream: Stream.Stream<Encoded, Disconnected, Database>
declare const iterable: Iterable<Encoded>
declare const generator: Generator<Encoded>
declare const asyncGenerator: AsyncGenerator<Encoded>
declare const mode: Batch.Mode
declare const ref: Ref.Ref<Crawl>
const shared: Crawl = { pages: {}, failed: 0 }

const length = Handler.make("length", {
  handleRequest: ({ text }: { readonly text: string }) => Effect.succeed(text.length)
})
const measuring = Pipeline.make("measuring", { handlers: { length }, start: "length" })
const texts: ReadonlyArray<{ readonly text: string }> = [{ text: "a" }]

describe("Batch.run: mode", () => {
  it("is fail-fast where nothing is said", () => {
    expectTypeOf(Batch.run(crawl, { params, shared })).toEqualTypeOf<FailFast>()
    expectTypeOf(Batch.run(crawl, { params, shared, mode: "fail-fast" })).toEqualTypeOf<FailFast>()
    expectTypeOf(Batch.run(crawl, { params, shared, mode: undefined })).toEqualTypeOf<FailFast>()
  })

  it("fails with a BatchFailed of the error of the pipeline", () => {
    type E = Effect.Error<FailFast>

    expectTypeOf<E>().toExtend<BatchFailed<HttpError>>()
    expectTypeOf<E>().not.toExtend<BatchFailed<Disconnected>>()
    expectTypeOf<E["error"]>().toEqualTypeOf<ItemError<HttpError> | undefined>()
    expectTypeOf<E["cause"]>().toEqualTypeOf<Cause.Cause<ItemError<HttpError>>>()
    expectTypeOf<E["report"]>().toEqualTypeOf<CrawlReport>()
    expectTypeOf<E["_tag"]>().toEqualTypeOf<"BatchFailed">()
  })

  it("is caught by its tag", () => {
    const caught = Batch.run(crawl, { params, shared }).pipe(
      Effect.catchTag("BatchFailed", (failed) => Effect.succeed(failed.report))
    )

    expectTypeOf(caught).toEqualTypeOf<CollectAll>()
  })

  it("never fails where it collects all", () => {
    expectTypeOf(Batch.run(crawl, { params, shared, mode: "collect-all" })).toEqualTypeOf<CollectAll>()
  })

  it("fails with BatchFailed where it collects all and bears only so many failures", () => {
    const tolerate = { count: 3, percent: 5, minSample: 50, byTag: { HttpError: "10%" } } as const
    expectTypeOf(Batch.run(crawl, { params, shared, mode: "collect-all", tolerate })).toEqualTypeOf<FailFast>()
    // @ts-expect-error a share is a string that ends with %
    Batch.run(crawl, { params, shared, mode: "collect-all", tolerate: { byTag: { HttpError: "10" } } })
  })

  it("fails with BatchFailed where the mode is known at run time only", () => {
    expectTypeOf(Batch.run(crawl, { params, shared, mode })).toEqualTypeOf<FailFast>()
  })

  it("can fail with what an item can fail with", () => {
    expectTypeOf<ItemError<HttpError>>().toEqualTypeOf<HttpError | InvalidParams | SharedDataConflict | TooManySteps>()
    expectTypeOf<ItemError<never>>().toEqualTypeOf<InvalidParams | SharedDataConflict | TooManySteps>()
  })

  it("rejects an unknown mode", () => {
    // @ts-expect-error no such mode
    Batch.run(crawl, { params, shared, mode: "collect" })
  })
})

describe("Batch.run: report", () => {
  it("knows the outcomes of the pipeline", () =>
    Effect.gen(function* () {
      const report = yield* Batch.run(crawl, { params, shared, mode: "collect-all" })
      const [first] = report.outcomes

      expectTypeOf(report).toEqualTypeOf<CrawlReport>()
      expectTypeOf(report.shared).toEqualTypeOf<Crawl>()
      expectTypeOf(first).toEqualTypeOf<ItemOutcome<Encoded> | undefined>()
      if (first?._tag === "Succeeded") expectTypeOf(first.action).toEqualTypeOf<"fetched" | "empty">()
      if (first?._tag === "Succeeded") expectTypeOf(first.output).toEqualTypeOf<string>()
      if (first?._tag === "Failed") expectTypeOf(first.cause).toEqualTypeOf<Cause.Cause<ItemError<HttpError>>>()
      expectTypeOf(first?.params).toEqualTypeOf<Encoded | undefined>()
    }))

  it("does not depend on which outcomes are kept", () => {
    expectTypeOf(Batch.run(crawl, { params, shared, outcomes: "none" })).toEqualTypeOf<FailFast>()
    expectTypeOf(Batch.run(crawl, { params, shared, outcomes: "failures" })).toEqualTypeOf<FailFast>()
    // @ts-expect-error no such choice
    Batch.run(crawl, { params, shared, outcomes: "some" })
  })
})

describe("Batch.run: params", () => {
  it("takes iterables of every kind", () => {
    expectTypeOf(Batch.run(crawl, { params: [{ id: "1" }], shared })).toEqualTypeOf<FailFast>()
    expectTypeOf(Batch.run(crawl, { params: new Set(params), shared })).toEqualTypeOf<FailFast>()
    expectTypeOf(Batch.run(crawl, { params: iterable, shared })).toEqualTypeOf<FailFast>()
    expectTypeOf(Batch.run(crawl, { params: generator, shared })).toEqualTypeOf<FailFast>()
    expectTypeOf(Batch.run(crawl, { params: asyncGenerator, shared })).toEqualTypeOf<FailFast>()
  })

  it("adds the error and the services of a stream, in every mode", () => {
    expectTypeOf(Batch.run(crawl, { params: stream, shared })).toEqualTypeOf<
      Effect.Effect<CrawlReport, Failed | Disconnected, HttpClient | Database>
    >()
    expectTypeOf(Batch.run(crawl, { params: stream, shared, mode: "collect-all" })).toEqualTypeOf<
      Effect.Effect<CrawlReport, Disconnected, HttpClient | Database>
    >()
  })

  it("takes the decoded side where nothing is decoded", () => {
    expectTypeOf(Batch.run(crawl, { params: decoded, shared, decodeParams: false })).toEqualTypeOf<FailFast<Decoded>>()
    expectTypeOf(Batch.run(crawl, { params, shared, decodeParams: true })).toEqualTypeOf<FailFast>()
  })

  it("rejects the other side", () => {
    // @ts-expect-error the ids are decoded already
    Batch.run(crawl, { params: decoded, shared })
    // @ts-expect-error the ids are decoded already
    Batch.run(crawl, { params: decoded, shared, decodeParams: true })
    // @ts-expect-error the ids are not decoded
    Batch.run(crawl, { params, shared, decodeParams: false })
  })

  it("rejects params that are no collection of them", () => {
    // @ts-expect-error the id is missing
    Batch.run(crawl, { params: [{}], shared })
    // @ts-expect-error one set is not a collection of sets
    Batch.run(crawl, { params: { id: "1" }, shared })
    // @ts-expect-error params there must be
    Batch.run(crawl, { shared })
  })
})

describe("Batch.run: shared", () => {
  it("takes a value or a Ref of it", () => {
    expectTypeOf(Batch.run(crawl, { params, shared: { pages: {}, failed: 0 } })).toEqualTypeOf<FailFast>()
    expectTypeOf(Batch.run(crawl, { params, shared: ref })).toEqualTypeOf<FailFast>()
  })

  it("is required exactly where a handler uses it", () => {
    expectTypeOf(Batch.run(measuring, { params: texts, mode: "collect-all" })).toEqualTypeOf<
      Effect.Effect<Report.Report<unknown, Outcome.Outcome<{ readonly text: string }, "default", number, never>>>
    >()
    // @ts-expect-error fetchPage uses shared data
    Batch.run(crawl, { params })
    // @ts-expect-error failed is a number
    Batch.run(crawl, { params, shared: { pages: {}, failed: "0" } })
  })

  it("merges each key with a function of its type", () => {
    const merged = Batch.run(crawl, {
      params,
      shared,
      isolation: "snapshot",
      merge: {
        failed: (base, mine, theirs) => {
          expectTypeOf([base, mine, theirs] as const).toEqualTypeOf<readonly [number, number, number]>()
          return mine + theirs - base
        },
        pages: (_, mine, theirs) => ({ ...theirs, ...mine })
      }
    })

    expectTypeOf(merged).toEqualTypeOf<FailFast>()
    // @ts-expect-error failed is a number
    Batch.run(crawl, { params, shared, merge: { failed: () => "0" } })
    // @ts-expect-error the shared data has no such key
    Batch.run(crawl, { params, shared, merge: { succeeded: () => 0 } })
    // @ts-expect-error no such isolation
    Batch.run(crawl, { params, shared, isolation: "copy" })
  })
})

describe("Batch.run: other options", () => {
  it("takes a concurrency of a number or unbounded", () => {
    expectTypeOf(Batch.run(crawl, { params, shared, concurrency: 4 })).toEqualTypeOf<FailFast>()
    expectTypeOf(Batch.run(crawl, { params, shared, concurrency: "unbounded" })).toEqualTypeOf<FailFast>()
    // @ts-expect-error there is no inheriting
    Batch.run(crawl, { params, shared, concurrency: "inherit" })
    // @ts-expect-error not a number
    Batch.run(crawl, { params, shared, concurrency: "4" })
  })

  it("names an item by its params as they are given", () => {
    const key = ({ id }: Encoded) => id

    expectTypeOf(Batch.run(crawl, { params, shared, key })).toEqualTypeOf<FailFast>()
    expectTypeOf(Batch.run(crawl, { params, shared, key: (given) => given.id })).toEqualTypeOf<FailFast>()
    expectTypeOf(
      Batch.run(crawl, { params: decoded, shared, decodeParams: false, key: (given) => given.id.toFixed() })
    ).toEqualTypeOf<FailFast<Decoded>>()
    // @ts-expect-error a key is a string
    Batch.run(crawl, { params, shared, key: () => 1 })
  })

  it("gives onInterrupt the report, and needs its services", () => {
    const batch = Batch.run(crawl, {
      params,
      shared,
      mode: "collect-all",
      onInterrupt: (report) => {
        expectTypeOf(report).toEqualTypeOf<CrawlReport>()
        return Effect.asVoid(Logger)
      }
    })

    expectTypeOf(batch).toEqualTypeOf<Effect.Effect<CrawlReport, never, HttpClient | Logger>>()
    // @ts-expect-error it must not fail
    Batch.run(crawl, { params, shared, onInterrupt: () => Effect.fail("no") })
  })

  it("rejects an unknown option", () => {
    // @ts-expect-error there is no such option
    Batch.run(crawl, { params, shared, parallel: 4 })
    // @ts-expect-error also where the pipeline comes first
    crawl.pipe(Batch.run({ params, shared, parallel: 4 }))
  })
})

describe("Batch.run: data last", () => {
  it("has the same types", () => {
    expectTypeOf(crawl.pipe(Batch.run({ params, shared }))).toEqualTypeOf<FailFast>()
    expectTypeOf(crawl.pipe(Batch.run({ params, shared: ref, concurrency: 4 }))).toEqualTypeOf<FailFast>()
    expectTypeOf(crawl.pipe(Batch.run({ params, shared, mode: "collect-all" }))).toEqualTypeOf<CollectAll>()
    expectTypeOf(crawl.pipe(Batch.run({ params: stream, shared }))).toEqualTypeOf<
      Effect.Effect<CrawlReport, Failed | Disconnected, HttpClient | Database>
    >()
    expectTypeOf(crawl.pipe(Batch.run({ params, shared, onInterrupt: () => Effect.asVoid(Logger) }))).toEqualTypeOf<
      Effect.Effect<CrawlReport, Failed, HttpClient | Logger>
    >()
    expectTypeOf(measuring.pipe(Batch.run({ params: texts, mode: "collect-all" }))).toEqualTypeOf<
      Effect.Effect<Report.Report<unknown, Outcome.Outcome<{ readonly text: string }, "default", number, never>>>
    >()
  })

  it("takes its types from the pipeline, not from the values", () => {
    const literal = { params: [{ id: "1" }], shared: { pages: {}, failed: 0 } }
    const batch = crawl.pipe(Batch.run({ params: [{ id: "1" }], shared: { pages: {}, failed: 0 } }))
    const interrupted = crawl.pipe(
      Batch.run({
        params,
        shared: { pages: {}, failed: 0 },
        onInterrupt: (report) => Effect.sync(() => expectTypeOf(report).toEqualTypeOf<CrawlReport>())
      })
    )

    expectTypeOf(batch).toEqualTypeOf<FailFast>()
    expectTypeOf(interrupted).toEqualTypeOf<FailFast>()
    expectTypeOf(crawl.pipe(Batch.run(literal))).toEqualTypeOf<FailFast>()
    expectTypeOf(crawl.pipe(Batch.run({ params: decoded, shared, decodeParams: false }))).toEqualTypeOf<
      FailFast<Decoded>
    >()
  })

  it("rejects params and shared data that do not fit", () => {
    // @ts-expect-error the ids are decoded already
    crawl.pipe(Batch.run({ params: decoded, shared }))
    // @ts-expect-error fetchPage uses shared data
    crawl.pipe(Batch.run({ params }))
    // @ts-expect-error failed is missing
    crawl.pipe(Batch.run({ params, shared: { pages: {} } }))
  })
})

describe("Batch.stream", () => {
  it("emits outcomes, and fails only where it is fail-fast", () => {
    type FailFastStream = Stream.Stream<ItemOutcome<Encoded>, Failed, HttpClient>
    type CollectAllStream = Stream.Stream<ItemOutcome<Encoded>, never, HttpClient>

    expectTypeOf(Batch.stream(crawl, { params, shared })).toEqualTypeOf<FailFastStream>()
    expectTypeOf(Batch.stream(crawl, { params, shared, mode: "collect-all" })).toEqualTypeOf<CollectAllStream>()
    expectTypeOf(crawl.pipe(Batch.stream({ params, shared }))).toEqualTypeOf<FailFastStream>()
    expectTypeOf(crawl.pipe(Batch.stream({ params, shared, mode: "collect-all" }))).toEqualTypeOf<CollectAllStream>()
  })

  it("adds the error and the services of its input", () => {
    expectTypeOf(Batch.stream(crawl, { params: stream, shared, mode: "collect-all" })).toEqualTypeOf<
      Stream.Stream<ItemOutcome<Encoded>, Disconnected, HttpClient | Database>
    >()
  })

  it("takes the decoded side where nothing is decoded", () => {
    expectTypeOf(Batch.stream(crawl, { params: decoded, shared, decodeParams: false })).toEqualTypeOf<
      Stream.Stream<ItemOutcome<Decoded>, Failed<Decoded>, HttpClient>
    >()
  })

  it("keeps no outcomes, so it has no option for them", () => {
    // @ts-expect-error a stream emits every outcome
    Batch.stream(crawl, { params, shared, outcomes: "none" })
    // @ts-expect-error fetchPage uses shared data
    Batch.stream(crawl, { params })
  })
})

describe("among other effects", () => {
  it("a batch has the errors and services of its own, and not those that are expected there", () => {
    type Run = Effect.Effect<Report.Report<Crawl, ItemOutcome<Encoded>>, Failed, HttpClient>

    expectTypeOf(Effect.all([Batch.run(crawl, { params, shared })])).toEqualTypeOf<
      Effect.Effect<[Report.Report<Crawl, ItemOutcome<Encoded>>], Failed, HttpClient>
    >()
    expectTypeOf(Effect.all({ crawled: crawl.pipe(Batch.run({ params, shared, mode: "collect-all" })) })).toEqualTypeOf<
      Effect.Effect<{ crawled: Report.Report<Crawl, ItemOutcome<Encoded>> }, never, HttpClient>
    >()
    expectTypeOf(Effect.raceAll([Batch.run(crawl, { params, shared })])).toEqualTypeOf<Run>()
    expectTypeOf(Effect.all([Effect.scoped(Batch.fork(crawl, { params, shared }))])).not.toBeAny()
  })
})
