/**
 * The programs of the document that the classes implement. Every code block is compiled and run verbatim; the preludes
 * add only what the document leaves out: handlers, interfaces, and a network that answers.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const document = join(root, "../shared/seed/ParallelBatchPipeline.md")
const cache = join(root, "node_modules/.cache/conformance")

interface Program {
  readonly name: string
  /** What the document leaves out. */
  readonly before: string
  /** Exports as `result` what is to be seen. */
  readonly after: string
  readonly expected: unknown
}

const programs: ReadonlyArray<Program> = [
  {
    name: "basic usage",
    before: `
      const seen: string[] = []
      abstract class Step extends Handler<HandlerParams, string, FileData> {
        protected handleRequest(inputs: HandlerParams) {
          seen.push(this + " " + inputs.filename)
          return String(inputs.filename)
        }
      }
      class ReadFileHandler extends Step { protected processResults() { return "success" } }
      class AnalyzeContentHandler extends Step { protected processResults() { return "complete" } }
      class SaveResultsHandler extends Step {}`,
    after: "export const result = { lines, steps: seen.filter((line) => line.endsWith('file2.txt')) }",
    expected: {
      lines: ["Processed 3 files concurrently"],
      steps: ["ReadFileHandler file2.txt", "AnalyzeContentHandler file2.txt", "SaveResultsHandler file2.txt"]
    }
  },
  {
    name: "web scraping with rate limiting",
    before: `
      interface ScrapingResult { url: string; title: string; content: string; timestamp: string; error?: boolean }
      const fetch = async (url: string) => ({
        ok: !url.endsWith("3"), status: 404, text: async () => "<title>a page</title>"
      })`,
    after: "export const result = lines",
    expected: ["Scraped 2/3 URLs successfully"]
  },
  {
    name: "API data processing",
    // The document says that the response is stored in the shared data, and leaves that line out.
    before: `
      interface APIRequest { endpoint: string; apiKey: string }
      interface APIResponse { id: string; data: unknown }
      interface TransformedData { id: string; processedAt: string; summary: string; metrics: Record<string, number> }
      const transformed: string[] = []
      abstract class Handler<I, O, S extends SharedData> extends LibraryHandler<I, O, S> {
        constructor() {
          super()
          const process = this.processResults
          this.processResults = (sharedData, inputs, outputs) => {
            if (this instanceof TransformDataHandler) transformed.push((outputs as TransformedData).id)
            else (sharedData as SharedData).currentAPIResponse = outputs
            return process.call(this, sharedData, inputs, outputs)
          }
        }
      }
      const sameTick = new Promise<void>((resolve) => setTimeout(resolve, 5))
      const fetch = async (endpoint: string, _init: unknown) => {
        await sameTick
        return { ok: true, status: 200, json: () => ({ id: endpoint, data: { endpoint } }) }
      }`,
    after: "export const result = { lines, transformed: transformed.sort() }",
    expected: {
      lines: ["API Processing complete: 3 success, 0 failed"],
      transformed: ["https://api.service1.com/data", "https://api.service2.com/data", "https://api.service3.com/data"]
    }
  },
  {
    name: "batch size management",
    before: `
      interface ProcessingData extends SharedData { items: number[] }
      const seen: unknown[] = []
      class Item extends Handler<HandlerParams, void, ProcessingData> {
        protected handleRequest(inputs: HandlerParams) { seen.push(inputs.item) }
      }`,
    after: `
      const action = await new ChunkedParallelProcessor(new Pipeline(new Item()), 3).run({ items: [0, 1, 2, 3, 4] })
      export const result = { action, seen, lines }`,
    expected: {
      action: "all_chunks_processed",
      seen: [0, 1, 2, 3, 4],
      lines: ["Processed 3/5 items", "Processed 5/5 items"]
    }
  },
  {
    name: "memory management",
    before: `
      interface LargeDataSet extends SharedData {}
      const global: { gc?: () => void } = {}
      let running = 0
      let most = 0
      class Item extends Handler<HandlerParams, void> {
        protected async handleRequest() {
          most = Math.max(most, ++running)
          await new Promise((resolve) => setTimeout(resolve, 1))
          running--
        }
      }`,
    after: `
      const params = () => Array.from({ length: 12 }, (_, i) => ({ i }))
      const report = await new MemoryEfficientProcessor(new Pipeline(new Item()), { params }).runReport({})
      export const result = { most, lines, succeeded: report.succeeded }`,
    expected: { most: 5, lines: ["Completed batch 1", "Completed batch 2", "Completed batch 3"], succeeded: 12 }
  },
  {
    name: "fail-fast and fail-safe",
    before: `
      interface ProcessingData extends SharedData { results?: any; successCount?: number; failureCount?: number }
      class Item extends Handler<HandlerParams, number> {
        protected async handleRequest(inputs: HandlerParams) {
          await new Promise((resolve) => setTimeout(resolve, 1))
          if (inputs.i === 1) throw new Error("one")
          return 1
        }
      }`,
    after: `
      const params = () => [{ i: 0 }, { i: 1 }, { i: 2 }]
      const shared: ProcessingData = {}
      const thrown = await new FailFastParallelProcessor(new Pipeline(new Item()), { params }).run({}).catch((e) => e.message)
      await new FailSafeParallelProcessor(new Pipeline(new Item()), { params }).run(shared)
      export const result = { thrown, shared }`,
    expected: {
      thrown: "one",
      shared: {
        results: [
          { success: true, params: { i: 0 } },
          { success: false, params: { i: 1 }, error: "one" },
          { success: true, params: { i: 2 } }
        ],
        successCount: 2,
        failureCount: 1
      }
    }
  },
  {
    name: "testing",
    before: `
      import { expect } from "vitest"
      const tests: Array<() => Promise<void>> = []
      const describe = (_name: string, body: () => void) => body()
      const it = (_name: string, body: () => Promise<void>) => { tests.push(body) }`,
    after: "for (const test of tests) await test()\nexport const result = tests.length",
    expected: 2
  },
  {
    name: "migration from BatchPipeline",
    before: `
      interface Data extends SharedData { items: number[] }
      const seen: string[] = []
      class Item extends Handler<HandlerParams, void, Data> {
        protected async handleRequest(inputs: HandlerParams) {
          seen.push("start " + inputs.item)
          await new Promise((resolve) => setTimeout(resolve, 1))
          seen.push("end " + inputs.item)
        }
      }`,
    after: `
      await new SequentialProcessor(new Pipeline(new Item())).run({ items: [1, 2] })
      await new ParallelProcessor(new Pipeline(new Item())).run({ items: [1, 2] })
      export const result = seen`,
    expected: ["start 1", "end 1", "start 2", "end 2", "start 1", "start 2", "end 1", "end 2"]
  }
]

