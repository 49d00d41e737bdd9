import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { RateLimited } from "parallel-batch-pipeline/effect"
import { parseRetryAfter } from "../../../src/errors/retryAfter.ts"
import { retryAfterOf } from "../../../src/internal/gate/retryAfter.ts"

const now = Date.UTC(2026, 0, 1, 12, 0, 0)
const inTwoMinutes = "Thu, 01 Jan 2026 12:02:00 GMT"

const millisOf = (duration: Duration.Duration | undefined) =>
  duration === undefined ? undefined : Duration.toMillis(duration)

describe("parseRetryAfter", () => {
  it.each([
    ["0", 0],
    ["120", 120_000],
    [" 1.5 ", 1500],
    [inTwoMinutes, 120_000],
    ["Thu, 01 Jan 2026 11:00:00 GMT", 0],
    ["Thursday, 01-Jan-26 12:02:00 GMT", 120_000],
    ["", undefined],
    ["-1", undefined],
    ["1e9", undefined],
    ["soon", undefined],
    ["2026", 2_026_000]
  ])("reads %j", (header, expected) => {
    assert.strictEqual(millisOf(parseRetryAfter(header, now)), expected)
  })
})

describe("retryAfterOf", () => {
  const response = (status: number, header?: string) =>
    new Response(null, { status, headers: header === undefined ? {} : { "Retry-After": header } })

  const cases: ReadonlyArray<[name: string, error: unknown, expected: number | undefined]> = [
    ["RateLimited", new RateLimited({ retryAfter: Duration.seconds(3) }), 3000],
    ["RateLimited that does not know", new RateLimited({}), undefined],
    ["a number of seconds", Object.assign(new Error("slow down"), { retryAfter: 2 }), 2000],
    ["a header as text", { retryAfter: "2" }, 2000],
    ["a Date", { retryAfter: new Date(now + 50) }, 50],
    ["a Response 429 with seconds", response(429, "7"), 7000],
    ["a Response 503 with a date", response(503, inTwoMinutes), 120_000],
    ["an error with a response", { response: response(429, "7") }, 7000],
    ["an error whose cause is a Response", new Error("failed", { cause: response(429, "7") }), 7000],
    ["headers as a record", { response: { statusCode: 429, headers: { "Retry-After": "7" } } }, 7000],
    ["headers of an Effect client", { response: { status: 429, headers: { "retry-after": "7" } } }, 7000],
    ["a Response 200 with the header", response(200, "7"), undefined],
    ["a Response 429 without the header", response(429), undefined],
    ["a negative number", { retryAfter: -1 }, undefined],
    ["a number that is none", { retryAfter: Number.NaN }, undefined],
    ["an invalid Date", { retryAfter: new Date("x") }, undefined],
    ["a plain error", new Error("boom"), undefined],
    ["no object", "boom", undefined],
    ["undefined", undefined, undefined]
  ]

  it.each(cases)("reads %s", (_, error, expected) => {
    assert.strictEqual(millisOf(retryAfterOf(error, now)), expected)
  })

  it("does not follow causes in a circle", () => {
    const error = new Error("round")
    error.cause = error

    assert.isUndefined(retryAfterOf(error, now))
  })
})
