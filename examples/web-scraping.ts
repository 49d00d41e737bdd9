/**
 * Scrapes pages with plain classes: retries, a timeout, fallback results, and a run that is cancelled half-way.
 *
 *   npm run examples            runs this program and the others
 *
 * It starts its own small server on the loopback interface, whose pages are slow, failing or missing. The first run
 * takes every page, whatever happens to it; the second one is cancelled while its requests are in flight.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { Handler, type HandlerParams, ParallelBatchPipeline, Pipeline, type SharedData } from "parallel-batch-pipeline"
import { table } from "./lib/terminal.ts"

// One step: what is done with one page.

interface Page {
  readonly title: string
  readonly failed: boolean
}

interface ScrapingData extends SharedData {
  readonly paths: string[]
  readonly pages: { [path: string]: Page }
}

class WebScrapingHandler extends Handler<{ path: string }, Page, ScrapingData> {
  // The only method that may wait, and the only one that is tried again when it throws.
  protected async handleRequest({ path }: { path: string }): Promise<Page> {
    // The signal is aborted when the run is cancelled, and when this attempt has taken too long.
    const response = await fetch(`${site}${path}`, { signal: this.getSignal() })
    // A missing page stays missing, so it is answered. A server error may pass, so it is thrown.
    if (response.status === 404) return { title: "no such page", failed: true }
    if (!response.ok) throw new Error(`status ${response.status}`)

    const [, title] = (await response.text()).match(/<title>(.*?)<\/title>/i) ?? []
    return { title: title ?? "no title", failed: false }
  }

  // Runs once, after the last attempt; what it answers takes the place of the page.
  protected override handleError(_inputs: { path: string }, error: Error): Page {
    return { title: `gave up: ${error.message}`, failed: true }
  }

  protected override processResults(sharedData: ScrapingData, { path }: { path: string }, page: Page): string {
    sharedData.pages[path] = page
    return "scraped"
  }
}

// The batch: that step for every page, four at a time.

class ParallelWebScraper extends ParallelBatchPipeline<ScrapingData> {
  protected override prepareBatchParams(sharedData: Readonly<ScrapingData>): HandlerParams[] {
    return sharedData.paths.map((path) => ({ path }))
  }

  protected override processBatchResults(sharedData: ScrapingData, inputs: HandlerParams[]): string {
    const scraped = Object.values(sharedData.pages).filter((page) => !page.failed).length
    console.log(`Scraped ${scraped}/${inputs.length} pages`)
    return scraped === inputs.length ? "all_success" : "partial_success"
  }
}

// The server. It remembers what was asked for, and which requests were aborted before it had answered.

const asked: string[] = []
const aborted: string[] = []
const server = createServer((request, response) => {
  const path = request.url!
  asked.push(path)
  response.on("close", () => response.writableFinished || aborted.push(path))
  const answer = (status: number) => response.writeHead(status).end(`<title>The page ${path}</title>`)

  if (path.startsWith("/endless")) return // never answers
  if (path === "/slow") return setTimeout(answer, 100, 200)
  if (path === "/flaky") return answer(count(asked, path) < 3 ? 500 : 200)
  return answer(path === "/broken" ? 500 : path === "/missing" ? 404 : 200)
})
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const count = (paths: string[], path: string) => paths.filter((other) => other === path).length
const until = async (condition: () => boolean) => {
  while (!condition()) await sleep(5)
}

// The first run: three attempts for each page, each of at most 500 ms.

const patient = new Pipeline(new WebScrapingHandler({ maxRetries: 3, retryDelayMs: 20, timeoutMs: 500 }))
const data: ScrapingData = { paths: ["/news", "/slow", "/flaky", "/broken", "/missing", "/endless"], pages: {} }

const action = await new ParallelWebScraper(patient, { concurrency: 4 }).run(data)
await until(() => count(aborted, "/endless") === 3)

const row = (path: string) => [path, count(asked, path), count(aborted, path), data.pages[path]!.title]
console.log(table(["page", "requests", "aborted", "title, or the fallback"], ...data.paths.map(row)))
console.log(`The batch answered "${action}"\n`)

// The second run: four of its pages never answer, and nobody wants to wait for them.

const tedious = new ParallelWebScraper(new Pipeline(new WebScrapingHandler()), { concurrency: 4 })
const paths = ["/a", "/b", "/endless/1", "/endless/2", "/endless/3", "/endless/4", "/c", "/d"]

const cancelInFlight = async <A>(start: (signal: AbortSignal) => Promise<A>) => {
  asked.length = aborted.length = 0
  const controller = new AbortController()
  const running = start(controller.signal)
  await until(() => asked.length === 6)
  controller.abort(new Error("nobody is waiting any more"))
  const [result] = await Promise.allSettled([running])
  // The server learns of it a moment later.
  await until(() => aborted.length === 4)
  return result
}

const result = await cancelInFlight((signal) => tedious.run({ paths, pages: {} }, { signal }))
console.log(`run was ${result.status}: ${result.status === "rejected" ? result.reason : ""}`)
console.log(`The server saw these requests aborted: ${aborted.sort().join(", ")}`)

// `run` rejects; `runReport` answers what became of every page all the same.
await cancelInFlight(async (signal) => {
  const report = await tedious.runReport({ paths, pages: {} }, { signal })
  console.log(table(["page", "outcome"], ...report.outcomes.map(({ _tag, params }) => [String(params.path), _tag])))
})

// Without it the connections that fetch keeps open would hold the program for a few seconds.
server.closeAllConnections()
server.close()
