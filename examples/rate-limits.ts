/**
 * Calls a service that limits each tenant: limits that hold, and one answer that says "come back later" to all.
 *
 *   npm run examples            runs this program and the others
 *
 * It starts its own small server on the loopback interface, which takes five calls of a tenant in any second, and answers
 * 429 with Retry-After to the others. The first run is not told: it learns from the answers. The second one is told.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { table } from "./lib/terminal.ts"

interface Call {
  readonly tenant: string
  readonly n: number
}

const tenants = ["red", "green", "blue"]
const calls: ReadonlyArray<Call> = Array.from({ length: 45 }, (_, n) => ({ tenant: tenants[n % 3]!, n }))
const limit = 5
const windowMillis = 1000

// The server: a window that rolls, one for each tenant.

const startServer = Effect.acquireRelease(
  Effect.callback<string>((resume) => {
    const accepted = new Map(tenants.map((tenant): [string, Array<number>] => [tenant, []]))
    const server = createServer((request, response) => {
      const now = performance.now()
      const times = accepted.get(request.url!.slice(1)) ?? []
      while (times.length > 0 && times[0]! <= now - windowMillis) times.shift()
      if (times.length < limit) {
        times.push(now)
        response.end("done")
      } else {
        const seconds = Math.ceil((times[0]! + windowMillis - now) / 1000)
        response.writeHead(429, { "Retry-After": String(seconds) }).end()
      }
    })
    server.listen(0, "127.0.0.1", () => {
      resume(Effect.succeed(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
    })
    servers.push(server)
  }),
  () =>
    Effect.sync(() => {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
    })
)
const servers: Array<ReturnType<typeof createServer>> = []

// What is seen of a run: when calls start, and when the gate of a tenant is closed.

interface Seen {
  readonly starts: Array<{ readonly tenant: string; readonly at: number }>
  readonly closed: Array<{ readonly tenant: string; readonly from: number; readonly until: number }>
}

const run = Effect.fnUntraced(function* (site: string, gate: Gate.Gate<Call>) {
  // Not measured: the first request of a process takes a tenth of a second.
  yield* Effect.promise(() => fetch(site))
  const seen: Seen = { starts: [], closed: [] }
  const began = performance.now()
  const now = () => performance.now() - began

  const call = Handler.fromPromise("call", {
    handleRequest: async ({ tenant }: Call, signal) => {
      seen.starts.push({ tenant, at: now() })
      const response = await fetch(`${site}/${tenant}`, { signal })
      const text = await response.text()
      if (response.status === 429) {
        const seconds = Number(response.headers.get("retry-after"))
        seen.closed.push({ tenant, from: now(), until: now() + seconds * 1000 })
      }
      // Thrown as it is: the gate finds the header itself, and closes for the tenant.
      if (!response.ok) throw response
      return text
    },
    gate
  })
  const pipeline = Pipeline.make("calls", { handlers: { call }, start: "call" })

  const report = yield* Batch.run(pipeline, { params: calls, concurrency: 6, mode: "collect-all" })
  const inClosed = seen.starts.filter(({ at, tenant }) =>
    seen.closed.some((closed) => closed.tenant === tenant && at > closed.from && at < closed.until)
  )
  yield* Console.log(picture(seen, now()))
  yield* Console.log(
    `${report.total} calls: ${report.succeeded} succeeded, ${report.failed} failed, ${seen.closed.length} were told to ` +
      `come back, ${inClosed.length} started while closed`
  )
  yield* Console.log(`${(now() / 1000).toFixed(2)} s; the limit alone asks for ${leastSeconds.toFixed(2)} s\n`)
})

const leastSeconds = ((Math.ceil(calls.length / tenants.length / limit) - 1) * windowMillis) / 1000

/** One line for each tenant: how many calls start in each tenth of a second, and `·` where its gate is closed. */
const picture = ({ closed, starts }: Seen, end: number): string => {
  const columns = Array.from({ length: Math.ceil(end / 100) }, (_, column) => column * 100)
  const line = (tenant: string) =>
    columns.map((from) => {
      const count = starts.filter(({ at, ...start }) => start.tenant === tenant && at >= from && at < from + 100).length
      if (count > 0) return count > 9 ? "+" : String(count)
      return closed.some((other) => other.tenant === tenant && other.from < from + 100 && other.until > from)
        ? "·"
        : " "
    })
  return table(["tenant", "calls that start, 100 ms a column"], ...tenants.map((name) => [name, line(name).join("")]))
}

const program = Effect.gen(function* () {
  const site = yield* startServer

  yield* Console.log("The gate knows no limit. The first 429 of a tenant closes it, for all of its calls:\n")
  yield* run(site, Gate.make({ key: ({ tenant }: Call) => tenant }))

  // Half of a hundred milliseconds more than the server asks for: the network may bring two calls closer together.
  yield* Effect.sleep(windowMillis)
  yield* Console.log("The gate knows the limit, so nobody has to be told:\n")
  const rate = { limit, window: windowMillis + 50 }
  yield* run(site, Gate.make({ key: ({ tenant }: Call) => tenant, rate, order: "fair" }))
})

NodeRuntime.runMain(Effect.scoped(program))
