import {
  type Cause,
  Context,
  Data,
  type Duration,
  Effect,
  Schema,
  type Scope,
  type Stream,
  type SubscriptionRef
} from "effect"
import {
  Batch,
  type BatchFailed,
  type DuplicateKey,
  Handler,
  type ItemError,
  type Outcome,
  Pipeline,
  type Report
} from "parallel-batch-pipeline/effect"
import { describe, expectTypeOf, it } from "vitest"

class HttpClient extends Context.Service<HttpClient, { readonly limit: number }>()("HttpClient") {}
class Database extends Context.Service<Database, { readonly size: number }>()("Database") {}
class Logger extends Context.Service<Logger, { readonly level: string }>()("Logger") {}
class Judge extends Context.Service<Judge, { readonly strict: boolean }>()("Judge") {}

class HttpError extends Data.TaggedError("HttpError")<{ readonly status: number }> {}
class Disconnected extends Data.TaggedError("Disconnected")<{}> {}

declare const fetchHtml: (id: number) => Effect.Effect<string, HttpError, HttpClient>

const Crawl = Schema.Struct({ failed: Schema.Number })
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

type ItemOutcome<E = HttpError, P = Encoded> = Outcome.Outcome<P, "fetched" | "empty", string, E>
type CrawlReport<E = HttpError, P = Encoded> = Report.Report<Crawl, ItemOutcome<E, P>>
type Failed<E = HttpError, P = Encoded> = BatchFailed<E, CrawlReport<E, P>>
type Handle<F, E = HttpError, P = Encoded> = Batch.Handle<Crawl, ItemOutcome<E, P>, F>
type Forked<F, E = HttpError, R = never, P = Encoded> = Effect.Effect<
  Handle<F, E, P>,
  never,
  HttpClient | Scope.Scope | R
>

declare const params: ReadonlyArray<Encoded>
declare const decoded: ReadonlyArray<Decoded>
declare const stream: Stream.Stream<Encoded, Disconnected, Database>
declare const mode: Batch.Mode
declare const duplicates: Batch.Duplicates
const shared: Crawl = { failed: 0 }
const base = { params, shared } as const
const collectAll = { ...base, mode: "collect-all" } as const

describe("Batch.fork: await", () => {
  it("fails with BatchFailed where the batch is fail-fast", () => {
    expectTypeOf(Batch.fork(crawl, base)).toEqualTypeOf<Forked<Failed>>()
    expectTypeOf(Batch.fork(crawl, { ...base, mode: "fail-fast" })).toEqualTypeOf<Forked<Failed>>()
    expectTypeOf(Batch.fork(crawl, { ...base, mode })).toEqualTypeOf<Forked<Failed>>()
    expectTypeOf(crawl.pipe(Batch.fork(base))).toEqualTypeOf<Forked<Failed>>()
    expectTypeOf<Handle<Failed>["await"]>().toEqualTypeOf<Effect.Effect<CrawlReport, Failed>>()
  })

  it("never fails where it collects all, and bears any number of failures", () => {
    expectTypeOf(Batch.fork(crawl, collectAll)).toEqualTypeOf<Forked<never>>()
    expectTypeOf(crawl.pipe(Batch.fork(collectAll))).toEqualTypeOf<Forked<never>>()
    expectTypeOf(Batch.fork(crawl, { ...collectAll, tolerate: undefined })).toEqualTypeOf<Forked<never>>()
  })

  it("fails with BatchFailed where it bears only so many", () => {
    const tolerate = { count: 3, byTag: { HttpError: "10%" } } as const

    expectTypeOf(Batch.fork(crawl, { ...collectAll, tolerate })).toEqualTypeOf<Forked<Failed>>()
    expectTypeOf(crawl.pipe(Batch.fork({ ...collectAll, tolerate }))).toEqualTypeOf<Forked<Failed>>()
  })

  it("adds the error and the services of its input", () => {
    const options = { ...collectAll, params: stream } as const

    expectTypeOf(Batch.fork(crawl, options)).toEqualTypeOf<Forked<Disconnected, HttpError, Database>>()
    expectTypeOf(crawl.pipe(Batch.fork(options))).toEqualTypeOf<Forked<Disconnected, HttpError, Database>>()
  })

  it("takes the decoded side where nothing is decoded", () => {
    const options = { params: decoded, shared, decodeParams: false } as const

    expectTypeOf(Batch.fork(crawl, options)).toEqualTypeOf<
      Forked<Failed<HttpError, Decoded>, HttpError, never, Decoded>
    >()
    // @ts-expect-error the ids are decoded already
    Batch.fork(crawl, { params: decoded, shared })
  })
})

