// `npm run bench`: every contender on every workload, one process for each measurement, several rounds. The processes of
// a round take turns, so that what else the machine does meets all of them.
//   --quick        fewer contenders, items and rounds: ends within two minutes
//   --rounds=3     how often
//   --only=w1,w3   these workloads
//   --cpu          compares the time of the process instead of wall-clock time: for a machine that does other things
//   --uncollected  without a collection before each repetition, which takes optimised code with it
//   --readme       writes the tables into README.md and the picture beside it, instead of printing them
//   --again        measures nothing: the results of the last time, for another of the options above
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import os from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { pictureOf } from "./picture.mjs"
import { planOf } from "./plan.mjs"
import { markdownOf } from "./report.mjs"
import { sizes } from "./sizes.mjs"
import { startup } from "./startup.mjs"

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string" },
    cpu: { type: "boolean", default: false },
    uncollected: { type: "boolean", default: false },
    readme: { type: "boolean", default: false },
    again: { type: "boolean", default: false }
  }
})

const root = join(import.meta.dirname, "..")
const quick = options.quick
const rounds = Number(options.rounds ?? (quick ? 1 : 3))
const deadline = performance.now() + (quick ? 100_000 : Infinity)
const blocks = planOf({ quick, only: options.only?.split(",") })

const measure = (job) => {
  const { error, status, stderr, stdout } = spawnSync(
    process.execPath,
    [
      "--expose-gc",
      "--max-old-space-size=6000",
      join(import.meta.dirname, "measure.mjs"),
      JSON.stringify({ ...job, reps: quick ? 3 : 5, budget: quick ? 300 : 1300, uncollected: options.uncollected })
    ],
    { encoding: "utf8", timeout: 120_000 }
  )
  if (status === 0) return JSON.parse(stdout)
  return { error: error?.code ?? stderr.split("\n").find((line) => /Error|Warning/.test(line)) ?? `status ${status}` }
}

const measureAll = async () => {
  const results = []
  for (let round = 0; round < rounds; round++) {
    for (const { contenders, id, ...job } of blocks) {
      for (const contender of contenders) {
        if (performance.now() > deadline) {
          process.stderr.write(`no time left for ${id} ${contender}\n`)
          continue
        }
        const result = measure({ ...job, contender })
        process.stderr.write(`${id} ${contender} ${result.error ?? ""}\n`)
        results.push({ block: id, contender, ...result })
      }
    }
  }

  const versionOf = (name) => JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version
  return {
    blocks,
    results,
    rounds,
    machine: `${os.cpus()[0].model.trim()}, ${os.availableParallelism()} cores, load ${os.loadavg()[1].toFixed(1)}`,
    node: process.version,
    versions: ["effect", "p-map", "p-limit", "p-queue", "fastq", "async", "pocketflow"].map(
      (name) => `${name} ${versionOf(name)}`
    ),
    sizes: await sizes(),
    startup: startup(quick ? 3 : 9)
  }
}

const folder = join(root, "node_modules/.cache/bench")
const stored = join(folder, "results.json")
const measured = {
  ...(options.again ? JSON.parse(readFileSync(stored, "utf8")) : await measureAll()),
  metric: options.cpu ? "cpu" : "wall"
}
const markdown = markdownOf(measured)
const picture = pictureOf(measured)
mkdirSync(folder, { recursive: true })
writeFileSync(stored, JSON.stringify(measured))
writeFileSync(join(folder, "results.svg"), picture)

if (options.readme) {
  const readme = join(root, "README.md")
  const marked = /(<!-- bench -->\n)[\s\S]*(<!-- \/bench -->)/
  writeFileSync(
    readme,
    readFileSync(readme, "utf8").replace(marked, (_all, open, close) => open + markdown + close)
  )
  writeFileSync(join(import.meta.dirname, "results.svg"), picture)
} else {
  process.stdout.write(`${markdown}\nPicture: ${join(folder, "results.svg")}\n`)
}
