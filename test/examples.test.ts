/**
 * The examples run as a newcomer runs them: as processes of their own, from the sources, without a terminal.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

const root = join(import.meta.dirname, "..")
const temp = mkdtempSync(join(tmpdir(), "examples-"))
afterAll(() => rmSync(temp, { recursive: true, force: true }))

const run = (example: string, ...args: ReadonlyArray<string>) => {
  const flags = ["--conditions=parallel-batch-pipeline/source", join(root, "examples", example)]
  const env = { ...process.env, TMPDIR: temp, NO_COLOR: "1" }
  const { status, stderr, stdout } = spawnSync(process.execPath, [...flags, ...args], {
    cwd: temp,
    encoding: "utf8",
    env,
    timeout: 30_000
  })
  return { status, stderr, stdout, lines: stdout.split("\n") }
}

const folder = (name: string, files: { readonly [file: string]: string | Uint8Array }) => {
  const path = join(temp, name)
  mkdirSync(path)
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(path, file, ".."), { recursive: true })
    writeFileSync(join(path, file), content)
  }
  return path
}

const readJson = (file: string) => JSON.parse(readFileSync(file, "utf8"))

describe("file-processing", { timeout: 60_000 }, () => {
  describe("on the sources of the effect package", () => {
    const expected = globSync("node_modules/effect/src/**/*.ts", { cwd: root })
    let result: ReturnType<typeof run>
    beforeAll(() => {
      result = run("file-processing.ts")
    }, 60_000)

    it("analyses every one of them", () => {
      assert.strictEqual(result.status, 0, result.stderr)
      assert.isAbove(expected.length, 100)
      assert.include(result.stdout, `: ${expected.length} analysed, 0 failed, 0 skipped`)
      assert.match(result.stdout, /\d+ files in \d+\.\d\d s \(\d+ files\/s\)/)
    })

    it("shows plain lines of progress where there is no terminal", () => {
      const progress = result.lines.filter((line) => line.includes(` of ${expected.length} files, `))

      assert.match(progress[0]!, /^0 %, 0 of /)
      assert.match(progress.at(-1)!, new RegExp(`^100 %, ${expected.length} of `))
      assert.notInclude(result.stdout, "\u001b")
    })

    it("shows ten files, the largest first, and the totals of all", () => {
      const heading = result.lines.findIndex((line) => line.endsWith("largest files"))
      const sizes = result.lines
        .slice(heading + 1, heading + 11)
        .map((line) => Number(line.trim().split(" ")[0]!.replaceAll(",", "")))
      const contents = expected.map((file) => readFileSync(join(root, file), "utf8"))
      const lines = contents.map((text) => text.split("\n").length - (text.endsWith("\n") ? 1 : 0))

      assert.deepStrictEqual(sizes, lines.sort((a, b) => b - a).slice(0, 10))
      const total = lines.reduce((sum, n) => sum + n, 0).toLocaleString("en")
      assert.match(result.lines[heading + 11]!, new RegExp(`^ *${total} .* all ${expected.length} files$`))
    })

    it("writes the report as JSON into the temp folder and says where", () => {
      const file = result.lines.find((line) => line.startsWith("Report: "))!.slice("Report: ".length)
      const report = readJson(file)

      assert.isTrue(file.startsWith(temp))
      assert.strictEqual(report.total, expected.length)
      assert.strictEqual(report.succeeded, expected.length)
      assert.strictEqual(report.findings.files.length, expected.length)
    })
  })

  it("counts what the files hold, and reports those that it cannot read", () => {
    const path = folder("mixed", {
      "one.ts": "export const one = 1\nexport function two() {}\nconst three = 3\n",
      "sub/long.txt": `a b c\n${"x".repeat(50)}`,
      "empty.txt": "",
      "picture.png": new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 1])
    })
    symlinkSync("nowhere", join(path, "broken.txt"))

    const { lines, status, stderr, stdout } = run("file-processing.ts", path, "--json", "report.json")

    assert.strictEqual(status, 0, stderr)
    assert.include(stdout, ": 3 analysed, 1 failed, 1 skipped")
    assert.isTrue(
      lines.some((line) => /^ *failed broken\.txt: .*NotFound/.test(line)),
      stdout
    )
    assert.isTrue(
      lines.some((line) => /^ *skipped picture\.png: a binary file$/.test(line)),
      stdout
    )

    const { failed, findings, skipped, succeeded, total, unfinished } = readJson(join(temp, "report.json"))
    assert.deepStrictEqual([total, succeeded, failed, skipped], [5, 3, 1, 1])
    assert.sameDeepMembers(findings.files, [
      { file: "empty.txt", lines: 0, words: 0, exports: 0, longestLine: 0 },
      { file: "one.ts", lines: 3, words: 13, exports: 2, longestLine: 24 },
      { file: "sub/long.txt", lines: 2, words: 4, exports: 0, longestLine: 50 }
    ])
    assert.deepStrictEqual([findings.lines, findings.words, findings.exports], [5, 17, 2])
    assert.deepStrictEqual(
      unfinished.map(({ file, outcome }: { readonly file: string; readonly outcome: string }) => [file, outcome]),
      [
        ["broken.txt", "failed"],
        ["picture.png", "skipped"]
      ]
    )
  })

  it("says so when the folder is missing, and exits with 1", () => {
    const { status, stderr } = run("file-processing.ts", join(temp, "nowhere"))

    assert.strictEqual(status, 1)
    assert.include(stderr, `${join(temp, "nowhere")} does not exist`)
    assert.notMatch(stderr, /\n +at /)
  })

  it("says so when the folder is empty, and exits with 0", () => {
    const { status, stdout } = run("file-processing.ts", folder("empty", {}))

    assert.strictEqual(status, 0)
    assert.include(stdout, "no files")
  })

  it("names the file when the report cannot be written, and exits with 1", () => {
    const target = join(temp, "nowhere", "report.json")
    const { status, stderr } = run("file-processing.ts", folder("small", { "a.txt": "a" }), "--json", target)

    assert.strictEqual(status, 1)
    assert.include(stderr, `cannot be written to ${target}`)
    assert.isFalse(existsSync(target))
  })
})

