/** What reports do with keys that are broken, or are meant to do harm. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"

interface Row {
  readonly n: number
}

const fail = Handler.make("fail", {
  handleRequest: ({ n }: Row) => (n % 2 === 0 ? Effect.succeed(n) : Effect.fail("no"))
})
const failing = Pipeline.make("failing", { handlers: { fail }, start: "fail" })

const reportOf = (key: (row: Row) => string) =>
  Batch.run(failing, { params: [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }], mode: "collect-all", key, concurrency: 1 })

class Unreadable extends Error {
  override get message(): string {
    throw new Error("not even this can be read")
  }
}

const broken: ReadonlyArray<readonly [string, (row: Row) => string]> = [
  [
    "throw an error",
    () => {
      throw new Error("no key")
    }
  ],
  [
    "throw what cannot be read",
    () => {
      throw new Unreadable()
    }
  ],
  [
    "throw nothing",
    () => {
      throw undefined
    }
  ],
  [
    "throw a symbol",
    () => {
      throw Symbol("s")
    }
  ],
  [
    "throw what throws when it is shown",
    () => {
      throw {
        get message() {
          throw new Error("again")
        },
        toString: () => {
          throw new Error("again")
        }
      }
    }
  ],
  ["are a number", ({ n }) => n as never],
  ["are an object", (row) => row as never],
  ["are null", () => null as never],
  ["are a symbol", () => Symbol("s") as never],
  ["are a promise", async ({ n }: Row) => String(n) as never] as never
]

const hostile: ReadonlyArray<readonly [string, string]> = [
  ["control characters", "\u0000\u0007\u001b[31mred\u001b[0m\r\n\u009b31m"],
  ["marks of direction", "a\u202eb\u2066c"],
  ["tags", `</script><script>alert(1)</script><img src=x onerror=alert(1)>"'&amp;`],
  ["a comment", "<!--<script>"],
  ["a line separator", "a\u2028b\u2029c"],
  ["half a character", "\ud800x\udfff"],
  ["names of the prototype", "__proto__"],
  ["nothing", ""],
  ["a megabyte", "é".repeat(2 ** 20)]
]

const dataOf = (html: string): { readonly key: ReadonlyArray<string> } =>
  JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!)

describe("Report", () => {
  it.effect.each(broken)("reads and shows items whose keys %s", ([, key]) =>
    Effect.gen(function* () {
      const report = yield* reportOf(key)

      const [group] = Report.digest(report)
      const html = Report.toHtml(report)

      assert.strictEqual(group!.count, 2)
      assert.match(group!.sampleKeys[0]!, /^\(item 1 has no key: /)
      assert.strictEqual(dataOf(html).key.length, 4)
      assert.match(dataOf(html).key[3]!, /^\(item 3 has no key: /)
      assert.include(Report.format(report), "(item 1 has no key: ")
      assert.include(Report.toJson(report), "failing")
      assert.lengthOf(Report.failures(report), 2)
      assert.strictEqual(Report.byKey(report).size, 4)
      assert.deepInclude(Report.diff(report, report), { fixed: [], broken: [] })
    })
  )

  it.effect.each(hostile)("reads and shows keys with %s", ([, key]) =>
    Effect.gen(function* () {
      const report = yield* reportOf(({ n }) => `${n}${key}`)

      const [group] = Report.digest(report)
      const html = Report.toHtml(report)
      const data = dataOf(html)

      assert.deepStrictEqual(group!.sampleKeys, [`1${key}`, `3${key}`])
      assert.strictEqual(html.match(/<script\b/g)!.length, 2)
      assert.strictEqual(html.match(/<!--/g), null)
      assert.isTrue(data.key[3]!.startsWith(`3${key.slice(0, 200)}`))
      assert.isBelow(html.length, 100_000)
      // oxlint-disable-next-line no-control-regex
      assert.notMatch(html, /[\u0000-\u0008\u000e-\u001f\u007f-\u009f]/)
      // oxlint-disable-next-line no-control-regex
      assert.notMatch(Report.format(report), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
      assert.isBelow(
        Math.max(
          ...Report.format(report)
            .split("\n")
            .map((line) => line.length)
        ),
        121
      )
      const saved = yield* Report.fromJson(Report.toJson(report))
      assert.deepStrictEqual(Report.digest(saved)[0]!.sampleKeys, group!.sampleKeys)
    })
  )
})
