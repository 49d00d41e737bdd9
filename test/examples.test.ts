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
      assert.include(result.stdout, `: ${expected.length} analysed, 0 failed, 0 skipped, 0 retries`)
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

      assert.strictEqual(file, join(temp, "file-processing", "report.json"))
      assert.deepStrictEqual(globSync("file-processing*", { cwd: temp }), ["file-processing"])
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

  it.runIf(process.platform === "linux")(
    "reads again what could not be read for now, and shows what failed first",
    () => {
      const skipped = Array.from({ length: 30 }, (_, n) => [`${n}.bin`, "\0"] as const)
      const path = folder("unreadable", Object.fromEntries(skipped))
      // Nothing is mapped at the beginning of the memory of a process: an error of the device, which may pass.
      for (const n of [1, 2]) symlinkSync("/proc/self/mem", join(path, `memory ${n}`))
      for (let n = 0; n < 12; n++) symlinkSync("nowhere", join(path, `broken ${n}`))

      const { lines, status, stderr, stdout } = run("file-processing.ts", path, "--json", "unreadable.json")

      assert.strictEqual(status, 0, stderr)
      assert.include(stdout, ": 0 analysed, 14 failed, 30 skipped, 4 retries")
      const heading = lines.findIndex((line) => line.endsWith("4 retries"))
      const shown = lines.slice(heading + 1, heading + 16).map((line) => line.trim().split(" ")[0])
      assert.deepStrictEqual(shown, [
        ...Array<string>(10).fill("failed"),
        "and",
        "skipped",
        "skipped",
        "skipped",
        "and"
      ])
      assert.include(stdout, "  and 4 more failed, which the report names\n")
      assert.include(stdout, "  and 27 more skipped, which the report names\n")
      assert.strictEqual(readJson(join(temp, "unreadable.json")).retries, 4)
    }
  )

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

// Cells of a table are at least two spaces apart.
const cells = (line: string | undefined) => line?.trim().split(/ {2,}/)

describe("web-scraping", { timeout: 60_000 }, () => {
  it("takes every page with retries and fallbacks, then cancels requests in flight", () => {
    const { lines, status, stderr, stdout } = run("web-scraping.ts")

    const row = (path: string) => cells(lines.find((line) => line.startsWith(`${path} `)))
    assert.strictEqual(status, 0, stderr)
    assert.include(stdout, "Scraped 3/6 pages")
    assert.include(stdout, 'The batch answered "partial_success"')
    assert.strictEqual(row("/news")?.[3], "The page /news")
    assert.strictEqual(row("/slow")?.[3], "The page /slow")
    assert.deepStrictEqual(row("/flaky"), ["/flaky", "3", "0", "The page /flaky"])
    assert.deepStrictEqual(row("/broken"), ["/broken", "3", "0", "gave up: status 500"])
    assert.deepStrictEqual(row("/missing"), ["/missing", "1", "0", "no such page"])
    assert.deepStrictEqual(row("/endless")?.slice(0, 3), ["/endless", "3", "3"])
    assert.match(row("/endless")![3]!, /^gave up: .* took longer than 500ms$/)

    const endless = ["/endless/1", "/endless/2", "/endless/3", "/endless/4"]
    assert.include(lines, "run was rejected: Error: nobody is waiting any more")
    assert.include(lines, `The server saw these requests aborted: ${endless.join(", ")}`)
    for (const path of ["/a", "/b"]) assert.deepStrictEqual(row(path), [path, "Succeeded"])
    for (const path of endless) assert.deepStrictEqual(row(path), [path, "Interrupted"])
    for (const path of ["/c", "/d"]) assert.deepStrictEqual(row(path), [path, "NotStarted"])
  })
})

