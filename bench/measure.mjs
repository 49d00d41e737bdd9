// One measurement in a process of its own: takes a job as JSON, writes the result as one line of JSON.
//   node --expose-gc bench/measure.mjs \
//     '{"contender":"p-map","workload":"w2","n":100000,"concurrency":16,"reps":5,"budget":1300}'
// `concurrency: null` is unbounded; with `uncollected` nothing is collected between repetitions, so that V8 keeps its code;
// `budget` is how many milliseconds the repetitions may take.
import { makeFailing } from "./failing.mjs"
import { paramsOf } from "./workloads.mjs"

const job = JSON.parse(process.argv[2])
const concurrency = job.concurrency ?? Infinity
// Loaded one by one, so that a peer does not bear the weight of effect.
const modules = { "pbp-": "./contenders.mjs", "effect-": "./effectPeers.mjs" }
const prefix = Object.keys(modules).find((name) => job.contender.startsWith(name))
const { default: contenders } = await import(modules[prefix] ?? "./peers.mjs")
const contender = contenders[job.contender]

let onItem = () => {}
const contextOf = (more) => ({
  workload: job.workload,
  steps: job.steps,
  shared: { count: 0 },
  bad: 0,
  onItem: () => onItem(),
  ...more
})

/** Wall-clock time and time of the process per item, and when the first item ended. */
const time = async () => {
  const ctx = contextOf()
  const run = await contender.make(ctx)
  const once = async (n) => {
    if (!job.uncollected) globalThis.gc()
    const items = paramsOf(n)
    let done = 0
    let first
    const cpu = process.cpuUsage()
    const begun = performance.now()
    onItem = () => {
      first ??= performance.now() - begun
      done++
    }
    await run(items, concurrency)
    const wall = performance.now() - begun
    const { system, user } = process.cpuUsage(cpu)
    if (done !== n) throw new Error(`${job.contender} ended ${done} of ${n} items`)
    return { wall: (wall * 1e6) / n, cpu: ((system + user) * 1e3) / n, first }
  }
  const warm = Math.min(job.n, 20_000)
  for (let k = 0; k < (warm < 5000 ? 3 : 1); k++) await once(warm)
  const samples = []
  const begun = performance.now()
  while (samples.length < job.reps && (samples.length === 0 || performance.now() - begun < job.budget)) {
    samples.push(await once(job.n))
  }
  if (ctx.bad > 0) throw new Error(`${job.contender} saw the params of other items ${ctx.bad} times`)
  return { samples }
}

/** Live heap at the half-way mark after a collection, the peak of the process, and the time of an item. */
const memory = async () => {
  const run = await contender.make(contextOf())
  await run(paramsOf(2000), concurrency)
  globalThis.gc()
  const before = process.memoryUsage().heapUsed
  let live = 0
  const source = (function* () {
    for (let i = 0; i < job.n; i++) {
      if (i === job.n >> 1) {
        globalThis.gc()
        live = process.memoryUsage().heapUsed - before
      }
      yield { i }
    }
  })()
  const cpu = process.cpuUsage()
  const begun = performance.now()
  await run(contender.iterable ? source : Array.from(source), concurrency)
  const wall = performance.now() - begun
  const { system, user } = process.cpuUsage(cpu)
  return {
    samples: [{ wall: (wall * 1e6) / job.n, cpu: ((system + user) * 1e3) / job.n }],
    live: live / 1e6,
    rss: process.resourceUsage().maxRSS / 1024
  }
}

/** What becomes of the others when one item fails. The first batch only warms up. */
const failing = async () => {
  const once = async () => {
    const work = makeFailing()
    const run = await contender.make(contextOf({ failing: work }))
    const end = await run(paramsOf(job.n), concurrency).then(
      () => "resolves",
      () => "rejects"
    )
    const { state } = work
    const latency = performance.now() - state.failedAt
    await new Promise((resolve) => setTimeout(resolve, 300))
    return {
      end,
      latency,
      abort: state.aborted === 0 ? undefined : state.abortedAt - state.failedAt,
      started: state.started - state.startedThen,
      finished: state.finished - state.finishedThen,
      aborted: state.aborted
    }
  }
  process.on("unhandledRejection", () => {})
  await once()
  const results = [await once(), await once(), await once()]
  return results.sort((a, b) => a.latency - b.latency)[1]
}

const result = await (job.workload === "w4" ? memory() : job.workload === "failing" ? failing() : time())
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exit(0)
