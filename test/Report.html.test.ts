/**
 * The page of a report in a browser: what it shows, what it asks for, what it runs. Without Chromium these tests are
 * skipped, but never in CI.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
import { type Browser, chromium, type Page } from "playwright-core"
import { scriptHash, styleHash } from "../src/internal/report/pageHashes.ts"
import { script } from "../src/internal/report/pageScript.ts"
import { style } from "../src/internal/report/pageStyle.ts"

const executablePath = "/usr/bin/chromium"
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync"
]

const folder = mkdtempSync(join(tmpdir(), "report-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

class HttpError extends Schema.TaggedError<HttpError>()("HttpError", { status: Schema.Number, url: Schema.String }) {
  override get message(): string {
    return `status ${this.status} from ${this.url}`
  }
}

/** Whatever of this runs says so. */
const evil =
  `</script><script>window.pwned = 1</script><img src="http://example.com/x.png" onerror="window.pwned = 2">` +
  `'"><svg onload="window.pwned = 3"></svg><!-- <style>*{display:none}</style> ${"\u2028"}{{7*7}} \${pwned}`

const fetchPage = Handler.make("fetchPage", {
  handleRequest: ({ id }: { readonly id: number; readonly name: string }) =>
    Effect.andThen(
      Effect.yieldNow,
      id % 25 === 0
        ? Effect.fail(new HttpError({ status: 500 + (id % 3), url: `https://a.b/${id}${evil}` }))
        : Effect.succeed(id)
    )
})
const parse = Handler.make("parse", {
  prepareInputs: ({
    params,
    previous
  }: {
    readonly params: { readonly id: number; readonly name: string }
    readonly previous: number
  }) => ({ ...params, previous }),
  handleRequest: ({ id, name }) => {
    if (id % 99 === 0) throw new TypeError(`cannot parse ${evil}`)
    return Effect.succeed({ words: id, name })
  },
  processResults: ({ inputs }) => (inputs.id % 70 === 1 ? Handler.skip(`unchanged ${evil}`) : Handler.next("parsed"))
})
const crawl = Pipeline.make(`crawl ${evil}`, {
  handlers: { fetchPage, [evil]: parse },
  start: "fetchPage",
  routes: { fetchPage: { default: evil } },
  version: evil
} as never) as unknown as Pipeline.Pipeline<
  { readonly id: number; readonly name: string },
  unknown,
  unknown,
  unknown,
  "parsed",
  HttpError,
  never
>

const run = (count: number, timings: boolean) =>
  Batch.run(crawl, {
    params: Array.from({ length: count }, (_, id) => ({ id: id + 1, name: evil })),
    key: ({ id }) => `page ${id} ${evil}`,
    mode: "collect-all",
    concurrency: 24,
    timings
  })

