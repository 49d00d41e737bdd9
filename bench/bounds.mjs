// What CI allows. A check fails where the library has become dearer than this; the numbers behind are what was measured
// when the bound was set. Raise one only with the reason in the commit.

/**
 * The time of an item as a multiple of the hand-written floor, as `interleave.mjs` measures it. It varies by less than a
 * tenth between runs on a busy machine, and by more between machines: a bound is 1.5 times what was measured, so that
 * a hot path of twice the cost fails on any. Measured where a new page of memory costs 11 us, which the floor does not ask
 * for; where it is cheap, the first number is what it is. With `without` and `peer` it is what the contender adds to another one of
 * the library, as a multiple of that peer.
 */
export const ratios = [
  // 4.75 to 5.7
  { name: "3 finished steps", contender: "pbp-effect", workload: "w1", n: 30_000, concurrency: 16, bound: 8.5 },
  // 2.5 to 3.3
  {
    name: "1 step, whole report",
    contender: "pbp-collect",
    workload: "w1",
    steps: 1,
    n: 50_000,
    concurrency: 16,
    bound: 5
  },
  // 6.0 to 6.6
  { name: "events, all read", contender: "pbp-events", workload: "w1", n: 20_000, concurrency: 16, bound: 9.9 },
  // 1.8 to 2.7
  { name: "3 promises", contender: "pbp-promise-collect", workload: "w2", n: 20_000, concurrency: 16, bound: 4 },
  // 2.15
  { name: "unbounded", contender: "pbp-promise", workload: "w2", n: 20_000, concurrency: null, bound: 3.2 },
  // 5.8 to 7.5
  { name: "3 effects that wait", contender: "pbp-effect", workload: "w2", n: 10_000, concurrency: 16, bound: 11.3 },
  // 5.2 to 7.7
  { name: "stream", contender: "pbp-stream", workload: "w2", n: 10_000, concurrency: 16, bound: 11.5 },
  // 9.05 to 10.2
  { name: "classes, finished", contender: "pbp-classes", workload: "w1", n: 20_000, concurrency: 16, bound: 15.3 },
  // 3.7 to 5.2
  { name: "classes, promises", contender: "pbp-classes", workload: "w2", n: 10_000, concurrency: 16, bound: 7.8 },
  // 0.25; what it must not pass is a promise of the library, and no multiple of what was measured
  {
    name: "what a gate adds at which nobody waits",
    contender: "pbp-gate",
    without: "pbp-promise",
    peer: "p-map",
    workload: "w2",
    n: 20_000,
    concurrency: 16,
    bound: 0.3
  }
]

/**
 * Live heap in bytes, as `heap.mjs` measures it: `live` half-way and at the last item, `growth` from the first tenth of
 * the items to the last (900,000 items, so 0.2 bytes for each), `dropped` when the report is gone.
 */
export const heaps = [
  // 197,000 and 222,000; 38,000; 40,000
  {
    name: "a million, outcomes: none",
    entry: "effect",
    outcomes: "none",
    n: 1_000_000,
    live: 600_000,
    growth: 200_000,
    dropped: 300_000
  },
  // 219,000 and 248,000; 37,000; 50,000
  {
    name: "a million, outcomes: failures",
    entry: "effect",
    outcomes: "failures",
    n: 1_000_000,
    live: 600_000,
    growth: 200_000,
    dropped: 300_000
  },
  // 338,000 and 377,000; 42,000; 46,000
  {
    name: "a million, classes",
    entry: "classes",
    outcomes: "none",
    n: 1_000_000,
    live: 1_000_000,
    growth: 200_000,
    dropped: 300_000
  },
  // 13 MB of outcomes; less than nothing
  { name: "200,000, outcomes: all", entry: "effect", outcomes: "all", n: 200_000, dropped: 300_000 },
  { name: "200,000, classes, outcomes: all", entry: "classes", outcomes: "all", n: 200_000, dropped: 300_000 }
]

/** Bytes of the bundles (gzip), `alone` with effect left out. */
export const bundles = {
  // 45,950 and 65,650; a third of it are the gates, and 3,700 what goes on from a report.
  "parallel-batch-pipeline": { alone: 50_000, withEffect: 71_500 },
  // 73,380 and 120,420: half of it is the reports (their page, their formats), which a bundler leaves out where nobody uses
  // them, as it does with the breakers of Effect.
  "parallel-batch-pipeline/effect": { alone: 80_000, withEffect: 131_000 }
}

/** Modules of Effect that an entry must not load: they are most of what an import can cost. */
export const notLoaded = {
  "parallel-batch-pipeline": /^(?:Schema|Stream|http\/|internal\/(?:schema|stream))/
}