describe("chunked", { timeout: 60_000 }, () => {
  it("shows that chunks wait for their slowest item, and that the option does not", () => {
    const { lines, status, stderr } = run("chunked.ts")

    // Where the bars of the nine items begin and end, by the title above them.
    const bars = (title: string) => {
      const from = lines.findIndex((line) => line.startsWith(title)) + 1
      return lines
        .slice(from, from + 9)
        .map((line) => ({ name: line.trim()[0], start: line.indexOf("#"), end: line.length }))
    }
    const [chunks, option] = [bars("chunks of 3: "), bars("concurrency: 3: ")]
    assert.strictEqual(status, 0, stderr)
    assert.strictEqual(chunks.map(({ name }) => name).join(""), "abcdefghi")
    assert.strictEqual(option.map(({ name }) => name).join(""), "abcdefghi")
    assert.isAtLeast(chunks[3]!.start, chunks[0]!.end)
    assert.isAtLeast(chunks[6]!.start, chunks[3]!.end)
    assert.isBelow(option[3]!.start, option[0]!.end)
    assert.isBelow(option[6]!.start, option[3]!.end)
  })
})

describe("memory-bounded", { timeout: 60_000 }, () => {
  it("runs every item, ten at a time, and holds only those with the options", () => {
    const { lines, status, stderr } = run("memory-bounded.ts")

    const row = (name: string) => cells(lines.find((line) => line.startsWith(name)))!
    assert.strictEqual(status, 0, stderr)
    assert.deepStrictEqual(row("by hand").slice(1, 5), ["50,000", "10", "50,000", "50,000"])
    const [, items, inFlight, parameterSets, outcomes] = row("options")
    assert.deepStrictEqual([items, inFlight, outcomes], ["50,000", "10", "0"])
    assert.isAtMost(Number(parameterSets), 20)
  })
})

describe("fail-fast", { timeout: 60_000 }, () => {
  it("aborts what runs, and with the option starts nothing more", () => {
    const { lines, status, stderr } = run("fail-fast.ts")

    const row = (file: string) => cells(lines.find((line) => line.startsWith(file)))
    assert.strictEqual(status, 0, stderr)
    assert.strictEqual(lines.filter((line) => line.includes("the very error: true, Error: the disk is full")).length, 2)
    assert.include(lines, "  started 6 of 6: a.jpg, b.jpg, c.jpg, d.jpg, e.jpg, f.jpg")
    assert.include(lines, "  aborted: b.jpg, d.jpg, e.jpg, f.jpg")
    assert.include(lines, "  started 4 of 6: a.jpg, b.jpg, c.jpg, d.jpg")
    assert.include(lines, "  aborted: b.jpg, d.jpg")
    assert.deepStrictEqual(row("a.jpg"), ["a.jpg", "Succeeded", "Succeeded"])
    assert.deepStrictEqual(row("c.jpg"), ["c.jpg", "Failed", "Failed"])
    for (const file of ["b.jpg", "d.jpg"]) assert.deepStrictEqual(row(file), [file, "Interrupted", "Interrupted"])
    for (const file of ["e.jpg", "f.jpg"]) assert.deepStrictEqual(row(file), [file, "Interrupted", "NotStarted"])
  })
})

describe("fail-safe", { timeout: 60_000 }, () => {
  it("runs every order and says what became of it, in both versions", () => {
    const { lines, status, stderr } = run("fail-safe.ts")

    const rows = (order: string) => lines.filter((line) => line.trim().startsWith(order)).map(cells)
    const [anvil, sand] = ["90000 g is too heavy", "nobody ships sand to EG"]
    assert.strictEqual(status, 0, stderr)
    assert.include(lines, 'mode: "collect-all": 3 succeeded, 2 failed')
    assert.deepStrictEqual(rows("tea"), [
      ["tea", "shipped"],
      ["tea", "Succeeded", "Weigh > Book", "2", "NO-tea"]
    ])
    assert.deepStrictEqual(rows("anvil"), [
      ["anvil", anvil],
      ["anvil", "Failed", "Weigh", "1", `Error: ${anvil}`]
    ])
    assert.deepStrictEqual(rows("sand"), [
      ["sand", sand],
      ["sand", "Failed", "Weigh > Book", "4", `Error: ${sand}`]
    ])
    for (const order of ["book", "lamp"]) assert.lengthOf(rows(order), 2)
  })
})