describe("api-processing", { timeout: 60_000 }, () => {
  it("says of each endpoint what became of it, and ends by itself", () => {
    const { lines, status, stderr, stdout } = run("api-processing.ts")

    const row = (city: string) => lines.find((line) => line.startsWith(city))?.split(/ {2,}/)
    assert.strictEqual(status, 0, stderr)
    assert.deepStrictEqual(row("oslo"), ["oslo", "succeeded", "fetch > transform", "2", "snow, -3 °C"])
    assert.deepStrictEqual(row("lima"), ["lima", "succeeded", "fetch > transform", "2", "mist, 18 °C"])
    assert.deepStrictEqual(row("cairo"), ["cairo", "succeeded", "fetch > transform", "4", "clear, 31 °C"])
    assert.deepStrictEqual(row("atlantis"), ["atlantis", "succeeded", "fetch > transform", "2", "unknown"])
    assert.deepStrictEqual(row("quito")?.slice(0, 4), ["quito", "failed", "fetch", "4"])
    assert.deepStrictEqual(row("tokyo")?.slice(0, 4), ["tokyo", "failed", "fetch", "1"])
    assert.deepStrictEqual(row("delhi")?.slice(0, 4), ["delhi", "failed", "fetch > transform", "2"])
    assert.match(row("quito")![4]!, /503/)
    assert.match(row("tokyo")![4]!, /HandlerTimeout/)
    assert.match(row("delhi")![4]!, /SchemaError/)
    assert.include(stdout, "7 cities: 4 succeeded, 3 failed")
  })
})
