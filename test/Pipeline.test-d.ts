import { Context, Data, Effect, type Ref, Schedule, Schema } from "effect"
import {
  Handler,
  type HandlerTimeout,
  type InvalidPipeline,
  type ItemError,
  type ItemSkipped,
  Pipeline
} from "parallel-batch-pipeline/effect"
import { describe, expectTypeOf, it } from "vitest"

class HttpClient extends Context.Service<HttpClient, { readonly limit: number }>()("HttpClient") {}
class Disk extends Context.Service<Disk, { readonly free: number }>()("Disk") {}

class HttpError extends Data.TaggedError("HttpError")<{ readonly status: number }> {}
class DiskFull extends Data.TaggedError("DiskFull")<{ readonly path: string }> {}

declare const fetchHtml: (url: string) => Effect.Effect<string, HttpError, HttpClient>
declare const cached: (url: string) => Effect.Effect<string>
declare const ref: Ref.Ref<Crawl>
declare const write: (path: string, text: string) => Effect.Effect<number, DiskFull, Disk>

const Crawl = Schema.Struct({ pages: Schema.Record(Schema.String, Schema.String), failed: Schema.Number })
type Crawl = typeof Crawl.Type

const fetchPage = Handler.make("fetchPage", {
  params: Schema.Struct({ url: Schema.String }),
  shared: Crawl,
  handleRequest: ({ url }) => fetchHtml(url),
  processResults: ({ shared, params, outputs }) =>
    outputs.length > 0
      ? Handler.next("fetched", { ...shared, pages: { ...shared.pages, [params.url]: outputs } })
      : Handler.next("empty")
})
const savePage = Handler.make("savePage", {
  params: Schema.Struct({ size: Schema.NumberFromString }),
  prepareInputs: ({ params, previous }: { readonly params: { readonly size: number }; readonly previous: string }) =>
    previous.slice(0, params.size),
  handleRequest: (text) => write("page", text),
  processResults: ({ outputs }) => (outputs > 0 ? Handler.next("saved") : Handler.next("nothing")),
  timeout: "1 second"
})
const crawl = Pipeline.make("crawl", {
  handlers: { fetchPage, savePage },
  start: "fetchPage",
  routes: { fetchPage: { fetched: "savePage" } }
})

const handlers = { fetchPage, savePage }

const number = Handler.make("number", { handleRequest: () => Effect.succeed(1) })
const either = Handler.make("either", { handleRequest: () => Effect.succeed<string | number>(1) })
const add = Handler.make("add", {
  prepareInputs: ({ previous }: { readonly previous: number }) => previous,
  handleRequest: (n) => Effect.succeed(n + 1),
  processResults: ({ outputs }) => (outputs > 9 ? Handler.next("done") : Handler.next("again"))
})
const other = Handler.make("other", { shared: Schema.Struct({ sum: Schema.Number }), handleRequest: () => Effect.void })
const wider = Handler.make("wider", {
  shared: Schema.Struct({ ...Crawl.fields, more: Schema.Number }),
  handleRequest: () => Effect.void
})

