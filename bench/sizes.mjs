// What an import costs: bytes of the bundles, minified and compressed, and which modules of Effect are loaded. Run as a
// program, it fails where that is more than `bounds.mjs` allows. Needs `dist/`, which is what users get.
import { build } from "esbuild"
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { bundles, notLoaded } from "./bounds.mjs"

const root = join(import.meta.dirname, "..")
const entries = ["parallel-batch-pipeline", "parallel-batch-pipeline/effect"]

const bundle = async (entry, external) => {
  const { outputFiles } = await build({
    stdin: { contents: `export * from ${JSON.stringify(entry)}`, resolveDir: root },
    bundle: true,
    external,
    format: "esm",
    logLevel: "error",
    minify: true,
    platform: "node",
    target: "node22",
    write: false
  })
  const { contents } = outputFiles[0]
  return { minified: contents.length, gzip: gzipSync(contents, { level: 9 }).length }
}

const recordLoads = `
  import { registerHooks } from "node:module"
  const loaded = []
  registerHooks({
    load: (url, context, next) => {
      const module = /\\/node_modules\\/effect\\/dist\\/(.+)\\.js$/.exec(url)
      if (module !== null) loaded.push(module[1])
      return next(url, context)
    }
  })
  await import(process.argv[1])
  console.log(JSON.stringify(loaded))`

/** The modules of Effect that are loaded with an entry. */
const loadedWith = (entry) => {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", recordLoads, entry],
    {
      cwd: root,
      encoding: "utf8"
    }
  )
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

export const sizes = () =>
  Promise.all(
    entries.map(async (entry) => ({
      entry,
      alone: await bundle(entry, ["effect", "effect/*"]),
      withEffect: await bundle(entry, []),
      loaded: loadedWith(entry)
    }))
  )

if (import.meta.main) {
  const failures = []
  for (const { alone, entry, loaded, withEffect } of await sizes()) {
    const bounds = bundles[entry]
    for (const [name, bytes] of Object.entries({ alone: alone.gzip, withEffect: withEffect.gzip })) {
      const bound = bounds[name]
      const isOver = bytes > bound
      console.log(`${isOver ? "TOO BIG" : "ok     "} ${entry}, ${name}: ${bytes} bytes of at most ${bound} (gzip)`)
      if (isOver) failures.push(`${entry}, ${name}`)
    }
    const unwanted = loaded.filter((module) => notLoaded[entry]?.test(module))
    console.log(`${unwanted.length > 0 ? "UNWANTED" : "ok     "} ${entry} loads ${loaded.length} modules of Effect`)
    if (unwanted.length > 0) failures.push(`${entry} loads ${unwanted.join(", ")}`)
  }
  if (failures.length > 0) {
    console.error(`\nMore than bench/bounds.mjs allows:\n  ${failures.join("\n  ")}`)
    process.exit(1)
  }
}
