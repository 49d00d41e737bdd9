/** What may import what in `src/`, and how long a file may grow. */
import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import { dirname, join } from "node:path/posix"

const root = join(import.meta.dirname, "..")

const sources = globSync("src/**/*.ts", { cwd: root })
  .map((file) => file.replaceAll("\\", "/"))
  .sort()
  .map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }))

/** The one file of the core that may know an unstable module of Effect. */
const adapters = ["src/internal/gate/breaker.ts"]

/** Folders whose modules are allowed platforms and Effect's unstable modules. */
const outerFolders = ["classes", "durable", "distributed", "testing", "cli", "dashboard"]

/** Single files of another layer than their folder's: the errors, which everything raises, stand below the engine. */
const layersOfFiles: Record<string, string> = {
  "src/index.ts": "entry",
  "src/BatchError.ts": "errors",
  "src/ReportError.ts": "errors"
}

/** Any other file belongs to its folder; directly in `src/`, to `core`. */
const layerOf = (file: string) => layersOfFiles[file] ?? /^src\/(\w+)\//.exec(file)?.[1] ?? "core"

/** The layers that a layer may import besides itself and the errors. */
const layersBelow: Record<string, ReadonlyArray<string>> = {
  errors: [],
  internal: [],
  core: ["internal"],
  classes: ["core", "internal"],
  entry: ["classes", "core"],
  durable: ["core", "internal"],
  distributed: ["durable", "core", "internal"],
  testing: ["distributed", "durable", "classes", "core", "internal"],
  cli: ["dashboard", "testing", "distributed", "durable", "classes", "core", "internal"],
  dashboard: ["testing", "distributed", "durable", "classes", "core", "internal"]
}

// A static import or re-export, or a dynamic import on a line that is not a comment.
const importPattern =
  /^(?:import|export) (?<type>type )?(?:(?:\w+(?:, )?)?(?:\*(?: as \w+)?|\{[^}]*\})? from )?"(?<static>[^"]+)"|^(?! *(?:\*|\/[/*])).*\bimport\("(?<dynamic>[^"]+)"\)/gm

const imports = sources.flatMap(({ file, text }) =>
  Array.from(text.matchAll(importPattern), ({ groups }) => {
    const specifier = groups!["static"] ?? groups!["dynamic"]!
    return {
      file,
      specifier,
      target: specifier.startsWith(".") ? join(dirname(file), specifier) : undefined,
      typeOnly: groups!["type"] !== undefined,
      toString: () => `${file} imports "${specifier}"`
    }
  })
)

const local = imports.flatMap((edge) => (edge.target === undefined ? [] : [{ ...edge, target: edge.target }]))

const assertNone = (violations: ReadonlyArray<unknown>) => assert.deepStrictEqual(violations.map(String), [])

const mayTakeTypes = (layer: string) => layer === "internal" || layer === "errors"

describe("architecture", () => {
  it("keeps the core free of Node, platforms and unstable modules of Effect", () => {
    const unstable = /^effect\/(?:workflow|cluster|cli|persistence|http-api|sql|Graph)(?:\/|$)/

    assertNone(
      imports.filter(
        ({ file, specifier }) =>
          !outerFolders.includes(layerOf(file)) &&
          !adapters.includes(file) &&
          (isBuiltin(specifier) || specifier.startsWith("@effect/platform-") || unstable.test(specifier))
      )
    )
  })

  it("lets imports point one way", () => {
    assertNone(
      local.filter(({ file, target }) => {
        const [from, to] = [layerOf(file), layerOf(target)]
        return (
          from !== to && to !== "errors" && !layersBelow[from]?.includes(to) && !(mayTakeTypes(from) && to === "core")
        )
      })
    )
  })

  it("lets what is below the core take only types from it, with `import type`", () => {
    assertNone(
      local.filter(
        ({ file, target, typeOnly }) => mayTakeTypes(layerOf(file)) && layerOf(target) === "core" && !typeOnly
      )
    )
  })

  it("has no import cycle", () => {
    const cycles: Array<string> = []
    const done = new Set<string>()
    const visit = (file: string, path: ReadonlyArray<string>): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" -> "))
      else if (!done.has(file)) {
        for (const edge of local) if (edge.file === file && !edge.typeOnly) visit(edge.target, [...path, file])
        done.add(file)
      }
    }
    for (const { file } of sources) visit(file, [])

    assertNone(cycles)
  })

  it("loads neither reports nor schemas nor streams for the classes", () => {
    const loaded = new Set<string>()
    const visit = (file: string): void => {
      if (loaded.has(file)) return
      loaded.add(file)
      for (const edge of imports) if (edge.file === file && !edge.typeOnly) visit(edge.target ?? edge.specifier)
    }
    visit("src/index.ts")

    // Those that a batch needs which goes on from a report; none of them shows or writes one.
    const light = ["entries", "failure", "keyOf", "match", "redrive", "text", "texts"]
    for (const file of light) loaded.delete(`src/internal/report/${file}.ts`)
    const heavy = /^src\/internal\/report\/|^src\/(?:Digest|Plan|Redrive|ReportFormat)\.ts$|^effect\/(?:Schema|Stream)/
    assert.isTrue(loaded.has("src/internal/run.ts"))
    assertNone([...loaded].filter((file) => heavy.test(file)))
  })

  it("imports modules of Effect, not the barrel", () => {
    assertNone(imports.filter(({ specifier }) => specifier === "effect"))
  })

  it("refers to its own files by relative paths", () => {
    assertNone(imports.filter(({ specifier }) => specifier.startsWith("parallel-batch-pipeline")))
  })

  it("keeps every file at 400 lines or less", () => {
    const lines = sources.map(({ file, text }) => ({ file, count: text.trimEnd().split("\n").length }))

    assertNone(lines.filter(({ count }) => count > 400).map(({ file, count }) => `${file} has ${count} lines`))
  })
})
