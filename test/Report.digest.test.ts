import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"

const fail = Handler.make("fail", {
  handleRequest: ({ message }: { readonly message: string }) => Effect.fail(new Error(message))
})
const failing = Pipeline.make("failing", { handlers: { fail }, start: "fail" })
const digestOf = (messages: ReadonlyArray<string>) =>
  Effect.map(
    Batch.run(failing, { params: messages.map((message) => ({ message })), mode: "collect-all" }),
    Report.digest
  )

const lower = "abcdefghijklmnopqrstuvwxyz"
const upper = lower.toUpperCase()

/** The same in each run. */
const randomFrom = (seed: number) => {
  let state = seed
  const below = (most: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * most)
  }
  const text = (length: number, letters: string): string =>
    Array.from({ length }, () => letters[below(letters.length)]).join("")
  return { below, text }
}

describe("Report", () => {
  describe("digest", () => {
    const { below, text } = randomFrom(7)
    const ids: ReadonlyArray<readonly [string, () => string]> = [
      ["nanoids", () => `order ${text(10, `${lower}${upper}0123456789-_`)} not found`],
      ["short commits", () => `commit ${text(7, "0123456789abcdef")} not found`],
      ["article numbers", () => `SKU ${text(3, "ABCDEF")}-${text(4, `${lower}0123456789`)} unknown`],
      ["host names", () => `getaddrinfo ENOTFOUND ${text(8, lower)}.example.com`],
      ["hosts of a family", () => `host web-${text(5, lower)} unreachable`],
      ["base64", () => `token ${btoa(text(12, lower))} expired`],
      ["base64 with signs", () => `token ${text(12, `${lower}${upper}0123456789+/`)} expired`],
      ["names of users", () => `user ${text(1, "abcdefghijkl")} is locked`],
      ["two names at once", () => `user ${text(4, lower)} on ${text(6, lower)} is locked`],
      ["few names on many hosts", () => `user ${text(1, "abcdefghijkl")} on ${text(6, lower)} is locked`],
      ["fields", () => `bad row {"name":"${text(6, lower)}","v":${below(100)}}`],
      ["addresses", () => `bad ${text(5, lower)}@example.com`],
      ["ids alone", () => text(8, `${lower}0123456789`)]
    ]
    it.effect.each(ids)("reads 4,000 failures that differ in %s in three lines at most", ([, message]) =>
      Effect.gen(function* () {
        const messages = Array.from({ length: 4000 }, message)

        const groups = yield* digestOf(messages)

        assert.isAtMost(groups.length, 3, groups.map(({ message }) => message).join("\n"))
        assert.strictEqual(
          groups.reduce((sum, { count }) => sum + count, 0),
          4000
        )
      })
    )

    it.effect("says where they differ, and keeps what they have in common", () =>
      Effect.gen(function* () {
        const names = ["anna", "bob", "carla", "dieter", "eva", "frank", "gina"]
        const say = (message: (name: string) => string) =>
          Effect.map(digestOf(names.map(message)), (groups) => groups.map(({ message }) => message))

        assert.deepStrictEqual(yield* say((name) => `user ${name} is locked`), ["user <…> is locked"])
        assert.deepStrictEqual(yield* say((name) => `no host web-${name}.example.com:80`), [
          "no host web-<…>.example.com:<n>"
        ])
        assert.deepStrictEqual(yield* say((name) => `denied (${name}), as before`), ["denied (<…>), as before"])
        assert.deepStrictEqual(yield* say((name) => `row {"name":"${name}","ok":true}`), ['row {"name":"…","ok":true}'])
      })
    )

    it.effect("keeps messages apart where there are few, and where they have no word in common", () =>
      Effect.gen(function* () {
        const few = ["user anna is locked", "user bob is locked", "user carla is locked"]
        const words = ["odd", "busy", "down", "late", "gone", "lost", "full", "shut"]
        const kinds = [
          "disk is full",
          "host not found",
          "user was locked",
          "no such table",
          "lease has ended",
          "key exists already"
        ]

        assert.strictEqual((yield* digestOf(few)).length, 3)
        assert.strictEqual((yield* digestOf(words)).length, words.length)
        assert.strictEqual((yield* digestOf(kinds)).length, kinds.length)
      })
    )

    it.effect("keeps kinds of messages apart that come with data", () =>
      Effect.gen(function* () {
        const { text } = randomFrom(3)
        const kinds = [
          () => `cannot open ${text(6, lower)}`,
          () => `cannot close ${text(6, lower)}`,
          () => `lease of ${text(6, lower)} on ${text(6, lower)} has ended`,
          () => `grant of ${text(6, lower)} on ${text(6, lower)} has ended`
        ]

        const groups = yield* digestOf(Array.from({ length: 2000 }, (_, n) => kinds[n % 4]!()))

        assert.deepStrictEqual(groups.map(({ count, message }) => `${count} ${message}`).sort(), [
          "500 cannot close <…>",
          "500 cannot open <…>",
          "500 grant of <…> on <…> has ended",
          "500 lease of <…> on <…> has ended"
        ])
      })
    )

    it.effect("does not depend on the order of the failures", () =>
      Effect.gen(function* () {
        const { below, text } = randomFrom(11)
        const messages = Array.from(
          { length: 500 },
          () => `${text(1, "abc")} of ${text(1, lower)} at ${text(2, lower)} is ${text(1, "xyz")}`
        )
        const shuffled = messages.map((message) => ({ message, at: below(1e9) })).sort((a, b) => a.at - b.at)

        const groups = yield* digestOf(messages)
        const others = yield* digestOf(shuffled.map(({ message }) => message))

        const plain = (all: typeof groups) => all.map(({ count, message }) => `${count} ${message}`).sort()
        assert.deepStrictEqual(plain(others), plain(groups))
      })
    )

    it.effect("cuts no character in two", () =>
      Effect.gen(function* () {
        const faces = Array.from("😀😁😂😃😄😅😆", (face) => `sent ${face} to nobody`)
        const long = Array.from({ length: 4 }, (_, n) => `${"x".repeat(296 + n)}😀😀`)
        for (const message of [...faces, ...long]) {
          const report = yield* Batch.run(failing, { params: [{ message }], mode: "collect-all" })
          assert.isTrue(Report.format(report, { width: 120 }).isWellFormed())
          assert.isTrue(Report.toHtml(report).isWellFormed())
        }
        for (const { message } of [...(yield* digestOf(faces)), ...(yield* digestOf(long))]) {
          assert.isTrue(message.isWellFormed(), message)
        }
      })
    )

    it.effect("takes its first failure for the example, wherever it was merged from", () =>
      Effect.gen(function* () {
        const [group] = yield* digestOf(["z", "y", "a", "c", "b", "d", "e"].map((name) => `user ${name} is locked`))

        assert.deepInclude(group, { example: "user z is locked", count: 7 })
      })
    )

    const hostile: ReadonlyArray<readonly [string, (n: number) => string]> = [
      ["a long word", (n) => `${n}${"a1".repeat(5000)}`],
      ["many quotes", (n) => `{"${'",{"'.repeat(2000)}${n}`],
      ["many words", (n) => `${"a ".repeat(150)}${lower[n % 26]}${lower[(n * 7) % 26]}`],
      ["many words that differ", (n) => randomFrom(n).text(290, "ab cd")]
    ]
    it.effect.each(hostile)("takes a moment for 10,000 messages of %s", ([, message]) =>
      Effect.gen(function* () {
        const params = Array.from({ length: 10_000 }, (_, n) => ({ message: message(n) }))
        const report = yield* Batch.run(failing, { params, mode: "collect-all" })

        const start = performance.now()
        Report.digest(report)

        assert.isBelow(performance.now() - start, 4000)
      })
    )
  })
})