describe("duplicates", () => {
  type Either = HttpError | DuplicateKey
  const error = { ...base, duplicates: "error" } as const
  const collected = { ...collectAll, duplicates: "error" } as const

  it("add DuplicateKey to the error of an item exactly where they are errors", () => {
    expectTypeOf(Batch.fork(crawl, error)).toEqualTypeOf<Forked<Failed<Either>, Either>>()
    expectTypeOf(Batch.fork(crawl, collected)).toEqualTypeOf<Forked<never, Either>>()
    expectTypeOf(crawl.pipe(Batch.fork(error))).toEqualTypeOf<Forked<Failed<Either>, Either>>()
    expectTypeOf(Batch.fork(crawl, { ...base, duplicates })).toEqualTypeOf<Forked<Failed<Either>, Either>>()
    for (const policy of ["run", "share"] as const) {
      expectTypeOf(Batch.fork(crawl, { ...base, duplicates: policy })).toEqualTypeOf<Forked<Failed>>()
      expectTypeOf(crawl.pipe(Batch.fork({ ...base, duplicates: policy }))).toEqualTypeOf<Forked<Failed>>()
    }
    expectTypeOf(Batch.fork(crawl, { ...base, duplicates: undefined })).toEqualTypeOf<Forked<Failed>>()
  })

  it("do so in run", () => {
    type Run<F> = Effect.Effect<CrawlReport<Either>, F, HttpClient>

    expectTypeOf(Batch.run(crawl, error)).toEqualTypeOf<Run<Failed<Either>>>()
    expectTypeOf(Batch.run(crawl, collected)).toEqualTypeOf<Run<never>>()
    expectTypeOf(crawl.pipe(Batch.run(error))).toEqualTypeOf<Run<Failed<Either>>>()
    expectTypeOf(crawl.pipe(Batch.run(collected))).toEqualTypeOf<Run<never>>()
    expectTypeOf(Batch.run(crawl, { ...base, duplicates: "share" })).toEqualTypeOf<
      Effect.Effect<CrawlReport, Failed, HttpClient>
    >()
  })

  it("do so in stream", () => {
    type Outcomes<F> = Stream.Stream<ItemOutcome<Either>, F, HttpClient>

    expectTypeOf(Batch.stream(crawl, error)).toEqualTypeOf<Outcomes<Failed<Either>>>()
    expectTypeOf(Batch.stream(crawl, collected)).toEqualTypeOf<Outcomes<never>>()
    expectTypeOf(crawl.pipe(Batch.stream(error))).toEqualTypeOf<Outcomes<Failed<Either>>>()
    expectTypeOf(crawl.pipe(Batch.stream(collected))).toEqualTypeOf<Outcomes<never>>()
  })

  it("are in the cause of an outcome, and in the error of the batch", () => {
    const causes = Effect.map(Batch.run(crawl, collected), ({ outcomes }) =>
      outcomes.flatMap((outcome) => (outcome._tag === "Failed" ? [outcome.cause] : []))
    )

    expectTypeOf(causes).toEqualTypeOf<Effect.Effect<Array<Cause.Cause<ItemError<Either>>>, never, HttpClient>>()
    expectTypeOf<Failed<Either>["error"]>().toEqualTypeOf<ItemError<Either> | undefined>()
  })

  it("reject an unknown policy", () => {
    // @ts-expect-error no such policy
    Batch.run(crawl, { ...base, duplicates: "skip" })
    // @ts-expect-error no such policy
    Batch.stream(crawl, { ...base, duplicates: true })
    // @ts-expect-error no such policy
    Batch.fork(crawl, { ...base, duplicates: "skip" })
    // @ts-expect-error no such policy
    crawl.pipe(Batch.fork({ ...base, duplicates: "skip" }))
  })
})

