/**
 * Fetches many endpoints at once and transforms what they answer: typed errors, services, retries, a fallback.
 *
 *   npm run examples            runs this program and the others
 *
 * It starts its own small weather server on the loopback interface, whose endpoints misbehave in different ways, and
 * sends every city through two handlers: fetch -> transform.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Cause, Console, Effect, Layer, Ref, Schedule, Schema } from "effect"
import {
  FetchHttpClient,
  HttpClient,
  type HttpClientError,
  HttpRouter,
  HttpServer,
  HttpServerResponse as Response
} from "effect/http"
import { createServer } from "node:http"
import { Batch, Handler, type HandlerTimeout, Outcome, Pipeline } from "parallel-batch-pipeline/effect"
import { table } from "./lib/terminal.ts"

// The two handlers.

const statusOf = (error: HttpClientError.HttpClientError | HandlerTimeout) =>
  error._tag === "HttpClientError" ? error.response?.status : undefined

const fetch = Handler.make("fetch", {
  params: Schema.Struct({ city: Schema.String }),
  // The body is read here, so that the timeout and the retries cover it as well.
  handleRequest: ({ city }) =>
    Effect.gen(function* () {
      const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
      const response = yield* client.get(`/weather/${city}`)
      return { body: yield* response.text }
    }),
  timeout: "400 millis",
  // A server error may pass; a timeout or a "not found" would only be repeated.
  retry: { times: 3, schedule: Schedule.exponential("20 millis"), while: (error) => (statusOf(error) ?? 0) >= 500 },
  // Runs after the last attempt: it answers for a 404, and passes every other error on.
  handleError: (_, error) =>
    statusOf(error) === 404 ? Effect.succeed({ body: `{ "sky": "unknown" }` }) : Effect.fail(error),
  processResults: () => Handler.next("fetched")
})

const Weather = Schema.Struct({ sky: Schema.String, celsius: Schema.optionalKey(Schema.Number) })

const transform = Handler.make("transform", {
  // `previous` is what the step before answered, or its fallback.
  prepareInputs: ({ previous }: { readonly previous: { readonly body: string } }) => previous.body,
  handleRequest: Schema.decodeEffect(Schema.fromJsonString(Weather)),
  processResults: () => Handler.next("transformed")
})

// Its error type is computed: HttpClientError | HandlerTimeout | SchemaError. Its only service is HttpClient.
const weather = Pipeline.make("weather", {
  handlers: { fetch, transform },
  start: "fetch",
  routes: { fetch: { fetched: "transform" } }
})

// The batch, and what became of each city.

const program = Effect.gen(function* () {
  const cities = ["oslo", "lima", "cairo", "quito", "tokyo", "atlantis", "delhi"]
  const report = yield* Batch.run(weather, {
    params: cities.map((city) => ({ city })),
    concurrency: 4,
    mode: "collect-all"
  })

  const rows = report.outcomes.map((outcome) =>
    Outcome.match(outcome, {
      onSucceeded: ({ attempts, output, params, path }) => [
        params.city,
        "succeeded",
        show(path),
        attempts,
        say(output)
      ],
      onFailed: ({ attempts, cause, params, path }) => [params.city, "failed", show(path), attempts, reasonOf(cause)],
      onSkipped: ({ attempts, params, path, reason }) => [params.city, "skipped", show(path), attempts, reason],
      onInterrupted: ({ attempts, params, path }) => [params.city, "interrupted", show(path), attempts, ""],
      onNotStarted: ({ params }) => [params.city, "not started", "", 0, ""]
    })
  )
  yield* Console.log(table(["city", "outcome", "steps", "attempts", "weather, or reason"], ...rows))
  yield* Console.log(`\n${report.total} cities: ${report.succeeded} succeeded, ${report.failed} failed`)
})

const show = (path: ReadonlyArray<string>) => path.join(" > ")
const say = ({ celsius, sky }: typeof Weather.Type) => (celsius === undefined ? sky : `${sky}, ${celsius} °C`)
const reasonOf = (cause: Cause.Cause<unknown>) => Cause.pretty(cause).split("\n")[0]!

// The server, and a client whose URLs start at it.

const Routes = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const visits = yield* Ref.make(0)
    yield* router.add("GET", "/weather/oslo", Response.jsonUnsafe({ sky: "snow", celsius: -3 }))
    yield* router.add(
      "GET",
      "/weather/lima",
      Effect.delay(Effect.succeed(Response.jsonUnsafe({ sky: "mist", celsius: 18 })), "200 millis")
    )
    // Busy twice, then well.
    yield* router.add(
      "GET",
      "/weather/cairo",
      Effect.map(
        Ref.updateAndGet(visits, (n) => n + 1),
        (n) => (n <= 2 ? Response.empty({ status: 503 }) : Response.jsonUnsafe({ sky: "clear", celsius: 31 }))
      )
    )
    yield* router.add("GET", "/weather/quito", Response.empty({ status: 503 }))
    yield* router.add("GET", "/weather/tokyo", Effect.never)
    yield* router.add("GET", "/weather/delhi", Response.text(`{ "sky": "haze", "celsius": `))
  })
)

const Server = HttpRouter.serve(Routes, { disableLogger: true, disableListenLog: true }).pipe(
  Layer.provideMerge(NodeHttpServer.layerServer(createServer, { host: "127.0.0.1", port: 0 })),
  Layer.provide(NodeHttpServer.layerHttpServices)
)
const Client = HttpServer.layerTestClient.pipe(Layer.provide(FetchHttpClient.layer), Layer.provide(Server))

program.pipe(Effect.provide(Client), NodeRuntime.runMain)