// The document prints to the console; what it prints is caught in `lines`.
const header = (handler: string) => `
import { BatchPipeline, Handler as ${handler}, type HandlerParams, ParallelBatchPipeline, Pipeline, type SharedData } from "parallel-batch-pipeline"
const lines: string[] = []
const console = { log: (line: string) => { lines.push(line) }, error: (..._: unknown[]) => {} }
`

const documentExists = existsSync(document)

describe("the document's programs", () => {
  it("are there in CI", () => {
    if (!documentExists) console.warn(`Not run: the programs of the document, which is not there: ${document}`)
    assert.isTrue(documentExists || process.env["CI"] === undefined, `${document} is missing`)
  })

  describe.runIf(documentExists)("", () => {
    const blocks = documentExists
      ? Array.from(readFileSync(document, "utf8").matchAll(/^```typescript\n([\s\S]*?)^```$/gm), ([, block]) => block!)
      : []
    const fileOf = (index: number) => join(cache, `block${index + 1}.ts`)

    rmSync(cache, { recursive: true, force: true })
    mkdirSync(cache, { recursive: true })
    blocks.forEach((block, index) => {
      const { after, before } = programs[index] ?? { after: "", before: "" }
      const handler = before.includes("LibraryHandler") ? "LibraryHandler" : "Handler"
      writeFileSync(fileOf(index), `${header(handler)}${before}\n${block}\n${after}\nexport {}\n`)
    })

    it("are all known", () => {
      assert.strictEqual(blocks.length, programs.length)
    })

    it("compile verbatim under strict", { timeout: 60_000 }, () => {
      const config = {
        extends: "../../../tsconfig.json",
        // What the document's style needs, and nothing more: it is plain `strict` TypeScript.
        compilerOptions: {
          useUnknownInCatchVariables: false,
          noUnusedLocals: false,
          noUnusedParameters: false,
          noImplicitOverride: false,
          noPropertyAccessFromIndexSignature: false,
          noUncheckedIndexedAccess: false,
          erasableSyntaxOnly: false
        },
        include: ["*.ts"]
      }
      writeFileSync(join(cache, "tsconfig.json"), JSON.stringify(config))

      const { stdout } = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", cache], {
        encoding: "utf8"
      })

      assert.strictEqual(stdout, "")
    })

    programs.forEach(({ expected, name }, index) => {
      it(`run: ${name}`, { timeout: 20_000 }, async () => {
        const { result } = await import(fileOf(index))

        assert.deepStrictEqual(result, expected)
      })
    })
  })
})
