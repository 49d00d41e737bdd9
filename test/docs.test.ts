/**
 * The examples of the doc comments and the README compile and hold, and every public export has a doc comment.
 *
 * A line `expression // => value` (or `console.log(expression) // => value`) asserts deep equality. The README may mark
 * a fence `no-run` (only type-checked) or `no-check` (neither).
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"

const root = join(import.meta.dirname, "..")
const cache = join(root, "node_modules/.cache/docs")

const read = (...patterns: ReadonlyArray<string>) =>
  globSync(patterns, { cwd: root })
    .sort()
    .map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }))

const documents = read("README.md", "src/**/*.ts")
// In `classes/`, what begins with a capital is a documented class; the rest is behind them.
const publicModules = read("src/*.ts", "src/classes/[A-Z]*.ts")

const fence = /^[ *]*```(?<info>(?:[jt]sx?|javascript|typescript)\b.*)\n(?<body>[\s\S]*?)^[ *]*```$/gm
const expectation = /^( *)(?:console\.log\((.+)\)|(.+?)) +\/\/ => (.+)$/gm

const examples = documents.flatMap(({ file, text }) =>
  Array.from(text.matchAll(fence), ({ groups, index }, position) => ({
    name: `${file} #${position + 1}`,
    id: `${file.replaceAll(/\W/g, "_")}_${position + 1}.ts`,
    source: file,
    line: text.slice(0, index).split("\n").length,
    info: groups!["info"]!,
    code: file.endsWith(".md") ? groups!["body"]! : groups!["body"]!.replaceAll(/^ *\* ?/gm, "")
  }))
)
const checked = examples.filter(({ info }) => info !== "ts no-check")

rmSync(cache, { recursive: true, force: true })
mkdirSync(cache, { recursive: true })
for (const { id, code } of checked) {
  // The import stands last, so that the lines of the file are the lines of the example.
  const body = code.replaceAll(expectation, "$1deepStrictEqual(($2$3) as unknown, $4)")
  writeFileSync(join(cache, id), `${body}\nimport { deepStrictEqual } from "node:assert/strict"\n`)
}

const assertNone = (violations: ReadonlyArray<string>) => assert.deepStrictEqual(violations, [])

describe("examples", () => {
  it("are marked `ts`, in the README also `ts no-run` or `ts no-check`", () => {
    const marks = (source: string) => (source === "README.md" ? ["ts", "ts no-run", "ts no-check"] : ["ts"])
    const unknown = examples.filter(({ info, source }) => !marks(source).includes(info))

    assertNone(unknown.map(({ name, info }) => `${name}: ${info}`))
  })

  it("compile", { timeout: 60_000 }, () => {
    const config = {
      extends: "../../../tsconfig.json",
      // `override` is for those who maintain classes; the document that the classes implement goes without.
      compilerOptions: { noUnusedLocals: false, noImplicitOverride: false },
      include: [],
      files: checked.map(({ id }) => id)
    }
    writeFileSync(join(cache, "tsconfig.json"), JSON.stringify(config))
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    const args = [tsc, "--pretty", "false", "--project", cache]
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })

    const located = stdout.replaceAll(/^(.+)\((\d+),\d+\)/gm, (location, file: string, line: string) => {
      const example = examples.find(({ id }) => id === basename(file))
      return example === undefined ? location : `${example.name} (${example.source}:${example.line + Number(line)})`
    })
    assertNone(located.split("\n").filter((line) => line !== ""))
    assert.strictEqual(status, 0)
  })

  for (const { name, id, line } of checked.filter(({ info }) => info === "ts")) {
    it(`hold in ${name}, line ${line}`, async () => {
      await import(join(cache, id))
    })
  }
})

describe("public exports", () => {
  const declaration =
    /^(?<doc>\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?(?:\/\/.*\n)*export (?:declare |abstract |async )*(?<kind>const|class|interface|type|function)\*? (?<name>\w+)/gm

  const declarations = publicModules.flatMap(({ file, text }) =>
    Array.from(text.matchAll(declaration), ({ groups }) => ({
      name: `${file} ${groups!["kind"]} ${groups!["name"]}`,
      isValue: !["interface", "type"].includes(groups!["kind"]!),
      doc: groups!["doc"] ?? ""
    }))
  )
  // Of an overloaded function the first signature carries the comment.
  const exports = declarations.filter(({ name }, index) => declarations.findIndex((d) => d.name === name) === index)

  it("have a doc comment with `@since`", () => {
    assertNone(exports.filter(({ doc }) => !doc.includes("@since")).map(({ name }) => name))
  })

  it("have an example that runs, when they are values", () => {
    const withExample = /^ \* \*\*Example\*\*[\s\S]*^ \* ```ts$/m
    assertNone(exports.filter(({ isValue, doc }) => isValue && !withExample.test(doc)).map(({ name }) => name))
  })
})
