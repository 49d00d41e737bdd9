/** What the compiler says of a route that leads nowhere: it names what there is. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const cache = join(root, "node_modules/.cache/messages")

const program = `
import { Effect } from "effect"
import { Handler, Pipeline } from "parallel-batch-pipeline/effect"

const count = Handler.make("count", {
  handleRequest: ({ n }: { readonly n: number }) => Effect.succeed(n),
  processResults: ({ outputs }) => outputs === 0 ? Handler.next("empty") : Handler.next("counted")
})
const print = Handler.make("print", {
  prepareInputs: ({ previous }: { readonly previous: number }) => previous,
  handleRequest: (n) => Effect.succeed(\`\${n}\`)
})
const trim = Handler.make("trim", {
  prepareInputs: ({ previous }: { readonly previous: string }) => previous,
  handleRequest: (text) => Effect.succeed(text.trim())
})
const handlers = { count, print, trim }
const start = "count"

Pipeline.make("target", { handlers, start, routes: { count: { counted: "printt" } } })
Pipeline.make("hand-off", { handlers, start, routes: { count: { counted: "trim" } } })
Pipeline.make("action", { handlers, start, routes: { count: { cuonted: "print" } } })
Pipeline.make("handler", { handlers, start, routes: { cuont: { counted: "print" } } })
`

/** The first line of each error, with the line of the program that it is of. */
const errors = (): ReadonlyArray<string> => {
  const config = { extends: "../../../tsconfig.json", include: ["*.ts"] }
  rmSync(cache, { recursive: true, force: true })
  mkdirSync(cache, { recursive: true })
  writeFileSync(join(cache, "tsconfig.json"), JSON.stringify(config))
  writeFileSync(join(cache, "routes.ts"), program)
  const tsc = join(root, "node_modules/typescript/bin/tsc")
  const { stdout } = spawnSync(process.execPath, [tsc, "--noEmit", "--pretty", "false", "-p", cache], {
    cwd: root,
    encoding: "utf8"
  })
  const lines = program.split("\n")
  return Array.from(stdout.matchAll(/^.*routes\.ts\((\d+),\d+\): error \w+: (.*)$/gm), ([, line, message]) => {
    const [, name] = /make\("([\w-]+)"/.exec(lines[Number(line) - 1]!) ?? []
    return `${name}: ${message}`
  })
}

describe("Pipeline.make", () => {
  it("has the compiler name what a route may lead to, and what it may begin with", { timeout: 60_000 }, () => {
    assert.deepStrictEqual(errors(), [
      `target: Type '"printt"' is not assignable to type '"printt" & LeadsToOneOf<"count" | "print">'.`,
      `hand-off: Type '"trim"' is not assignable to type '"trim" & LeadsToOneOf<"count" | "print">'.`,
      `action: Type '"print"' is not assignable to type '"print" & ActionIsOneOf<"counted" | "empty">'.`,
      `handler: Type '{ counted: "print"; }' is not assignable to type '{ readonly counted: "print"; } & HandlerIsOneOf<"count" | "print" | "trim">'.`
    ])
  })
})
