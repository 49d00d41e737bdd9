// What listeners cost: the time of a forked batch with each kind of listener, as a ratio to one that nobody listens to.
// The variants take turns in one process; medians of all rounds. Run with
//   npx node --expose-gc --conditions=parallel-batch-pipeline/source bench/listeners.mjs
import { Effect, Stream, SubscriptionRef } from "effect"
import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"

const rounds = Number(process.argv[2] ?? 15)

const pipelineOf = (request, make) => {
  const handlers = {}
  const routes = {}
  for (let k = 0; k < 3; k++) {
    handlers[`step${k}`] = make(`step${k}`, { prepareInputs: ({ params }) => params.i, handleRequest: request })
    if (k < 2) routes[`step${k}`] = { default: `step${k + 1}` }
  }
  return Pipeline.make("bench", { handlers, start: "step0", routes })
}

const workloads = {
  "W1, finished effects": [pipelineOf((i) => Effect.succeed(i + 1), Handler.make), 400_000],
  "W2, promises": [pipelineOf((i) => Promise.resolve(i + 1), Handler.fromPromise), 200_000]
}

const another = Stream.fromIterable(Array.from({ length: 1024 }, (_, index) => ({ index })))

const listeners = {
  nobody: () => Effect.void,
  "progress, never read": (batch) => Stream.runForEach(SubscriptionRef.changes(batch.progress), () => Effect.never),
  "events, never read": (batch) => Stream.runForEach(batch.events, () => Effect.never),
  "events, slow": (batch) => Stream.runForEach(Stream.rechunk(batch.events, 1), () => Effect.sleep(5)),
  // What such a consumer costs by itself, whoever its events come from.
  "another stream, as slow": () => Stream.runForEach(Stream.rechunk(another, 1), () => Effect.sleep(5)),
  "events, throws": (batch) =>
    Stream.runForEach(batch.events, () => {
      throw new Error("listener")
    }),
  "events, reads all (for comparison)": (batch) => Stream.runDrain(batch.events)
}

const params = Array.from({ length: 400_000 }, (_, i) => ({ i }))

const once = async (pipeline, size, listen) => {
  globalThis.gc?.()
  const program = Effect.gen(function* () {
    const batch = yield* Batch.fork(pipeline, { params: params.slice(0, size), mode: "collect-all" })
    yield* Effect.forkScoped(Effect.exit(listen(batch)), { startImmediately: true })
    return yield* batch.await
  })
  // Time of this process: what else the machine does takes no part.
  const begun = process.cpuUsage()
  const report = await Effect.runPromise(Effect.scoped(program))
  if (report.succeeded !== size) throw new Error(`${report.succeeded} of ${size} succeeded`)
  const { system, user } = process.cpuUsage(begun)
  return ((system + user) * 1e3) / size
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

for (const [workload, [pipeline, size]] of Object.entries(workloads)) {
  const times = new Map(Object.keys(listeners).map((name) => [name, []]))
  for (let round = -2; round < rounds; round++) {
    for (const [name, listen] of Object.entries(listeners)) {
      // What the variant before has left of the heap weighs on the next one, so all come after the same.
      await once(pipeline, size, listeners.nobody)
      const time = await once(pipeline, size, listen)
      if (round >= 0) times.get(name).push(time)
    }
  }
  const base = median(times.get("nobody"))
  console.log(`\n${workload}, ${size} items, medians of ${rounds}\n`)
  for (const [name, values] of times) {
    console.log(
      `${name.padEnd(36)} ${median(values).toFixed(0).padStart(6)} ns  x ${(median(values) / base).toFixed(2)}`
    )
  }
}
