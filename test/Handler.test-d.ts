import { type Cause, Context, Data, type Duration, Effect, Schedule, Schema } from "effect"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import { Handler, type HandlerTimeout } from "parallel-batch-pipeline/effect"
import { describe, expectTypeOf, it } from "vitest"

class HttpClient extends Context.Service<HttpClient, { readonly limit: number }>()("HttpClient") {}
class Cache extends Context.Service<Cache, { readonly size: number }>()("Cache") {}
class Backoff extends Context.Service<Backoff, { readonly factor: number }>()("Backoff") {}
class Decoder extends Context.Service<Decoder, { readonly strict: boolean }>()("Decoder") {}

class HttpError extends Data.TaggedError("HttpError")<{ readonly status: number }> {}
class CacheMiss extends Data.TaggedError("CacheMiss")<{ readonly url: string }> {}

interface Target {
  readonly url: string
}
const Target = Schema.Struct({ url: Schema.String })
type Counted<N> = { readonly n: N }
const Crawl = Schema.Struct({ pages: Schema.Record(Schema.String, Schema.String), failed: Schema.Number })
type Crawl = typeof Crawl.Type

// Shorter names, for one line each.
type H<P, D, S, Prev, O, A extends string, E, R> = Handler.Handler<P, D, S, Prev, O, A, E, R>
type OfTarget<O, A extends string, E, R> = H<Target, Target, unknown, unknown, O, A, E, R>

declare const fetchHtml: (url: string) => Effect.Effect<string, HttpError, HttpClient>
declare const cached: (url: string) => Effect.Effect<string>
declare const request: (target: Target) => Effect.Effect<string, HttpError, HttpClient>
declare const lookup: (url: string) => Effect.Effect<number, CacheMiss, Cache>
declare const backoff: Schedule.Schedule<number, unknown, never, Backoff>
declare const backoffOfHttp: Schedule.Schedule<number, HttpError>
declare const withServices: Schema.Codec<Target, string, Decoder>
declare const standard: StandardSchemaV1<Counted<string>, Counted<number>>
declare const anyTimeout: Duration.Input | undefined
declare const noRequest: () => Effect.Effect<number>

describe("Handler", () => {
  // The example of the specification; a `while` that reads `status` has to tell the timeout apart.
  const fetchPage = Handler.make("fetchPage", {
    params: Schema.Struct({ url: Schema.String }),
    shared: Crawl,
    handleRequest: ({ url }) => fetchHtml(url),
    handleError: (inputs, _error) => cached(inputs.url),
    processResults: ({ shared, params, outputs }) =>
      outputs.length > 0
        ? Handler.next("fetched", { ...shared, pages: { ...shared.pages, [params.url]: outputs } })
        : Handler.next("empty"),
    retry: {
      times: 3,
      schedule: Schedule.exponential("100 millis"),
      while: (error) => error.status >= 500
    },
    timeout: "10 seconds"
  })

  it("has the types that its options say", () => {
    expectTypeOf(fetchPage).toEqualTypeOf<
      H<Target, Target, Crawl, unknown, string, "fetched" | "empty", never, HttpClient>
    >()
    expectTypeOf(fetchPage).toExtend<Handler.Any>()
  })

  it("answers each of its types to a helper", () => {
    type Example = H<{ p: 1 }, { d: 2 }, { s: 3 }, "previous", "output", "a" | "b", HttpError, HttpClient>

    expectTypeOf<Handler.Params<Example>>().toEqualTypeOf<{ p: 1 }>()
    expectTypeOf<Handler.Decoded<Example>>().toEqualTypeOf<{ d: 2 }>()
    expectTypeOf<Handler.Shared<Example>>().toEqualTypeOf<{ s: 3 }>()
    expectTypeOf<Handler.Previous<Example>>().toEqualTypeOf<"previous">()
    expectTypeOf<Handler.Output<Example>>().toEqualTypeOf<"output">()
    expectTypeOf<Handler.Action<Example>>().toEqualTypeOf<"a" | "b">()
    expectTypeOf<Handler.Error<Example>>().toEqualTypeOf<HttpError>()
    expectTypeOf<Handler.Services<Example>>().toEqualTypeOf<HttpClient>()
    expectTypeOf<Handler.Error<typeof fetchPage>>().toEqualTypeOf<never>()
  })

  it("needs no service to know the current item", () => {
    expectTypeOf(Effect.map(Handler.CurrentItem, (item) => item)).toEqualTypeOf<Effect.Effect<Handler.CurrentItem>>()
    expectTypeOf<keyof Handler.CurrentItem>().toEqualTypeOf<"index" | "key" | "handler" | "attempt">()
  })
})

