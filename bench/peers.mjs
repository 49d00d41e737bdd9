// What the library is compared with. `make(ctx)` answers `(items, concurrency) => Promise`; items are an array, or any
// iterable where `iterable` says so. Concurrency may be Infinity.
import { mapperOf, prepareInputs, processResults, requestOf, stepCountOf } from "./workloads.mjs"

/** A peer that maps items with one async function. */
const mapping = (load, { iterable = false } = {}) => ({
  iterable,
  make: async (ctx) => {
    const run = await load()
    const mapper = mapperOf(ctx)
    return (items, concurrency) => run(items, concurrency, mapper)
  }
})

/** The hand-written floor: workers that share an iterator, and no more than that. */
const floor = async (items, concurrency, mapper) => {
  const iterator = items[Symbol.iterator]()
  const worker = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await mapper(next.value)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

const promiseAll = (items, _concurrency, mapper) => Promise.all(Array.from(items, mapper))

export default {
  floor: mapping(
    async () => (items, concurrency, mapper) =>
      concurrency === Infinity ? promiseAll(items, concurrency, mapper) : floor(items, concurrency, mapper),
    { iterable: true }
  ),
  "promise-all": mapping(async () => promiseAll, { iterable: true }),
  "p-map": mapping(
    async () => {
      const { default: pMap } = await import("p-map")
      return (items, concurrency, mapper) => pMap(items, mapper, { concurrency })
    },
    { iterable: true }
  ),
  "p-limit": mapping(async () => {
    const { default: pLimit } = await import("p-limit")
    return (items, concurrency, mapper) => {
      const limit = pLimit(concurrency)
      return Promise.all(items.map((item) => limit(mapper, item)))
    }
  }),
  "p-queue": mapping(async () => {
    const { default: PQueue } = await import("p-queue")
    return (items, concurrency, mapper) => new PQueue({ concurrency }).addAll(items.map((item) => () => mapper(item)))
  }),
  fastq: mapping(async () => {
    const { default: fastq } = await import("fastq")
    return (items, concurrency, mapper) => {
      const queue = fastq.promise(mapper, concurrency === Infinity ? items.length : concurrency)
      return Promise.all(items.map((item) => queue.push(item)))
    }
  }),
  async: mapping(
    async () => {
      const { mapLimit } = await import("async")
      return (items, concurrency, mapper) => mapLimit(items, concurrency, mapper)
    },
    { iterable: true }
  ),
  pocketflow: {
    iterable: false,
    make: async (ctx) => {
      const { Node, ParallelBatchFlow } = await import("pocketflow")
      const request = requestOf(ctx)
      const count = stepCountOf(ctx)
      const nodes = Array.from({ length: count }, (_, k) => {
        class Step extends Node {
          async prep() {
            return prepareInputs(ctx.shared, this._params)
          }
          async exec(inputs) {
            return request(inputs)
          }
          async post(_shared, inputs, outputs) {
            processResults(ctx.shared, inputs, outputs)
            if (k === count - 1) ctx.onItem?.()
            return "default"
          }
        }
        return new Step()
      })
      for (let k = 1; k < count; k++) nodes[k - 1].next(nodes[k])
      class Flow extends ParallelBatchFlow {
        async prep(shared) {
          return shared.items
        }
      }
      const flow = new Flow(nodes[0])
      return (items) => flow.run({ items })
    }
  }
}
