// Fails where the library has become slower, or holds on to memory: `bounds.mjs` says what is too much. A ratio that is
// over its bound gets two more rounds, each in a process of its own, and the best of the three counts.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { heaps, ratios } from "./bounds.mjs"

const rounds = 3

const run = (program, job) => {
  const { error, status, stderr, stdout } = spawnSync(
    process.execPath,
    ["--expose-gc", join(import.meta.dirname, program), JSON.stringify(job)],
    { encoding: "utf8", timeout: 120_000 }
  )
  if (status !== 0) throw error ?? new Error(stderr)
  return JSON.parse(stdout)
}

const failures = []
const tell = (isGood, line) => {
  console.log(`${isGood ? "ok      " : "TOO MUCH"} ${line}`)
  if (!isGood) failures.push(line)
}

for (const { bound, name, ...job } of ratios) {
  let best
  for (let round = 0; round < rounds && (best === undefined || best.ratio > bound); round++) {
    const result = run("interleave.mjs", job)
    if (best === undefined || result.ratio < best.ratio) best = result
  }
  tell(
    best.ratio <= bound,
    `${name}: ${best.ratio.toFixed(2)} times ${job.peer ?? "the floor"}, at most ${bound} (${best.library.toFixed(0)} and ${best.peer.toFixed(0)} ns an item)`
  )
}

const kB = (bytes) => `${(bytes / 1000).toFixed(0)} kB`

for (const { dropped, growth, live, name, ...job } of heaps) {
  const found = run("heap.mjs", job)
  if (live !== undefined) {
    tell(
      Math.max(found.half, found.last) <= live,
      `${name}: ${kB(Math.max(found.half, found.last))} live, at most ${kB(live)}`
    )
    tell(found.last - found.tenth <= growth, `${name}: grows by ${kB(found.last - found.tenth)}, at most ${kB(growth)}`)
  }
  tell(
    found.collected && found.dropped <= dropped,
    `${name}: ${kB(found.dropped)} live without the report, at most ${kB(dropped)}${found.collected ? "" : ", and the report is still there"}`
  )
}

if (failures.length > 0) {
  console.error(`\nMore than bench/bounds.mjs allows:\n  ${failures.join("\n  ")}`)
  process.exit(1)
}
