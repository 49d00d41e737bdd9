/** Which numbers of failures the digest tells apart, and which it folds. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"

const fail = Handler.make("fail", {
  handleRequest: ({ message }: { readonly message: string }) => Effect.fail(new Error(message))
})
const failing = Pipeline.make("failing", { handlers: { fail }, start: "fail" })
/** Without the stacks, which cost more than all the rest. */
const tell = Handler.make("tell", {
  handleRequest: ({ message }: { readonly message: string }) => Effect.fail(message)
})
const telling = Pipeline.make("telling", { handlers: { tell }, start: "tell" })
const reportOf = (messages: ReadonlyArray<string>) =>
  Batch.run(failing, { params: messages.map((message) => ({ message })), mode: "collect-all" })

/** The kinds, as `2 x status 404`. */
const kindsOf = (messages: ReadonlyArray<string>) =>
  Effect.map(reportOf(messages), (report) => Report.digest(report).map(({ count, message }) => `${count} x ${message}`))

/** Each value of a message, so many times. */
const each = (counts: Readonly<Record<string, number>>, message: (value: string) => string): ReadonlyArray<string> =>
  Object.entries(counts).flatMap(([value, count]) => Array.from({ length: count }, () => message(value)))

describe("Report", () => {
  describe("digest of numbers", () => {
    const statuses: ReadonlyArray<(status: string) => string> = [
      (status) => `status ${status}`,
      (status) => `status ${status} from the server`,
      (status) => `Request failed with status code ${status}`,
      (status) => `{"status":${status},"ok":false}`,
      (status) => `{"statusCode": ${status}}`,
      (status) => `HTTP ${status}`,
      (status) => `got http status=${status}`,
      (status) => `the server answered with ${status}`,
      (status) => status
    ]
    it.effect.each(statuses.map((message) => [message("404"), message] as const))(
      "tells statuses apart: %s",
      ([, of]) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* kindsOf(each({ 503: 1, 404: 2 }, of)), [`2 x ${of("404")}`, `1 x ${of("503")}`])
        })
    )

    it.effect("knows a status by what stands behind it, and by what all of them are", () =>
      Effect.gen(function* () {
        const phrases = [
          "503 Service Unavailable from http://host/a",
          "404 Not Found from http://host/b",
          "503 from http://h/c"
        ]
        const bare = each({ 503: 1, 404: 2 }, (value) => `unexpected ${value} here`)

        assert.deepStrictEqual(yield* kindsOf(phrases), [
          "1 x 503 Service Unavailable from <url>",
          "1 x 404 Not Found from <url>",
          "1 x 503 from <url>"
        ])
        assert.deepStrictEqual(yield* kindsOf(bare), ["2 x unexpected 404 here", "1 x unexpected 503 here"])
      })
    )

    it.effect("keeps up to ten statuses, and up to five numbers of any other kind", () =>
      Effect.gen(function* () {
        const numbers = (count: number) => Array.from({ length: 4 * count }, (_, n) => 400 + (n % count))

        assert.strictEqual((yield* kindsOf(numbers(10).map((value) => `status ${value}`))).length, 10)
        assert.deepStrictEqual(yield* kindsOf(numbers(11).map((value) => `status ${value}`)), ["44 x status <n>"])
        assert.strictEqual((yield* kindsOf(numbers(5).map((value) => `error ${value}`))).length, 5)
        assert.deepStrictEqual(yield* kindsOf(numbers(6).map((value) => `error ${value}`)), ["24 x error <n>"])
      })
    )

    it.effect("keeps numbers that come again, and folds those of single items", () =>
      Effect.gen(function* () {
        const exit = (value: string) => `exited with code ${value}`

        assert.deepStrictEqual(yield* kindsOf(each({ 1: 3, 137: 1 }, exit)), [
          "3 x exited with code 1",
          "1 x exited with code 137"
        ])
        assert.deepStrictEqual(yield* kindsOf(each({ 1: 1, 137: 1 }, exit)), ["2 x exited with code <n>"])
        assert.deepStrictEqual(yield* kindsOf(each({ 1: 1 }, exit)), ["1 x exited with code <n>"])
        assert.deepStrictEqual(yield* kindsOf(each({ "-104": 2 }, exit)), ["2 x exited with code -104"])
      })
    )

    const folded: ReadonlyArray<readonly [string, (value: number) => string, string]> = [
      ["ports", (n) => `connect ECONNREFUSED db.local:${5432 + (n % 2)}`, "connect ECONNREFUSED db.local:<n>"],
      ["addresses", (n) => `no route to 10.0.0.${n % 3}`, "no route to <n>"],
      ["durations", (n) => `gave up after ${100 * (1 + (n % 3))} ms`, "gave up after <n> ms"],
      ["sizes", (n) => `only ${n % 3} bytes`, "only <n> bytes"],
      ["sizes of a response", (n) => `response: ${200 + (n % 3)} bytes`, "response: <n> bytes"],
      ["shares", (n) => `disk is ${97 + (n % 3)}% full`, "disk is <n>% full"],
      ["ids", (n) => `user ${n} is locked`, "user <n> is locked"],
      ["counters", (n) => `line ${n} of ${n + 7}`, "line <n> of <n>"],
      ["long numbers", (n) => `order ${1_000_000 + (n % 2)} is gone`, "order <n> is gone"],
      ["places in a file", (n) => `src/a/b.ts:${n % 3}:${n % 2}`, "<path>:<n>:<n>"]
    ]
    it.effect.each(folded)("folds %s, of 4,000 failures", ([, message, text]) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* kindsOf(Array.from({ length: 4000 }, (_, n) => message(n))), [`4000 x ${text}`])
      })
    )

    it.effect("keeps the status beside what is folded, also where words were merged", () =>
      Effect.gen(function* () {
        const hosts = ["anna", "bob", "carla", "dieter", "eva", "frank", "gina", "hans"]
        const ids = Array.from({ length: 40 }, (_, n) => `status ${n % 2 === 0 ? 503 : 404} of item ${n} after ${n} ms`)
        const words = hosts.flatMap((host) => [`status 503 from ${host}, try 1`, `status 404 from ${host}, try 2`])

        assert.deepStrictEqual(yield* kindsOf(ids), [
          "20 x status 503 of item <n> after <n> ms",
          "20 x status 404 of item <n> after <n> ms"
        ])
        assert.deepStrictEqual(yield* kindsOf(words), [
          "8 x status 503 from <…>, try 1",
          "8 x status 404 from <…>, try 2"
        ])
      })
    )

    it.effect("reads as a few lines where several numbers take few values", () =>
      Effect.gen(function* () {
        const message = (n: number) => `shard ${n % 3} of part ${n % 5} in zone ${n % 4}: status ${500 + (n % 7)}`

        const kinds = yield* kindsOf(Array.from({ length: 4000 }, (_, n) => message(n)))

        assert.strictEqual(kinds.length, 7, kinds.join("\n"))
        assert.isTrue(kinds.every((kind) => /x shard <n> of part <n> in zone <n>: status 50\d$/.test(kind)))
      })
    )

    it.effect("gives each kind its own example, count and keys", () =>
      Effect.gen(function* () {
        const given = each({ 503: 1, 404: 2 }, (value) => `status ${value} from http://host/${value}`)
        const report = yield* reportOf(given)
        const [first, second] = Report.digest(report)

        assert.deepInclude(first, { count: 2, message: "status 404 from <url>", example: given[0]! })
        assert.deepInclude(second, { count: 1, message: "status 503 from <url>", example: given[2]! })
        assert.deepStrictEqual(
          [...first!.sampleKeys, ...second!.sampleKeys],
          report.outcomes.map(({ key }) => key)
        )
        assert.include(Report.format(report), "3 failures, of 2 kinds")
      })
    )

    it.effect("does not depend on the order of the failures", () =>
      Effect.gen(function* () {
        const messages = Array.from(
          { length: 600 },
          (_, n) =>
            `status ${400 + (n % 5)} from ${"abcdefghij"[n % 10]}, exit ${n % 3}, item ${n % 50}, port :${n % 2}`
        )
        const kinds = yield* kindsOf(messages)
        // 7 and 600 have no factor in common.
        const shuffled = messages.map((_, n) => messages[(n * 7) % messages.length]!)

        assert.isAbove(kinds.length, 1)
        assert.deepStrictEqual((yield* kindsOf(shuffled)).toSorted(), kinds.toSorted())
        assert.deepStrictEqual((yield* kindsOf(messages.toReversed())).toSorted(), kinds.toSorted())
      })
    )

    it.effect("bears messages that have the sign for a number in them, or are cut within one", () =>
      Effect.gen(function* () {
        const signs = ["<n> is 5", "4 is <n>", "3 is 5", "<n> is <n>"]
        const long = Array.from({ length: 8 }, (_, n) => `${"x ".repeat(146 + (n % 8))}7 7 7 7 7`)

        assert.deepStrictEqual(yield* kindsOf(signs), ["4 x <n> is <n>"])
        const kinds = yield* kindsOf([...long, ...long])
        assert.strictEqual(
          kinds.reduce((sum, kind) => sum + Number.parseInt(kind), 0),
          16
        )
      })
    )

    const many: ReadonlyArray<readonly [string, (n: number) => string]> = [
      ["the same", () => "status 503 from https://example.com/, try 3"],
      ["those of few kinds", (n) => `status ${500 + (n % 4)} in ${n % 3} of ${n % 5}, try ${n % 2}`],
      ["numbers", (n) => `item ${n} has ${n * 7} of ${n * 3}, status ${500 + (n % 4)}`]
    ]
    it.effect.each(many)("takes a moment for 100,000 failures: %s", ([, message]) =>
      Effect.gen(function* () {
        const params = Array.from({ length: 100_000 }, (_, n) => ({ message: message(n) }))
        const report = yield* Batch.run(telling, { params, mode: "collect-all" })
        assert.strictEqual(report.outcomes.length, 100_000)

        const start = performance.now()
        const groups = Report.digest(report)

        assert.isBelow(performance.now() - start, 4000)
        assert.isAtMost(groups.length, 10)
      })
    )
  })
})
