// One check of the gate in a process of its own: the library and the floor take turns, and the best of each is compared.
// Time of the process, not of the clock: what others do on the machine then weighs little, and the best of many short
// turns leaves out most of the rest. What remains meets both alike.
// Nothing is collected in between: a full collection takes V8's code with it, and how much of it differs from run to run.
//   node bench/interleave.mjs '{"contender":"pbp-effect","workload":"w1","n":30000,"concurrency":16}'
// With `without`, another contender of the library, it is what the contender adds to that which is compared, and with
// `peer` it is compared with that instead of the floor.
import ours from "./contenders.mjs"
import peers from "./peers.mjs"
import { paramsOf } from "./workloads.mjs"

const warmUp = 400
const atLeast = 12
const atMost = 60
const enough = 1500

const job = JSON.parse(process.argv[2])
const items = paramsOf(job.n)

const cpu = () => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e3
}

const prepare = async (contender) => {
  let done = 0
  const ctx = { workload: job.workload, steps: job.steps, shared: { count: 0 }, bad: 0, onItem: () => done++ }
  const run = await contender.make(ctx)
  return async () => {
    done = 0
    const begun = cpu()
    await run(items, job.concurrency ?? Infinity)
    const spent = cpu() - begun
    if (done !== job.n) throw new Error(`${job.contender} ended ${done} of ${job.n} items`)
    return spent
  }
}

const contenders = { peer: await prepare(peers[job.peer ?? "floor"]), library: await prepare(ours[job.contender]) }
if (job.without !== undefined) contenders.without = await prepare(ours[job.without])
const best = { peer: Infinity, library: Infinity, without: job.without === undefined ? 0 : Infinity }

const begunAt = cpu()
for (let turn = 0; turn < atMost; turn++) {
  const spent = cpu() - begunAt
  if (turn >= atLeast && spent > warmUp + enough) break
  for (const [name, once] of Object.entries(contenders)) {
    const time = await once()
    if (spent > warmUp) best[name] = Math.min(best[name], time)
  }
}

const perItem = (time) => (time * 1e6) / job.n
console.log(
  JSON.stringify({
    ratio: (best.library - best.without) / best.peer,
    library: perItem(best.library - best.without),
    peer: perItem(best.peer)
  })
)
process.exit(0)