describe("services", () => {
  const check = () => Effect.as(Judge, true)
  const onInterrupt = () => Effect.asVoid(Logger)
  const canary = { items: 2, check } as const

  it("of the check and of onInterrupt are needed by the batch", () => {
    const options = { ...collectAll, canary, onInterrupt } as const

    expectTypeOf(Batch.fork(crawl, options)).toEqualTypeOf<Forked<never, HttpError, Judge | Logger>>()
    expectTypeOf(crawl.pipe(Batch.fork(options))).toEqualTypeOf<Forked<never, HttpError, Judge | Logger>>()
    expectTypeOf(Batch.run(crawl, options)).toEqualTypeOf<
      Effect.Effect<CrawlReport, never, HttpClient | Judge | Logger>
    >()
    expectTypeOf(crawl.pipe(Batch.run(options))).toEqualTypeOf<
      Effect.Effect<CrawlReport, never, HttpClient | Judge | Logger>
    >()
    expectTypeOf(Batch.stream(crawl, options)).toEqualTypeOf<
      Stream.Stream<ItemOutcome, never, HttpClient | Judge | Logger>
    >()
    expectTypeOf(crawl.pipe(Batch.stream(options))).toEqualTypeOf<
      Stream.Stream<ItemOutcome, never, HttpClient | Judge | Logger>
    >()
  })

  it("are none of a check that answers a boolean, or of no check", () => {
    expectTypeOf(Batch.fork(crawl, { ...base, canary: { items: 1 } })).toEqualTypeOf<Forked<Failed>>()
    expectTypeOf(Batch.fork(crawl, { ...base, canary: { items: 1, check: () => true } })).toEqualTypeOf<
      Forked<Failed>
    >()
    expectTypeOf(crawl.pipe(Batch.run({ ...base, canary: { items: 1, check: () => true } }))).toEqualTypeOf<
      Effect.Effect<CrawlReport, Failed, HttpClient>
    >()
  })
})

describe("canary.check", () => {
  it("gets the report of its batch", () => {
    const run = Batch.run(crawl, {
      ...base,
      duplicates: "error",
      canary: {
        items: 1,
        check: (report) => {
          expectTypeOf(report).toEqualTypeOf<CrawlReport<HttpError | DuplicateKey>>()
          return report.failed === 0
        }
      }
    })
    const forked = crawl.pipe(
      Batch.fork({
        ...base,
        canary: {
          items: 1,
          check: (report) => {
            expectTypeOf(report).toEqualTypeOf<CrawlReport>()
            return Effect.as(Judge, report.failed === 0)
          }
        }
      })
    )

    expectTypeOf<Effect.Services<typeof run>>().toEqualTypeOf<HttpClient>()
    expectTypeOf(forked).toEqualTypeOf<Forked<Failed, HttpError, Judge>>()
  })

  it("answers a boolean, and does not fail", () => {
    // @ts-expect-error a string is no answer
    Batch.run(crawl, { ...base, canary: { items: 1, check: () => "yes" } })
    // @ts-expect-error nor is an Effect of one
    Batch.fork(crawl, { ...base, canary: { items: 1, check: () => Effect.succeed("yes") } })
    // @ts-expect-error nor is a promise
    Batch.run(crawl, { ...base, canary: { items: 1, check: async () => true } })
    // @ts-expect-error it must not fail
    Batch.run(crawl, { ...base, canary: { items: 1, check: () => Effect.fail("no") } })
    // @ts-expect-error how many items?
    crawl.pipe(Batch.run({ ...base, canary: { check: () => true } }))
  })
})