describe("Handler.make: params and request", () => {
  it("takes annotated inputs for the params where there is no schema, else anything", () => {
    const length = Handler.make("length", { handleRequest: ({ url }: Target) => Effect.succeed(url.length) })
    const one = Handler.make("one", { handleRequest: () => Effect.succeed(1) })

    expectTypeOf(length).toEqualTypeOf<OfTarget<number, "default", never, never>>()
    expectTypeOf(one).toEqualTypeOf<H<unknown, unknown, unknown, unknown, number, "default", never, never>>()
  })

  it("tells the encoded from the decoded side, and needs the services of the decoding", () => {
    const handler = Handler.make("parse", {
      params: Schema.Struct({ n: Schema.NumberFromString }),
      handleRequest: ({ n }) => Effect.succeed([n]),
      processResults: ({ inputs, params }) => {
        expectTypeOf([inputs, params] as const).toEqualTypeOf<readonly [Counted<number>, Counted<number>]>()
        return Handler.next("parsed")
      }
    })
    const needy = Handler.make("needy", { params: withServices, handleRequest: () => Effect.succeed(1) })

    expectTypeOf(handler).toEqualTypeOf<
      H<Counted<string>, Counted<number>, unknown, unknown, Array<number>, "parsed", never, never>
    >()
    expectTypeOf(needy).toEqualTypeOf<H<string, Target, unknown, unknown, number, "default", never, Decoder>>()
  })

  it("takes any Standard Schema", () => {
    const handler = Handler.make("standard", {
      params: standard,
      shared: standard,
      handleRequest: ({ n }) => Effect.succeed(n),
      processResults: ({ outputs, shared }) => Handler.next("added", { n: shared.n + outputs })
    })

    expectTypeOf(handler).toEqualTypeOf<
      H<Counted<string>, Counted<number>, Counted<number>, unknown, number, "added", never, never>
    >()
  })

  it("keeps the Scope of the item out of the services", () => {
    const handler = Handler.make("open", {
      handleRequest: ({ url }: Target) => Effect.acquireRelease(fetchHtml(url), () => Effect.void),
      handleError: () => Effect.as(Effect.scope, "")
    })

    expectTypeOf<Handler.Services<typeof handler>>().toEqualTypeOf<HttpClient>()
  })

  it("rejects a request that takes something else, or does not answer an Effect", () => {
    const other = (inputs: { readonly path: string }) => Effect.succeed(inputs.path)

    // @ts-expect-error the schema has no path
    Handler.make("wrong", { params: Target, handleRequest: other })
    // @ts-expect-error the inputs are a number
    Handler.make("wrong", { prepareInputs: () => 1, handleRequest: lookup })
    // @ts-expect-error a promise is not an Effect
    Handler.make("wrong", { handleRequest: () => Promise.resolve(1) })
    // @ts-expect-error there is no such option
    Handler.make("wrong", { handleRequest: noRequest, retries: 3 })
    // @ts-expect-error a request there must be
    Handler.make("wrong", { params: Target })
  })
})

