// The time from the start of a process to the first item of a tiny batch, with the package as it is published.
import { spawnSync } from "node:child_process"
import { join } from "node:path"

const programs = {
  "Node alone": "",
  "p-map": `
    import pMap from "p-map"
    await pMap([1], async () => ended())`,
  "Effect.forEach": `
    import { forEach, runPromise, sync } from "effect/Effect"
    await runPromise(forEach([1], () => sync(ended)))`,
  "parallel-batch-pipeline": `
    import { Handler, ParallelBatchPipeline, Pipeline } from "parallel-batch-pipeline"
    class Step extends Handler {
      handleRequest() { ended() }
      processResults() { return "default" }
    }
    await new ParallelBatchPipeline(new Pipeline(new Step()), { params: () => [{ i: 1 }] }).run({})`,
  "parallel-batch-pipeline/effect": `
    import { runPromise, sync } from "effect/Effect"
    import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
    const step = Handler.make("step", { handleRequest: () => sync(ended) })
    const pipeline = Pipeline.make("tiny", { handlers: { step }, start: "step" })
    await runPromise(Batch.run(pipeline, { params: [{ i: 1 }] }))`
}

// `performance.now()` counts from the start of the process.
const head = "let first; const ended = () => { first ??= performance.now() }\n"
const tail = "\nif (first === undefined) ended()\nconsole.log(first)"

const once = (body) => {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", head + body + tail],
    {
      cwd: join(import.meta.dirname, ".."),
      encoding: "utf8"
    }
  )
  if (status !== 0) throw new Error(stderr)
  return Number(stdout)
}

/** Milliseconds, the best and the median of `rounds`, for each program. */
export const startup = (rounds) => {
  const times = Object.keys(programs).map((name) => ({ name, samples: [] }))
  for (let round = 0; round < rounds; round++) {
    for (const { name, samples } of times) samples.push(once(programs[name]))
  }
  return times.map(({ name, samples }) => {
    samples.sort((a, b) => a - b)
    return { name, best: samples[0], median: samples[rounds >> 1] }
  })
}

if (import.meta.main) console.table(startup(9))
