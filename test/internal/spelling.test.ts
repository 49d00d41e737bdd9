import { assert, describe, it } from "@effect/vitest"
import { meantBy } from "../../src/internal/spelling.ts"

const known = {
  concurrency: true,
  timeout: true,
  shared: true,
  retry: true,
  mode: true,
  cost: true,
  key: true
} as const

describe("meantBy", () => {
  it.each([
    ["concurency", "concurrency"],
    ["concurrnecy", "concurrency"],
    ["cuncurency", "concurrency"],
    ["Concurrency", "concurrency"],
    ["timout", "timeout"],
    ["tiemout", "timeout"],
    ["timeouts", "timeout"],
    ["rerty", "retry"],
    ["moed", "mode"],
    ["mde", "mode"],
    ["modee", "mode"],
    ["KEY", "key"],
    ["retires", "retry"]
  ])("%s was meant to be %s", (name, meant) => {
    assert.strictEqual(meantBy(name, known, { retries: "retry" }), meant)
  })

  it.each([
    "concurrency",
    "key",
    "model",
    "host",
    "most",
    "keys",
    "entry",
    "timer",
    "",
    "k",
    "concurrency per key of the service"
  ])("%s is what it says", (name) => {
    assert.isUndefined(meantBy(name, known, { retries: "retry" }))
  })
})
