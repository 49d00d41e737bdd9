// What a gate costs that never makes anyone wait, beside p-map, and what keys leave behind that are not in use any more.
// It measures dist/:
//   npm run build && npx node --expose-gc bench/limits.mjs [rounds]
// The variants take turns in one process; medians of all rounds.
import { Clock, Effect } from "effect"
import pMap from "p-map"
import { Batch, Gate, Handler, Pipeline } from "parallel-batch-pipeline/effect"

const rounds = Number(process.argv[2] ?? 15)
const size = 100_000

const requests = {
  "W1, finished effects": [Handler.make, (i) => Effect.succeed(i + 1), (i) => i + 1],
  "W2, promises": [Handler.fromPromise, (i) => Promise.resolve(i + 1), (i) => Promise.resolve(i + 1)]
}

const huge = Number.MAX_SAFE_INTEGER
const keys = Array.from({ length: 1000 }, (_, i) => `key ${i}`)
const keyed = (count) =>
  Gate.make({
    concurrency: 1000,
    concurrencyPerKey: 1000,
    rate: { limit: huge, window: "1 minute" },
    key: ({ i }) => keys[i % count]
  })
const gates = {
  "no gate": () => undefined,
  concurrency: () => Gate.make({ concurrency: 1000 }),
  rate: () => Gate.make({ rate: { limit: huge, window: "1 minute" } }),
  "rate and concurrency of 10 keys": () => keyed(10),
  "rate and concurrency of 1,000 keys": () => keyed(1000)
}

const params = Array.from({ length: size }, (_, i) => ({ i }))

const pipelineOf = (make, request, gate) => {
  const handlers = {}
  const routes = {}
  for (let k = 0; k < 3; k++) {
    const options = { prepareInputs: ({ params }) => params.i, handleRequest: request }
    // One of the three steps is a call of the service.
    handlers[`step${k}`] = make(`step${k}`, k === 1 ? { ...options, gate } : options)
    if (k < 2) routes[`step${k}`] = { default: `step${k + 1}` }
  }
  return Pipeline.make("bench", { handlers, start: "step0", routes })
}

const timed = async (run) => {
  globalThis.gc?.()
  // Time of this process: what else the machine does takes no part.
  const begun = process.cpuUsage()
  await run()
  const { system, user } = process.cpuUsage(begun)
  return ((system + user) * 1e3) / size
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

for (const [workload, [make, request, plain]] of Object.entries(requests)) {
  const awaiting = async ({ i }) => {
    for (let k = 0; k < 3; k++) i = await plain(i)
    return i
  }
  const mapper = workload.startsWith("W1") ? async ({ i }) => plain(plain(plain(i))) : awaiting
  const variants = { "p-map": () => pMap(params, mapper, { concurrency: 16 }) }
  for (const [name, gate] of Object.entries(gates)) {
    const pipeline = pipelineOf(make, request, gate())
    variants[name] = () => Effect.runPromise(Batch.run(pipeline, { params, concurrency: 16, mode: "collect-all" }))
  }
  const times = new Map(Object.keys(variants).map((name) => [name, []]))
  for (let round = -3; round < rounds; round++) {
    for (const [name, run] of Object.entries(variants)) {
      // What the variant before has left behind weighs on the next one, so all come after the same.
      await variants["no gate"]()
      const time = await timed(run)
      if (round >= 0) times.get(name).push(time)
    }
  }
  const base = median(times.get("no gate"))
  const peer = median(times.get("p-map"))
  console.log(`\n${workload}, ${size} items, medians of ${rounds}\n`)
  for (const [name, values] of times) {
    const time = median(values)
    const share = ((time - base) / peer).toFixed(2)
    const added = name === "p-map" ? "" : `  adds ${(time - base).toFixed(0).padStart(4)} ns, ${share} x p-map`
    console.log(`${name.padEnd(36)} ${time.toFixed(0).padStart(6)} ns${added}`)
  }
}

// A million keys, each used once, on a clock that the loop moves.

let now = 0
const clock = {
  ...Effect.runSync(Clock.clockWith(Effect.succeed)),
  currentTimeMillisUnsafe: () => now,
  // Time passes only where the loop says so.
  sleep: () => Effect.never
}
const heap = () => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1e6
}

for (const [name, step] of [
  ["1,000 of them within a window", 1],
  ["all of them within one window", 0.000_5]
]) {
  const gate = Gate.make({ concurrency: 10, rate: { limit: 10, window: 1000 }, key: (key) => key })
  const program = Effect.gen(function* () {
    const before = heap()
    let most = 0
    for (let i = 0; i < 1_000_000; i++) {
      now += step
      yield* Gate.withPermit(Effect.void, gate, `key ${i}`)
      if (i % 50_000 === 0) most = Math.max(most, (yield* Gate.state(gate)).keys)
    }
    const busy = heap() - before
    now += 1000
    yield* Gate.withPermit(Effect.void, gate, "one more")
    const { keys } = yield* Gate.state(gate)
    return { most, busy, keys, idle: heap() - before }
  })
  const { busy, idle, keys, most } = await Effect.runPromise(Effect.provideService(program, Clock.Clock, clock))
  console.log(`\na million keys, ${name}: at most ${most} remembered, ${busy.toFixed(1)} MB`)
  console.log(`once they are idle: ${keys} remembered, ${idle.toFixed(1)} MB`)
}
