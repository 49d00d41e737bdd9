// What `npm run bench` measures: blocks of contenders that run the same workload. A block begins and ends with the floor.

/** Names for readers. */
export const labels = {
  floor: "floor: the loop by hand",
  "promise-all": "Promise.all",
  "effect-forEach": "Effect.forEach",
  "effect-stream": "Stream.mapEffect",
  "effect-loop": "floor of Effect: a fiber per place",
  "effect-loop-sync": "floor of Effect, Effect.sync",
  "effect-loop-own": "floor of Effect, items with a context",
  "pbp-effect": "Batch.run, effects, fail-fast",
  "pbp-sync": "Batch.run, Effect.sync, fail-fast",
  "pbp-promise": "Batch.run, promises, fail-fast",
  "pbp-collect": "Batch.run, effects, collect-all",
  "pbp-promise-collect": "Batch.run, promises, collect-all",
  "pbp-none": "Batch.run, no outcomes kept",
  "pbp-stream": "Batch.stream, collect-all",
  "pbp-events": "Batch.fork, events read",
  "pbp-gate": "Batch.run, promises, a gate at which nobody waits",
  "pbp-classes": "classes",
  "pbp-classes-mixed": "classes, one of three async",
  "pbp-classes-async": "classes, all async",
  "pbp-classes-collect": "classes, collect-all"
}

export const labelOf = (contender) => labels[contender] ?? contender
export const isOurs = (contender) => contender.startsWith("pbp-")
/** What no library could do without: nobody would use it as it is. */
export const isFloor = (contender) => contender === "floor" || contender.startsWith("effect-loop")

const bounded = ["p-map", "p-limit", "p-queue", "fastq", "async", "effect-forEach", "effect-stream"]
const unbounded = [
  "promise-all",
  "p-map",
  "p-limit",
  "p-queue",
  "fastq",
  "pocketflow",
  "effect-forEach",
  "effect-stream"
]
const ours = [
  "pbp-effect",
  "pbp-collect",
  "pbp-promise",
  "pbp-promise-collect",
  "pbp-gate",
  "pbp-stream",
  "pbp-events",
  "pbp-classes",
  "pbp-classes-collect"
]
const loops = ["effect-loop", "effect-loop-own"]
const finished = ["pbp-effect", "pbp-sync", "pbp-collect", "pbp-stream", "pbp-events", "pbp-classes"]

const blocks = [
  {
    id: "w1",
    title: "W1: 3 finished steps, 16 at a time",
    workload: "w1",
    n: 100_000,
    concurrency: 16,
    contenders: [
      ...bounded,
      "effect-loop",
      "effect-loop-sync",
      ...finished,
      "pbp-classes-mixed",
      "pbp-classes-async",
      "pbp-classes-collect"
    ]
  },
  {
    id: "w1-one",
    title: "W1: 1 finished step, 16 at a time",
    workload: "w1",
    steps: 1,
    n: 100_000,
    concurrency: 16,
    contenders: ["p-map", "async", "effect-forEach", ...finished]
  },
  {
    id: "w2",
    title: "W2: 3 promises, 16 at a time",
    workload: "w2",
    n: 100_000,
    concurrency: 16,
    contenders: [...bounded, ...loops, ...ours]
  },
  {
    id: "w2-one",
    title: "W2: 1 promise, 16 at a time",
    workload: "w2",
    steps: 1,
    n: 100_000,
    concurrency: 16,
    contenders: ["p-map", "async", "effect-forEach", ...ours]
  },
  {
    id: "w2-wide",
    title: "W2: 3 promises, 1000 at a time",
    workload: "w2",
    n: 100_000,
    concurrency: 1000,
    contenders: ["p-map", "fastq", "async", "effect-forEach", ...loops, ...ours]
  },
  {
    id: "w2-unbounded",
    title: "W2: 3 promises, unbounded",
    workload: "w2",
    n: 100_000,
    concurrency: null,
    contenders: [...unbounded, ...loops, ...ours]
  },
  {
    id: "w3",
    title: "W3: 1 ms timer, 1000 at a time",
    workload: "w3",
    n: 20_000,
    concurrency: 1000,
    contenders: [...bounded, ...loops, ...ours]
  },
  {
    id: "w4",
    title: "W4: a million items from a generator, 64 at a time",
    workload: "w4",
    n: 1_000_000,
    concurrency: 64,
    contenders: [...bounded, "pbp-promise", "pbp-promise-collect", "pbp-effect", "pbp-stream", "pbp-classes"]
  },
  ...[1000, 10_000, 100_000, 1_000_000].map((n) => ({
    id: `w5-${n}`,
    title: `W5: ${n.toLocaleString("en")} items`,
    workload: "w5",
    n,
    concurrency: 64,
    contenders: ["p-map", "effect-forEach", "pbp-promise-collect", "pbp-effect", "pbp-classes"]
  })),
  {
    id: "failing",
    title: "One of 20,000 fails, 16 at a time",
    workload: "failing",
    n: 20_000,
    concurrency: 16,
    contenders: [...bounded, "pbp-effect", "pbp-promise", "pbp-classes"]
  }
]

/** Whole blocks, or with `quick` few contenders and fewer items: enough to see where the library stands. */
export const planOf = ({ only, quick }) => {
  const quickly = ["floor", "p-map", "p-limit", "fastq", "effect-forEach", "pbp-effect", "pbp-promise", "pbp-classes"]
  return blocks
    .filter(({ id, workload }) => only === undefined || only.some((name) => name === id || name === workload))
    .filter(({ id }) => !quick || ["w1", "w2", "w2-unbounded", "w3", "w4", "failing"].includes(id))
    .map((block) => {
      const contenders = ["floor", ...block.contenders].filter((name) => !quick || quickly.includes(name))
      const n = quick
        ? Math.min(block.n, block.workload === "w4" ? 200_000 : block.workload === "w3" ? 10_000 : 40_000)
        : block.n
      return { ...block, n, contenders }
    })
}