describe("Pipeline.make: computed types", () => {
  it("computes every type of a two-step pipeline", () => {
    expectTypeOf(crawl).toEqualTypeOf<
      Pipeline.Pipeline<
        { readonly url: string } & { readonly size: string },
        { readonly url: string } & { readonly size: number },
        Crawl,
        string | number,
        "empty" | "saved" | "nothing",
        HttpError | DiskFull | HandlerTimeout,
        HttpClient | Disk
      >
    >()
    expectTypeOf(crawl).toExtend<Pipeline.Any>()
  })

  it("answers each of its types to a helper", () => {
    type P = typeof crawl

    expectTypeOf<Pipeline.Params<P>>().toEqualTypeOf<{ readonly url: string } & { readonly size: string }>()
    expectTypeOf<Pipeline.Decoded<P>>().toEqualTypeOf<{ readonly url: string } & { readonly size: number }>()
    expectTypeOf<Pipeline.Shared<P>>().toEqualTypeOf<Crawl>()
    expectTypeOf<Pipeline.Output<P>>().toEqualTypeOf<string | number>()
    expectTypeOf<Pipeline.Action<P>>().toEqualTypeOf<"empty" | "saved" | "nothing">()
    expectTypeOf<Pipeline.Error<P>>().toEqualTypeOf<HttpError | DiskFull | HandlerTimeout>()
    expectTypeOf<Pipeline.Services<P>>().toEqualTypeOf<HttpClient | Disk>()
    expectTypeOf<Pipeline.Params<string>>().toEqualTypeOf<never>()
  })

  it("takes the example of the specification", () => {
    const fetchPage = Handler.make("fetchPage", {
      params: Schema.Struct({ url: Schema.String }),
      shared: Crawl,
      handleRequest: ({ url }) => fetchHtml(url),
      handleError: (inputs) => cached(inputs.url),
      processResults: ({ shared, params, outputs }) =>
        outputs.length > 0
          ? Handler.next("fetched", { ...shared, pages: { ...shared.pages, [params.url]: outputs } })
          : Handler.next("empty"),
      retry: { times: 3, schedule: Schedule.exponential("100 millis") },
      timeout: "10 seconds"
    })
    const crawl = Pipeline.make("crawl", {
      handlers: { fetchPage, savePage },
      start: "fetchPage",
      routes: { fetchPage: { fetched: "savePage" } }
    })

    expectTypeOf<Pipeline.Action<typeof crawl>>().toEqualTypeOf<"empty" | "saved" | "nothing">()
    expectTypeOf<Pipeline.Error<typeof crawl>>().toEqualTypeOf<DiskFull | HandlerTimeout>()
  })

  it("has every action and output of its handlers where nothing is routed", () => {
    const pipeline = Pipeline.make("one", { handlers: { fetchPage }, start: "fetchPage" })

    expectTypeOf<Pipeline.Action<typeof pipeline>>().toEqualTypeOf<"fetched" | "empty">()
    expectTypeOf<Pipeline.Output<typeof pipeline>>().toEqualTypeOf<string>()
    expectTypeOf<Pipeline.Params<typeof pipeline>>().toEqualTypeOf<{ readonly url: string }>()
    expectTypeOf<Pipeline.Error<typeof pipeline>>().toEqualTypeOf<HttpError>()
  })

  it("has neither the actions nor the output of a handler whose actions are all routed", () => {
    const pipeline = Pipeline.make("both", {
      handlers,
      start: "fetchPage",
      routes: { fetchPage: { fetched: "savePage", empty: "savePage" } }
    })

    expectTypeOf<Pipeline.Action<typeof pipeline>>().toEqualTypeOf<"saved" | "nothing">()
    expectTypeOf<Pipeline.Output<typeof pipeline>>().toEqualTypeOf<number>()
  })

  it("may loop", () => {
    const looping = Pipeline.make("looping", {
      handlers: { number, add },
      start: "number",
      routes: { number: { default: "add" }, add: { again: "add" } }
    })
    const endless = Pipeline.make("endless", {
      handlers: { number },
      start: "number",
      routes: { number: { default: "number" } }
    })

    expectTypeOf<Pipeline.Action<typeof looping>>().toEqualTypeOf<"done">()
    expectTypeOf<Pipeline.Action<typeof endless>>().toEqualTypeOf<never>()
    expectTypeOf<Pipeline.Output<typeof endless>>().toEqualTypeOf<never>()
  })

  it("keeps a union among the params of one handler", () => {
    type Source = { readonly file: string } | { readonly url: string }
    const read = Handler.make("read", { handleRequest: (source: Source) => Effect.succeed(source) })
    const one = Pipeline.make("one", { handlers: { read }, start: "read" })
    const two = Pipeline.make("two", { handlers: { read, fetchPage }, start: "read" })

    expectTypeOf<Pipeline.Params<typeof one>>().toEqualTypeOf<Source>()
    expectTypeOf<Pipeline.Params<typeof two>>().toEqualTypeOf<Source & { readonly url: string }>()
  })

  it("has unknown shared data and params where no handler uses them", () => {
    const pipeline = Pipeline.make("pipeline", { handlers: { number, add }, start: "number" })

    expectTypeOf<Pipeline.Shared<typeof pipeline>>().toEqualTypeOf<unknown>()
    expectTypeOf<Pipeline.Params<typeof pipeline>>().toEqualTypeOf<unknown>()
  })

  it("takes the shared data of the one handler that uses it", () => {
    const pipeline = Pipeline.make("pipeline", { handlers: { number, fetchPage }, start: "number" })

    expectTypeOf<Pipeline.Shared<typeof pipeline>>().toEqualTypeOf<Crawl>()
  })

  it("takes options from a variable with `as const` or `satisfies`", () => {
    const constant = { handlers, start: "fetchPage", routes: { fetchPage: { fetched: "savePage" } } } as const
    const routes = { fetchPage: { fetched: "savePage" } } as const satisfies Pipeline.Routes
    const pipeline = Pipeline.make("satisfied", { handlers, start: "fetchPage", routes })

    expectTypeOf(Pipeline.make("constant", constant)).toEqualTypeOf<typeof crawl>()
    expectTypeOf(pipeline).toEqualTypeOf<typeof crawl>()
  })
})