describe("migration", { timeout: 60_000 }, () => {
  it("runs the same body one after the other, and all at once", () => {
    const { lines, status, stderr } = run("migration.ts")

    const after = (title: string) => lines[lines.findIndex((line) => line.startsWith(title)) + 1]?.trim()
    assert.strictEqual(status, 0, stderr)
    assert.strictEqual(after("SequentialProcessor: "), "start 1, end 1, start 2, end 2, start 3, end 3, start 4, end 4")
    assert.strictEqual(after("ParallelProcessor: "), "start 1, start 2, start 3, start 4, end 4, end 3, end 2, end 1")
  })
})

describe("progress", { timeout: 60_000 }, () => {
  it("shows how far it is, slows down, pauses, and ends early with a report of all", () => {
    const { lines, status, stderr, stdout } = run("progress.ts")

    const progress = lines.filter((line) => line.includes(" of 300 sent, "))
    const said = lines.filter((line) => line.startsWith("! "))
    const count = (outcome: string) => Number(cells(lines.find((line) => line.startsWith(outcome)))?.[1])
    assert.strictEqual(status, 0, stderr)
    assert.isAbove(progress.length, 5)
    for (const state of ["paused", "draining", "ended"]) assert.include(stdout, `/s, ${state}`)
    assert.include(said, "! turned away 20 times: 8 at a time from now on")
    assert.include(said, "! reader-231 was not sent: wrong address")
    assert.include(stdout, "Ended by Drain after ")
    assert.isAtLeast(count("failed"), 8)
    assert.strictEqual(count("sent") + count("failed") + count("not started"), 300)
    assert.strictEqual(count("interrupted"), 0)
    assert.match(stdout, /To go on later, start with reader-2\d\d/)
  })
})

describe("redrive", { timeout: 60_000 }, () => {
  it("reads what failed as three lines, and runs just that again after the repair", () => {
    const { lines, status, stderr, stdout } = run("redrive.ts")

    assert.strictEqual(status, 0, stderr)
    for (const line of [
      "  failed      61  15.3 %",
      "61 failures, of 3 kinds",
      "order 3, once more: Failed",
      "import orders: 61 items to run, 339 reused",
      "  run     50  failed in fetchOrder with ServiceError  order 3, order 11, …",
      "  succeeded  399  99.8 %  339 of them reused",
      "60 fixed, 1 still failing, 0 broken"
    ]) {
      assert.include(lines, line, stdout)
    }
    const [saved, page] = lines.slice(-3).map((line) => line.replace("Reports:", "").trim())
    assert.strictEqual(readJson(saved!).outcomes.length, 400)
    assert.include(readFileSync(page!, "utf8"), "<title>Import of orders, first run: batch report</title>")
  })
})

describe("rate-limits", { timeout: 60_000 }, () => {
  it("keeps the limits of the server, told or not, and has every call succeed", () => {
    const { lines, status, stderr, stdout } = run("rate-limits.ts")

    assert.strictEqual(status, 0, stderr)
    const sums = lines.filter((line) => line.startsWith("45 calls: 45 succeeded, 0 failed, "))
    assert.strictEqual(sums.length, 2, stdout)
    assert.isTrue(
      sums.every((line) => line.endsWith(", 0 started while closed")),
      stdout
    )
    // The first run is not told of the limit, so some of its calls have to be.
    assert.notInclude(sums[0], " 0 were told to come back")
    const rows = lines.filter((line) => line.startsWith("red "))
    assert.strictEqual(rows.length, 2, stdout)
    assert.include(rows[0], "·")
    assert.match(rows[1]!, /^red +\d/)
  })
})
