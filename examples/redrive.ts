/**
 * Imports 400 orders from a service that is half broken, reads the failures as three lines, repairs, and runs again
 * just what had failed. Every report is kept as a file, and the last one as a page for the browser.
 *
 *   npm run examples            runs this program and the others
 *
 * The service is a small server of its own on the loopback interface.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Path, Schema } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { styleText } from "node:util"
import { Batch, Handler, Pipeline, Plan, Report } from "parallel-batch-pipeline/effect"

// The service: a shard of it is down, and some orders are in a currency without a rate.

const broken = { shard: true }
const rates: { [currency: string]: number } = { EUR: 1, USD: 0.9, GBP: 1.2 }
const currencies = ["EUR", "USD", "GBP", "CHF"]

const server = createServer((request, response) => {
  const id = Number(request.url!.split("/").at(-1))
  if (broken.shard && id % 8 === 3) return response.writeHead(503).end()
  if (id === 77) return response.end("<html>maintenance</html>")
  return response.end(JSON.stringify({ id, cents: id * 100, currency: currencies[id % 40 === 0 ? 3 : id % 3] }))
})
const listen = Effect.callback<string>((resume) => {
  server.listen(0, "127.0.0.1", () =>
    resume(Effect.succeed(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  )
})

// The pipeline. With a schema for its errors, a saved report has them as what they were.

class ServiceError extends Schema.TaggedError<ServiceError>()("ServiceError", {
  status: Schema.Number,
  url: Schema.String
}) {
  override get message(): string {
    return `status ${this.status} from ${this.url}`
  }
}

class NotAnOrder extends Schema.TaggedError<NotAnOrder>()("NotAnOrder", { id: Schema.Number, text: Schema.String }) {
  override get message(): string {
    return `order ${this.id} is not JSON: ${this.text}`
  }
}

class NoRate extends Schema.TaggedError<NoRate>()("NoRate", { currency: Schema.String }) {
  override get message(): string {
    return `no rate for ${this.currency}`
  }
}

interface Order {
  readonly id: number
  readonly cents: number
  readonly currency: string
}

const importing = (site: string) => {
  const fetchOrder = Handler.fromPromise("fetchOrder", {
    handleRequest: async ({ id }: { readonly id: number }, signal): Promise<Order> => {
      const url = `${site}/orders/${id}`
      const response = await fetch(url, { signal })
      if (!response.ok) throw new ServiceError({ status: response.status, url })
      const text = await response.text()
      if (!text.startsWith("{")) throw new NotAnOrder({ id, text })
      return JSON.parse(text) as Order
    },
    // Whatever else is thrown is a bug of this program, and its text will do.
    catch: (cause) => cause as ServiceError | NotAnOrder,
    error: Schema.Union([ServiceError, NotAnOrder])
  })
  const convert = Handler.make("convert", {
    shared: Schema.Struct({ euros: Schema.Number }),
    prepareInputs: ({ previous }: { readonly previous: Order }) => previous,
    handleRequest: ({ cents, currency }) => {
      const rate = rates[currency]
      return rate === undefined ? Effect.fail(new NoRate({ currency })) : Effect.succeed((cents / 100) * rate)
    },
    processResults: ({ outputs, shared }) => Handler.next("imported", { euros: shared.euros + outputs }),
    error: NoRate
  })
  return Pipeline.make("import orders", {
    version: "1",
    handlers: { fetchOrder, convert },
    start: "fetchOrder",
    routes: { fetchOrder: { default: "convert" } }
  })
}

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.makeTempDirectory({ directory: tmpdir(), prefix: "orders-" })
  const pipeline = importing(yield* listen)
  const params = Array.from({ length: 400 }, (_, n) => ({ id: n + 1 }))

  // The first run. Nothing that fails stops it.
  const first = yield* Batch.run(pipeline, {
    params,
    shared: { euros: 0 },
    mode: "collect-all",
    concurrency: 8,
    timings: true,
    key: ({ id }) => `order ${id}`
  })
  yield* Console.log(Report.format(first, { styleText, width: 100 }))
  const saved = path.join(folder, "first.json")
  yield* fs.writeFileString(saved, Report.toJson(first, pipeline))

  // One of the failures, alone: is it still there?
  const replayed = yield* Batch.replay(pipeline, first, "order 3")
  yield* Console.log(`\norder 3, once more: ${replayed._tag}`)

  // The repair: the shard is up again, and there is a rate for CHF. That order 77 is no order is not for us to repair.
  broken.shard = false
  rates["CHF"] = 1.05

  // Another process, another day: it has the file and nothing else. The plan shows what would run, before it does.
  const restored = yield* Report.fromJson(yield* fs.readFileString(saved), pipeline)
  const plan = yield* Batch.plan(pipeline, restored)
  yield* Console.log(`\n${Plan.format(plan, { styleText })}\n`)

  const second = yield* Batch.redrive(plan, { mode: "collect-all", concurrency: 8, timings: true })
  yield* Console.log(Report.format(second, { styleText, width: 100 }))

  const { broken: worse, fixed, stillFailing } = Report.diff(first, second)
  yield* Console.log(`\n${fixed.length} fixed, ${stillFailing.length} still failing, ${worse.length} broken`)
  yield* Console.log(
    `${first.shared.euros.toFixed(2)} euros were imported at first, ${second.shared.euros.toFixed(2)} now`
  )

  const page = path.join(folder, "report.html")
  yield* fs.writeFileString(page, Report.toHtml(first, { title: "Import of orders, first run" }))
  yield* Console.log(`Reports: ${saved}\n         ${page}`)
})

NodeRuntime.runMain(
  program.pipe(
    Effect.ensuring(
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
    ),
    Effect.provide(NodeServices.layer)
  )
)