describe("Report.toHtml", () => {
  it("allows exactly its own script and style", () => {
    const hash = (text: string) => `sha256-${createHash("sha256").update(text).digest("base64")}`

    assert.deepStrictEqual({ scriptHash, styleHash }, { scriptHash: hash(script), styleHash: hash(style) })
  })

  it.effect("has no text that is too faint to read, in light and in dark", () =>
    Effect.gen(function* () {
      const one = Handler.make("one", { handleRequest: () => Effect.succeed(1) })
      const page = Report.toHtml(
        yield* Batch.run(Pipeline.make("ones", { handlers: { one }, start: "one" }), { params: [{}] })
      )
      const luminance = (colour: string): number => {
        const [red, green, blue] = [1, 3, 5].map((at) => {
          const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
          return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
        })
        return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
      }
      const themes = Array.from(page.matchAll(/--bg: .*--faint: .*;/g), ([line]) =>
        Object.fromEntries(Array.from(line.matchAll(/--(\w+): (#[0-9a-f]{6})/g), ([, name, colour]) => [name, colour!]))
      )

      assert.strictEqual(themes.length, 2)
      for (const theme of themes) {
        for (const text of ["fg", "muted", "faint"]) {
          for (const ground of ["bg", "card", "hover"]) {
            const [a, b] = [luminance(theme[text]!), luminance(theme[ground]!)]
            const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
            assert.isAtLeast(contrast, 4.5, `${text} on ${ground}`)
          }
        }
      }
    })
  )

  it.effect("leaves out what succeeded first, where there are more items than a page can bear", () =>
    Effect.gen(function* () {
      const html = Report.toHtml(yield* run(200, false), { maxItems: 50, title: "Nightly" })

      const data = JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!)
      assert.strictEqual(data.tags.length, 50)
      assert.strictEqual(data.tags.replaceAll(/[^F]/g, "").length, 10)
      assert.include(html, "This page lists 50 of 200 items")
      assert.include(html, "<title>Nightly: batch report</title>")
      const report = yield* run(1, false)
      assert.throws(
        () => Report.toHtml(report, { maxItems: 0 }),
        'Expected option "maxItems" to be a positive integer, got 0'
      )
    })
  )

  describe.skipIf(!existsSync(executablePath) && process.env["CI"] === undefined)(
    "in Chromium",
    { timeout: 60_000 },
    () => {
      let browser: Browser
      beforeAll(async () => {
        browser = await chromium.launch({ executablePath, args })
      }, 60_000)
      afterAll(() => browser?.close())

      /** Opens the page of a report; everything that it says, asks for or does wrong is in `seen`. */
      const open = async (report: Report.Any, options: Parameters<Browser["newPage"]>[0] = {}) => {
        const file = join(folder, "report.html")
        writeFileSync(file, Report.toHtml(report))
        const page = await browser.newPage(options)
        const seen = { messages: [] as Array<string>, requests: [] as Array<string> }
        page.on("console", (message) => seen.messages.push(message.text()))
        page.on("pageerror", (error) => seen.messages.push(String(error)))
        page.on("request", (request) => seen.requests.push(request.url()))
        await page.goto(pathToFileURL(file).href)
        // The script is done when the page is; to poll for it would take an `eval` that the page does not allow.
        return { page, seen, url: pathToFileURL(file).href }
      }
      const rows = (page: Page) => page.locator("#rows tr.item").count()
      const textOf = (page: Page, selector: string) => page.locator(selector).first().innerText()

      it("opens a real run of 10,000 items, asks for nothing, says nothing, runs nothing of the data", async () => {
        const report = await Effect.runPromise(run(10_000, true))
        // The first page of a browser pays for the start of the browser.
        await (await open(await Effect.runPromise(run(1, false)))).page.close()

        const readyOf = async (page: Page) => Number(await page.evaluate("document.documentElement.dataset.ready"))
        const { page, seen, url } = await open(report)

        // Ready in 0.3 s on a quiet machine, and in 1.7 s on a slow one; with work for each pair of items it would be minutes.
        assert.isBelow(await readyOf(page), 10_000)
        assert.deepStrictEqual(seen, { messages: [], requests: [url] })
        assert.isUndefined(await page.evaluate("window.pwned"))
        assert.strictEqual(await page.locator("script").count(), 2)
        assert.strictEqual(await page.locator("img").count(), 0)
        assert.include(await textOf(page, "h1"), "crawl </script><script>window.pwned = 1")
        assert.include(await textOf(page, "#failures-title"), `${report.failed} failures`)
        assert.include(await textOf(page, ".groups"), "status 501 from <url>")
        assert.include(await page.locator("#canvas").getAttribute("aria-label"), "Timeline of 10,000 items")
        assert.strictEqual(await rows(page), 50)
        assert.strictEqual(await textOf(page, "#range"), "Items 1 to 50 of 10,000")

        // The timeline is drawn: steps and failures have their colours.
        const colours = (await page.evaluate(`(() => {
        const canvas = document.getElementById("canvas")
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
        const seen = new Set()
        for (let at = 0; at < data.length; at += 4) seen.add(data.slice(at, at + 3).join())
        return [...seen]
      })()`)) as ReadonlyArray<string>
        assert.includeMembers([...colours], ["207,48,52", "74,127,214"])
        await page.close()
      })

      it("filters, searches and sorts, and shows an item with all that is known of it", async () => {
        const { page, seen } = await open(await Effect.runPromise(run(300, true)))

        await page.locator("[data-group]").first().click()
        assert.match(await textOf(page, "#active"), /^Only the failures: fetchPage, HttpError/)
        assert.strictEqual(await textOf(page, "#range"), "Items 1 to 4 of 4")
        await page.locator("#clear").click()

        await page.locator("#tags label").filter({ hasText: "Succeeded" }).click()
        assert.notInclude(await textOf(page, "#rows"), "Succeeded")
        await page.locator("#tags label").filter({ hasText: "Succeeded" }).click()

        await page.locator("#search").fill("PAGE 123 ")
        assert.strictEqual(await rows(page), 1)
        await page.locator("#search").fill("no such thing")
        assert.strictEqual(await textOf(page, "#nothing"), "No item fits these filters.")
        await page.locator("#search").fill("")

        const first = () => page.locator("#rows tr.item td:nth-child(3)").first().innerText()
        await page.locator("#items th[data-sort=outcome] button").click()
        assert.include(await first(), "Failed")
        assert.strictEqual(await page.locator("#items th[data-sort=outcome]").getAttribute("aria-sort"), "ascending")
        await page.locator("#items th[data-sort=outcome] button").click()
        assert.include(await first(), "Succeeded")
        await page.locator("#items th[data-sort=outcome] button").click()

        await page.locator("#rows tr.item button").first().click()
        const details = await textOf(page, "#rows tr.more:not([hidden])")
        for (const part of ["Key", "Params", "Cause", "HttpError: status 501", "Steps", "Time"])
          assert.include(details, part)
        assert.isUndefined(await page.evaluate("window.pwned"))
        assert.deepStrictEqual(seen.messages, [])
        await page.close()
      })

      it("is used with the keyboard alone", async () => {
        const { page, seen } = await open(await Effect.runPromise(run(3000, true)))

        // Everything that does something is reached, and is a control that a screen reader knows.
        const reached = new Set<string>()
        for (let presses = 0; presses < 40; presses++) {
          await page.keyboard.press("Tab")
          reached.add(await page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        }
        for (const id of ["search", "step", "canvas", "in", "BUTTON", "INPUT"]) assert.include([...reached], id)

        await page.locator("#canvas").focus()
        await page.keyboard.press("f")
        const said = await page.locator("#said").innerText()
        assert.match(said, /^Item \d+, page \d+ .*Failed in /s)
        await page.keyboard.press("+")
        await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
        assert.isFalse(await page.locator("#reset").isDisabled())
        await page.keyboard.press("Enter")
        assert.match(await page.evaluate("document.activeElement.textContent"), /^page \d+ /)
        assert.strictEqual(await page.locator("#rows tr.more:not([hidden])").count(), 1)
        assert.deepStrictEqual(seen.messages, [])
        await page.close()
      })

      it("gives everything a name, in light and dark, wide and narrow, and scrolls to no side", async () => {
        const report = await Effect.runPromise(run(120, true))
        const backgrounds = new Set<unknown>()
        for (const [colorScheme, width] of [
          ["light", 1280],
          ["dark", 1280],
          ["light", 360]
        ] as const) {
          const { page, seen } = await open(report, { colorScheme, viewport: { width, height: 800 } })

          backgrounds.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
          assert.strictEqual(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), 0)
          const unnamed =
            await page.evaluate(`[...document.querySelectorAll("button, input, select, canvas, [role=region], table, section")]
          .filter((node) => !(node.getAttribute("aria-label") || node.getAttribute("aria-labelledby") || node.textContent.trim() || node.labels?.length))
          .map((node) => node.outerHTML.slice(0, 80))`)
          assert.deepStrictEqual(unnamed, [])
          assert.deepStrictEqual(seen.messages, [])
          await page.close()
        }
        assert.strictEqual(backgrounds.size, 2)
      })

      it("shows whole items without timings, and says how to get the steps", async () => {
        const { page, seen } = await open(await Effect.runPromise(run(100, false)))

        assert.include(await page.locator("section", { has: page.locator("#canvas") }).innerText(), "timings: true")
        assert.deepStrictEqual(seen.messages, [])
        await page.close()
      })

      it("shows batches of nothing, of one, and without a failure", async () => {
        for (const count of [0, 1, 20]) {
          const { page, seen } = await open(await Effect.runPromise(run(count, true)))

          assert.include(await page.locator("body").innerText(), `${count} item`)
          assert.strictEqual(await textOf(page, "#range"), count === 0 ? "No items" : `Items 1 to ${count} of ${count}`)
          assert.deepStrictEqual(seen.messages, [])
          await page.close()
        }
      })
    }
  )
})