describe("Pipeline.make: what does not compile", () => {
  it("rejects a handler, an action and a target that there is not", () => {
    const start = "fetchPage"

    // @ts-expect-error no handler has this key
    Pipeline.make("wrong", { handlers, start, routes: { fetch: { fetched: "savePage" } } })
    // @ts-expect-error fetchPage does not answer this action
    Pipeline.make("wrong", { handlers, start, routes: { fetchPage: { found: "savePage" } } })
    // @ts-expect-error no handler is called so
    Pipeline.make("wrong", { handlers, start, routes: { fetchPage: { fetched: "save" } } })
    // @ts-expect-error a target is a key, not a handler
    Pipeline.make("wrong", { handlers, start, routes: { fetchPage: { fetched: savePage } } })
  })

  it("rejects them beside correct ones", () => {
    const handlers = { fetchPage, savePage, number }
    const start = "fetchPage"
    const fetched = "savePage"

    // @ts-expect-error no handler has this key
    Pipeline.make("wrong", { handlers, start, routes: { fetchPage: { fetched }, fetch: { default: "number" } } })
    // @ts-expect-error fetchPage does not answer this action
    Pipeline.make("wrong", { handlers, start, routes: { fetchPage: { fetched, found: "number" } } })
    // @ts-expect-error no handler is called so
    Pipeline.make("wrong", { handlers, start, routes: { fetchPage: { fetched, empty: "none" } } })

    Pipeline.make("right", { handlers, start, routes: { fetchPage: { fetched, empty: "number" } } })
  })

  it("rejects a start that there is not, or that needs a previous", () => {
    // @ts-expect-error no handler is called so
    Pipeline.make("wrong", { handlers, start: "fetch" })
    // @ts-expect-error savePage takes the output of another handler
    Pipeline.make("wrong", { handlers, start: "savePage" })
    // @ts-expect-error a pipeline starts somewhere
    Pipeline.make("wrong", { handlers })
  })

  it("rejects a hand-off that does not fit, not only in part", () => {
    const handlers = { number, either, add, savePage, other }
    const start = "number"

    // @ts-expect-error a number is handed to a string
    Pipeline.make("wrong", { handlers, start, routes: { number: { default: "savePage" } } })
    // @ts-expect-error nothing is handed to a number
    Pipeline.make("wrong", { handlers, start, routes: { other: { default: "add" } } })
    // @ts-expect-error string | number is handed to a number
    Pipeline.make("wrong", { handlers, start, routes: { either: { default: "add" } } })

    Pipeline.make("right", { handlers, start, routes: { number: { default: "add" } } })
  })

  it("takes a hand-off to a handler that takes more, or does not ask", () => {
    const wide = Handler.make("wide", {
      prepareInputs: ({ previous }: { readonly previous: string | number | undefined }) => previous,
      handleRequest: (value) => Effect.succeed(value)
    })
    const pipeline = Pipeline.make("wide", {
      handlers: { either, wide, number },
      start: "either",
      routes: { either: { default: "wide" }, wide: { default: "number" } }
    })
    const startingWide = Pipeline.make("optional", { handlers: { wide }, start: "wide" })

    expectTypeOf<Pipeline.Output<typeof pipeline>>().toEqualTypeOf<number>()
    expectTypeOf<Pipeline.Output<typeof startingWide>>().toEqualTypeOf<string | number | undefined>()
  })

  it("rejects handlers whose shared types differ", () => {
    // @ts-expect-error the one says pages and failed, the other sum
    Pipeline.make("wrong", { handlers: { fetchPage, other }, start: "fetchPage" })
    // @ts-expect-error also beside one that fits
    Pipeline.make("wrong", { handlers: { fetchPage, again: fetchPage, other }, start: "fetchPage" })
    // @ts-expect-error also where the one has more than the other
    Pipeline.make("wrong", { handlers: { fetchPage, wider }, start: "fetchPage" })
  })

  it("rejects what is no handler, and unknown options", () => {
    // @ts-expect-error a function is not a handler
    Pipeline.make("wrong", { handlers: { cached }, start: "cached" })
    // @ts-expect-error a pipeline becomes one by toHandler
    Pipeline.make("wrong", { handlers: { crawl }, start: "crawl" })
    // @ts-expect-error there is no such option
    Pipeline.make("wrong", { handlers, start: "fetchPage", route: {} })
  })
})