describe("cost and budget", () => {
  it("look at an outcome of their batch", () => {
    const run = Batch.run(crawl, {
      ...base,
      duplicates: "error",
      cost: (outcome) => {
        expectTypeOf(outcome).toEqualTypeOf<ItemOutcome<HttpError | DuplicateKey>>()
        return outcome._tag === "Succeeded" ? outcome.output.length : 0
      },
      budget: { calls: 10, cost: 5, duration: "1 minute" }
    })
    const forked = Batch.fork(crawl, {
      params: decoded,
      shared,
      decodeParams: false,
      cost: (outcome) => {
        expectTypeOf(outcome).toEqualTypeOf<ItemOutcome<HttpError, Decoded>>()
        return outcome.params.id
      }
    })
    const last = crawl.pipe(
      Batch.stream({
        ...collectAll,
        cost: (outcome) => {
          expectTypeOf(outcome).toEqualTypeOf<ItemOutcome>()
          return 1
        }
      })
    )

    expectTypeOf<Effect.Services<typeof run>>().toEqualTypeOf<HttpClient>()
    expectTypeOf<Effect.Services<typeof forked>>().toEqualTypeOf<HttpClient | Scope.Scope>()
    expectTypeOf(last).toEqualTypeOf<Stream.Stream<ItemOutcome, never, HttpClient>>()
  })

  it("reject nonsense", () => {
    // @ts-expect-error a number of calls
    Batch.run(crawl, { ...base, budget: { calls: "10" } })
    // @ts-expect-error an amount
    crawl.pipe(Batch.fork({ ...base, cost: () => 1, budget: { cost: "5" } }))
    // @ts-expect-error no such duration
    Batch.stream(crawl, { ...base, budget: { duration: "soon" } })
    // @ts-expect-error no such bound
    Batch.run(crawl, { ...base, budget: { tokens: 5 } })
    // @ts-expect-error a cost is a number
    Batch.run(crawl, { ...base, cost: () => "5" })
    // @ts-expect-error a cost is known at once
    Batch.fork(crawl, { ...base, cost: () => Effect.succeed(5) })
    // @ts-expect-error no such duration
    Batch.run(crawl, { ...base, drain: "soon" })
  })
})

describe("Batch.Handle", () => {
  type Events = Handle<Failed>["events"] extends Stream.Stream<infer E, infer F, infer R> ? [E, F, R] : never
  type Event<Tag extends string> = Extract<Events[0], { readonly _tag: Tag }>

  it("has events of its params, outcomes and report", () => {
    expectTypeOf<[Events[1], Events[2]]>().toEqualTypeOf<[never, never]>()
    expectTypeOf<Events[0]["_tag"]>().toEqualTypeOf<
      "BatchStarted" | "ItemStarted" | "StepEnded" | "RetryScheduled" | "ItemEnded" | "BatchEnded"
    >()
    expectTypeOf<Event<"ItemStarted">["params"]>().toEqualTypeOf<Encoded>()
    expectTypeOf<Event<"ItemEnded">["outcome"]>().toEqualTypeOf<ItemOutcome>()
    expectTypeOf<Event<"BatchEnded">["report"]>().toEqualTypeOf<CrawlReport>()
    expectTypeOf<Event<"RetryScheduled">["error"]>().toEqualTypeOf<unknown>()
    expectTypeOf<Event<"RetryScheduled">["delay"]>().toEqualTypeOf<Duration.Duration>()
  })

  it("is said things to, and answers without a failure", () => {
    type H = Handle<Failed>

    expectTypeOf<H["progress"]>().toEqualTypeOf<SubscriptionRef.SubscriptionRef<Batch.Progress>>()
    expectTypeOf<H["report"]>().toEqualTypeOf<Effect.Effect<CrawlReport>>()
    expectTypeOf<H["setConcurrency"]>().parameters.toEqualTypeOf<[number | "unbounded"]>()
    expectTypeOf<H["cancel"]>().toEqualTypeOf<(key: string) => Effect.Effect<boolean>>()
    expectTypeOf<H["pause" | "resume" | "drain"]>().toEqualTypeOf<Effect.Effect<void>>()
  })

  it("is as good as one of wider types", () => {
    expectTypeOf<Handle<never>>().toExtend<Batch.Handle<unknown, Outcome.Any, unknown>>()
    expectTypeOf<Handle<never>>().toExtend<Handle<Failed>>()
    expectTypeOf<Handle<Failed>>().not.toExtend<Handle<never>>()
  })

  it("belongs to a scope, and rejects unknown options", () => {
    expectTypeOf<Effect.Services<Forked<never>>>().toEqualTypeOf<HttpClient | Scope.Scope>()
    // @ts-expect-error there is no such option
    Batch.fork(crawl, { ...base, parallel: 4 })
    // @ts-expect-error also where the pipeline comes first
    crawl.pipe(Batch.fork({ ...base, parallel: 4 }))
    // @ts-expect-error fetchPage uses shared data
    Batch.fork(crawl, { params })
  })
})