describe("Handler.make: errors", () => {
  it("has the errors of the request, or those of the fallback with its outputs and services", () => {
    const fails = Handler.make("fetch", { params: Target, handleRequest: request })
    const handler = Handler.make("fetch", {
      params: Target,
      handleRequest: request,
      handleError: ({ url }, error) => {
        expectTypeOf(error).toEqualTypeOf<HttpError>()
        return lookup(url)
      },
      processResults: ({ outputs }) => {
        expectTypeOf(outputs).toEqualTypeOf<string | number>()
        return Handler.next("done")
      }
    })

    expectTypeOf<Handler.Error<typeof fails>>().toEqualTypeOf<HttpError>()
    expectTypeOf(handler).toEqualTypeOf<OfTarget<string | number, "done", CacheMiss, HttpClient | Cache>>()
  })

  it("adds HandlerTimeout where there is a timeout, for handleError and an annotated retry.while as well", () => {
    const fails = Handler.make("fetch", {
      params: Target,
      handleRequest: ({ url }) => fetchHtml(url),
      retry: { while: (error: HttpError | HandlerTimeout) => error._tag === "HandlerTimeout" },
      timeout: "1 second"
    })
    const caught = Handler.make("fetch", {
      params: Target,
      handleRequest: ({ url }) => fetchHtml(url),
      handleError: (_, error) => {
        expectTypeOf(error).toEqualTypeOf<HttpError | HandlerTimeout>()
        return error._tag === "HandlerTimeout" ? Effect.succeed("") : Effect.fail(error)
      },
      timeout: "1 second"
    })

    expectTypeOf<Handler.Error<typeof fails>>().toEqualTypeOf<HttpError | HandlerTimeout>()
    expectTypeOf<Handler.Error<typeof caught>>().toEqualTypeOf<HttpError>()
  })

  it("adds HandlerTimeout only where there can be a timeout", () => {
    const none = Handler.make("none", { handleRequest: noRequest, timeout: undefined })
    const some = Handler.make("some", { handleRequest: noRequest, timeout: anyTimeout })

    expectTypeOf<Handler.Error<typeof none>>().toEqualTypeOf<never>()
    expectTypeOf<Handler.Error<typeof some>>().toEqualTypeOf<HandlerTimeout>()
    // @ts-expect-error not a duration
    Handler.make("wrong", { handleRequest: noRequest, timeout: "soon" })
  })
})

describe("Handler.make: retry", () => {
  it("gives while the error, and takes the services of the schedule", () => {
    const handler = Handler.make("fetch", {
      params: Target,
      handleRequest: ({ url }) => fetchHtml(url),
      retry: { times: 3, schedule: backoff, while: (error) => error.status >= 500 }
    })

    expectTypeOf<Handler.Error<typeof handler>>().toEqualTypeOf<HttpError>()
    expectTypeOf<Handler.Services<typeof handler>>().toEqualTypeOf<HttpClient | Backoff>()
  })

  it("rejects a while and a schedule that take other errors, and unknown options", () => {
    const retry = { schedule: backoffOfHttp }
    const http = Handler.make("http", { params: Target, handleRequest: ({ url }) => fetchHtml(url), retry })

    expectTypeOf<Handler.Error<typeof http>>().toEqualTypeOf<HttpError>()
    // @ts-expect-error the request does not fail with CacheMiss
    Handler.make("wrong", { handleRequest: request, retry: { while: (_e: CacheMiss) => true } })
    // @ts-expect-error the schedule does not take a HandlerTimeout
    Handler.make("wrong", { handleRequest: request, retry, timeout: 10 })
    // @ts-expect-error retries are counted by `times`
    Handler.make("wrong", { handleRequest: noRequest, retry: { retries: 3 } })
  })
})

