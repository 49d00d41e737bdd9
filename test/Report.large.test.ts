/**
 * Reports of 100,000 outcomes through both formats, in processes whose memory is bounded. About 200 MB is what the
 * report itself takes twice, as it was and as it was read.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "report-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (format: "json" | "lines", megabytes: number) => {
  const program = join(import.meta.dirname, "support/largeReport.ts")
  const flags = [`--max-old-space-size=${megabytes}`, "--conditions=parallel-batch-pipeline/source"]
  const args = [...flags, program, format, join(folder, format)]
  return spawnSync(process.execPath, args, { encoding: "utf8" })
}

describe("Report", { timeout: 60_000 }, () => {
  it("of 100,000 outcomes with typed errors is unchanged by toJsonLines and fromJsonLines, which take no memory for the text", () => {
    const { status, stderr, stdout } = run("lines", 280)

    assert.strictEqual(status, 0, stderr)
    assert.deepInclude(JSON.parse(stdout), { total: 100_000, failed: 33_334 })
  })

  it("of 100,000 outcomes with typed errors is unchanged by toJson and fromJson", () => {
    const { status, stderr, stdout } = run("json", 380)

    assert.strictEqual(status, 0, stderr)
    assert.deepInclude(JSON.parse(stdout), { total: 100_000, failed: 33_334 })
  })
})