describe("Pipeline.run", () => {
  const params = { url: "a", size: "1" }
  const shared: Crawl = { pages: {}, failed: 0 }

  interface Result {
    readonly action: "empty" | "saved" | "nothing"
    readonly output: string | number
    readonly shared: Crawl
  }
  type Expected = Effect.Effect<
    Pipeline.RunResult<Result["action"], Result["output"], Crawl>,
    ItemError<HttpError | DiskFull | HandlerTimeout> | ItemSkipped,
    HttpClient | Disk
  >

  it("answers action, output and shared data", () => {
    expectTypeOf(Pipeline.run(crawl, { params, shared })).toEqualTypeOf<Expected>()
    expectTypeOf(crawl.pipe(Pipeline.run({ params, shared }))).toEqualTypeOf<Expected>()
    expectTypeOf(
      crawl.pipe(Pipeline.run({ params: { url: "a", size: "1" }, shared: { pages: {}, failed: 0 } }))
    ).toEqualTypeOf<Expected>()
    expectTypeOf<Effect.Success<Expected>>().branded.toEqualTypeOf<Result>()
  })

  it("takes a Ref", () => {
    expectTypeOf(Pipeline.run(crawl, { params, shared: ref })).toEqualTypeOf<Expected>()
    expectTypeOf(crawl.pipe(Pipeline.run({ params, shared: ref }))).toEqualTypeOf<Expected>()
  })

  it("needs shared data exactly when a handler uses it", () => {
    const pipeline = Pipeline.make("one", { handlers: { number }, start: "number" })

    expectTypeOf(Pipeline.run(pipeline, { params: {} })).toEqualTypeOf<
      Effect.Effect<Pipeline.RunResult<"default", number, unknown>, ItemError<never> | ItemSkipped>
    >()
    // @ts-expect-error fetchPage uses shared data
    Pipeline.run(crawl, { params })
  })

  it("rejects params and shared data of another type", () => {
    // @ts-expect-error the size is a string on the encoded side
    Pipeline.run(crawl, { params: { url: "a", size: 1 }, shared })
    // @ts-expect-error a url there must be
    Pipeline.run(crawl, { params: { size: "1" }, shared })
    // @ts-expect-error failed is missing
    Pipeline.run(crawl, { params, shared: { pages: {} } })
    // @ts-expect-error there is no such option
    Pipeline.run(crawl, { params, shared, concurrency: 1 })
  })
})

describe("Pipeline.toHandler", () => {
  const inner = Pipeline.toHandler(crawl)

  it("keeps every type of the pipeline", () => {
    type P = typeof crawl
    expectTypeOf(inner).toEqualTypeOf<
      Handler.Handler<
        Pipeline.Params<P>,
        Pipeline.Decoded<P>,
        Crawl,
        unknown,
        string | number,
        "empty" | "saved" | "nothing",
        HttpError | DiskFull | HandlerTimeout,
        HttpClient | Disk
      >
    >()
  })

  it("is a step like any other", () => {
    const outer = Pipeline.make("outer", {
      handlers: { either, inner },
      start: "either",
      routes: { either: { default: "inner" }, inner: { empty: "either", saved: "either" } }
    })

    expectTypeOf<Pipeline.Action<typeof outer>>().toEqualTypeOf<"nothing">()
    expectTypeOf<Pipeline.Shared<typeof outer>>().toEqualTypeOf<Crawl>()
    expectTypeOf<Pipeline.Params<typeof outer>>().toEqualTypeOf<Pipeline.Params<typeof crawl>>()
  })

  it("has its routes and hand-offs checked", () => {
    // @ts-expect-error fetched is routed inside, so it does not end the inner pipeline
    Pipeline.make("wrong", { handlers: { inner, number }, start: "inner", routes: { inner: { fetched: "number" } } })
    // @ts-expect-error string | number is handed to a number
    Pipeline.make("wrong", { handlers: { inner, add }, start: "inner", routes: { inner: { saved: "add" } } })
  })
})

describe("Pipeline.validate", () => {
  it("answers the same pipeline", () => {
    expectTypeOf(Pipeline.validate(crawl)).toEqualTypeOf<Effect.Effect<typeof crawl, InvalidPipeline>>()
    expectTypeOf(Pipeline.toMermaid(crawl)).toEqualTypeOf<string>()
  })
})

describe("Pipeline.make with a handler made in place", () => {
  it("computes the same types as with one made before", () => {
    const inPlace = Pipeline.make("pipeline", {
      handlers: {
        count: Handler.make("count", {
          handleRequest: ({ path }: { readonly path: string }) => write(path, ""),
          processResults: ({ outputs }) => (outputs > 0 ? Handler.next("some") : Handler.next("none"))
        })
      },
      start: "count"
    })

    expectTypeOf(inPlace).toEqualTypeOf<
      Pipeline.Pipeline<
        { readonly path: string },
        { readonly path: string },
        unknown,
        number,
        "some" | "none",
        DiskFull,
        Disk
      >
    >()
  })
})