describe("Handler.make: prepareInputs", () => {
  it("gives the request its inputs", () => {
    const handler = Handler.make("prepare", {
      params: Target,
      shared: Crawl,
      prepareInputs: ({ params, shared }) => ({ url: params.url, known: shared.pages[params.url] }),
      handleRequest: ({ known = "", url }) => Effect.andThen(Effect.scope, fetchHtml(url + known)),
      processResults: ({ inputs }) => {
        expectTypeOf(inputs).toEqualTypeOf<{ url: string; known: string | undefined }>()
        return Handler.next("done")
      }
    })

    expectTypeOf(handler).toEqualTypeOf<H<Target, Target, Crawl, unknown, string, "done", HttpError, HttpClient>>()
  })

  it("takes its types from annotations where there is no schema", () => {
    type Given = { readonly params: Target; readonly shared: Crawl; readonly previous: number }
    const handler = Handler.make("annotated", {
      prepareInputs: ({ params, previous, shared }: Given) => params.url.length + previous + shared.failed,
      handleRequest: (count) => Effect.succeed(count),
      processResults: ({ outputs, shared }) => Handler.next("counted", { ...shared, failed: outputs })
    })

    expectTypeOf(handler).toEqualTypeOf<H<Target, Target, Crawl, number, number, "counted", never, never>>()
  })

  it("takes an annotated previous beside schemas", () => {
    const handler = Handler.make("annotated", {
      params: Schema.Struct({ n: Schema.NumberFromString }),
      shared: Crawl,
      prepareInputs: ({ previous }: { readonly previous: Target }) => previous.url,
      handleRequest: (url) => Effect.succeed(url),
      processResults: ({ params, shared }) => Handler.next(params.n > shared.failed ? "more" : "less")
    })

    expectTypeOf(handler).toEqualTypeOf<
      H<Counted<string>, Counted<number>, Crawl, Target, string, "more" | "less", never, never>
    >()
  })
})

describe("Handler.make: processResults", () => {
  it("infers the actions of every kind of answer; without it, default", () => {
    const action = "constant" as const
    const computed = ["left", "right"] as const
    const handler = Handler.make("save", {
      shared: Crawl,
      handleRequest: noRequest,
      processResults: ({ outputs, shared }) => {
        if (outputs === 0) return Handler.skip("nothing")
        if (outputs === 1) return Handler.next(action)
        if (outputs === 2) return Handler.next(computed[shared.failed === 0 ? 0 : 1], shared)
        return outputs === 3 ? Handler.nextWith("changed", () => {}) : Handler.next("same")
      }
    })
    const silent = Handler.make("silent", { params: Target, shared: Crawl, handleRequest: request })

    expectTypeOf<Handler.Action<typeof silent>>().toEqualTypeOf<"default">()
    expectTypeOf<Handler.Action<typeof handler>>().toEqualTypeOf<"constant" | "left" | "right" | "changed" | "same">()
  })

  it("takes shared data from an annotation where there is no schema", () => {
    const handler = Handler.make("save", {
      handleRequest: noRequest,
      processResults: ({ outputs, shared }: { readonly outputs: number; readonly shared: Crawl }) =>
        Handler.next("saved", { ...shared, failed: outputs })
    })

    expectTypeOf<Handler.Shared<typeof handler>>().toEqualTypeOf<Crawl>()
    expectTypeOf<Handler.Action<typeof handler>>().toEqualTypeOf<"saved">()
  })

  it("gives nextWith a draft that is mutable all the way down", () => {
    interface State {
      readonly list: ReadonlyArray<{ readonly n: number }>
      readonly pair: readonly [string, { readonly n: number }]
      readonly byUrl: ReadonlyMap<string, { readonly hits: ReadonlyArray<number> }>
      readonly seen: ReadonlySet<string>
      readonly maybe?: Date
    }
    expectTypeOf<Handler.Draft<State>>().toEqualTypeOf<{
      list: Array<{ n: number }>
      pair: [string, { n: number }]
      byUrl: Map<string, { hits: Array<number> }>
      seen: Set<string>
      maybe?: Date
    }>()
    Handler.make("save", {
      shared: Crawl,
      handleRequest: noRequest,
      processResults: ({ outputs }) =>
        Handler.nextWith("saved", (draft) => {
          draft.failed += outputs
          expectTypeOf(draft).toEqualTypeOf<{ pages: { [x: string]: string }; failed: number }>()
        })
    })
  })

  it("rejects shared data of another type", () => {
    const options = { shared: Crawl, handleRequest: noRequest }

    // @ts-expect-error the pages are missing
    Handler.make("wrong", { ...options, processResults: () => Handler.next("a", { failed: 1 }) })
    // @ts-expect-error failed is a number
    Handler.make("wrong", { ...options, processResults: (_c) => Handler.nextWith("a", (d) => (d.failed = "1")) })
    // @ts-expect-error the shared data is read-only but in a draft
    Handler.make("wrong", { ...options, processResults: ({ shared }) => Handler.next(shared.failed++ ? "a" : "b") })
    // @ts-expect-error the handler does not say what the shared data is
    Handler.make("wrong", { handleRequest: noRequest, processResults: () => Handler.next("a", { failed: 1 }) })
    // @ts-expect-error an answer is made by next, nextWith or skip
    Handler.make("wrong", { handleRequest: noRequest, processResults: () => "a" })
  })
})

describe("Handler.make: Effect.fnUntraced", () => {
  it("takes a generator function that has a name above the handler", () => {
    const fetchTwice = Effect.fnUntraced(function* ({ url }: Target) {
      return [yield* fetchHtml(url), yield* fetchHtml(url)]
    })
    const handler = Handler.make("twice", {
      params: Target,
      handleRequest: fetchTwice,
      handleError: (_, error) => Effect.succeed([`${error.status}`]),
      processResults: ({ outputs }) => Handler.next(outputs[0] === "" ? "empty" : "full")
    })

    expectTypeOf(handler).toEqualTypeOf<OfTarget<Array<string>, "empty" | "full", never, HttpClient>>()
  })

  it("takes an inline generator function with annotated parameters below", () => {
    const handler = Handler.make("inline", {
      params: Target,
      handleRequest: Effect.fnUntraced(function* ({ url }: Target) {
        return yield* fetchHtml(url)
      }),
      handleError: (_: Target, error: HttpError) => Effect.succeed(`${error.status}`),
      processResults: ({ outputs }: { readonly outputs: string }) => Handler.next(outputs === "" ? "empty" : "full")
    })

    expectTypeOf(handler).toEqualTypeOf<OfTarget<string, "empty" | "full", never, HttpClient>>()
  })
})

describe("Handler.fromPromise", () => {
  it("fails with UnknownError without catch", () => {
    const handler = Handler.fromPromise("length", {
      params: Target,
      handleRequest: async ({ url }, signal) => [url.length, signal] as const
    })

    expectTypeOf(handler).toEqualTypeOf<
      OfTarget<readonly [number, AbortSignal], "default", Cause.UnknownError, never>
    >()
  })

  it("fails with what catch answers, and gives it to handleError", () => {
    const handler = Handler.fromPromise("length", {
      prepareInputs: ({ previous }: { readonly previous: string }) => previous,
      handleRequest: async (text) => text.length,
      catch: (cause) => new HttpError({ status: Number(cause) }),
      processResults: ({ outputs }) => Handler.next(outputs > 0 ? "full" : "empty"),
      timeout: "1 second"
    })
    const rescued = Handler.fromPromise("length", {
      handleRequest: async ({ url }: Target) => url.length,
      catch: () => new HttpError({ status: 500 }),
      handleError: ({ url }, error) => Effect.as(lookup(url), error.status)
    })

    expectTypeOf(handler).toEqualTypeOf<
      H<unknown, unknown, unknown, string, number, "full" | "empty", HttpError | HandlerTimeout, never>
    >()
    expectTypeOf(rescued).toEqualTypeOf<OfTarget<number, "default", CacheMiss, Cache>>()
  })
})
