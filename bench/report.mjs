// The tables of `npm run bench`, as Markdown.
import { isFloor, isOurs, labelOf } from "./plan.mjs"

export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

/** The results of one block: `perItem` answers the median time of an item in nanoseconds, or `undefined`. */
export const read = ({ metric, results }, block) => {
  const of = (contender) =>
    results.filter(
      (result) => result.block === block.id && result.contender === contender && result.error === undefined
    )
  const samples = (contender) => of(contender).flatMap((result) => result.samples ?? [])
  const medianOf = (values) => (values.length === 0 ? undefined : median(values))
  return {
    of,
    perItem: (contender) => medianOf(samples(contender).map((sample) => sample[metric])),
    first: (contender) => medianOf(samples(contender).flatMap(({ first }) => first ?? [])),
    value: (contender, name) => medianOf(of(contender).map((result) => result[name]))
  }
}

const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))
const timeOf = (ns) =>
  ns >= 1e6 ? `${digits(ns / 1e6)} ms` : ns >= 1000 ? `${digits(ns / 1000)} µs` : `${ns.toFixed(0)} ns`
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`

const table = (head, rows) =>
  [head, head.map((_, k) => (k === 0 ? "---" : "--:")), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

const contendersOf = (blocks) => [...new Set(blocks.flatMap(({ contenders }) => contenders))]
const nameOf = (contender) => (isOurs(contender) ? `**${labelOf(contender)}**` : labelOf(contender))

const times = (measured, blocks) => {
  const rows = contendersOf(blocks).map((contender) => [
    nameOf(contender),
    ...blocks.map((block) => {
      const { perItem } = read(measured, block)
      const [ns, map] = [perItem(contender), perItem("p-map")]
      if (ns === undefined) return ""
      return map === undefined ? timeOf(ns) : `${digits(ns / map)} · ${timeOf(ns)}`
    })
  ])
  return `Each cell: the time of an item, as a multiple of p-map and by itself.\n\n${table(["", ...blocks.map(({ title }) => title)], rows)}`
}

const first = (measured, block) => {
  const rows = block.contenders.map((contender) => {
    const ms = read(measured, block).first(contender)
    return [nameOf(contender), ms === undefined ? "" : digits(ms)]
  })
  return table([`${block.title}, ${block.n.toLocaleString("en")} items`, "first item ends after ms"], rows)
}

const memory = (measured, block) => {
  const { perItem, value } = read(measured, block)
  const rows = block.contenders
    .filter((contender) => value(contender, "rss") !== undefined)
    .map((contender) => [
      nameOf(contender),
      value(contender, "rss").toFixed(0),
      digits(Math.max(0, value(contender, "live"))),
      timeOf(perItem(contender))
    ])
  return table([block.title, "peak RSS, MB", "live heap half-way, MB", "time of an item"], rows)
}

const growth = (measured, blocks) => {
  const rows = contendersOf(blocks).map((contender) => [
    nameOf(contender),
    ...blocks.map((block) => {
      const ns = read(measured, block).perItem(contender)
      return ns === undefined ? "" : timeOf(ns)
    })
  ])
  return table(["time of an item", ...blocks.map(({ title }) => title)], rows)
}

const failing = (measured, block) => {
  const { of, value } = read(measured, block)
  const rows = block.contenders
    .filter((contender) => of(contender).length > 0)
    .map((contender) => [
      nameOf(contender),
      digits(value(contender, "latency")),
      of(contender).some(({ abort }) => abort !== undefined) ? digits(value(contender, "abort")) : "",
      ...["started", "finished", "aborted"].map((name) => String(value(contender, name)))
    ])
  return table(
    [
      block.title,
      "ms until it rejects",
      "ms until the others are aborted",
      "started after",
      "ran on to the end",
      "aborted"
    ],
    rows
  )
}

/** Less than this is noise. */
const noise = 1.3

/** Which peers beat the cheapest way to use the library, block by block. */
const better = (measured, blocks) => {
  const lines = blocks.flatMap((block) => {
    const { perItem } = read(measured, block)
    const known = block.contenders.filter((name) => !isFloor(name) && perItem(name) !== undefined)
    const own = Math.min(...known.filter(isOurs).map(perItem))
    const faster = known.filter((name) => !isOurs(name) && perItem(name) * noise < own)
    if (!Number.isFinite(own) || faster.length === 0) return []
    return [
      `- ${block.title}: ${faster.map((name) => `${labelOf(name)} (${digits(own / perItem(name))} times as fast)`).join(", ")}`
    ]
  })
  if (lines.length === 0) return `No peer is more than ${noise} times as fast as the library in any of these.`
  return `Peers that are more than ${noise} times as fast as the cheapest way to use the library:\n\n${lines.join("\n")}`
}

const imports = ({ sizes, startup }) => {
  const bytes = sizes.map(({ alone, entry, loaded, withEffect }) => [
    `\`${entry}\``,
    `${kB(alone.minified)}, ${kB(alone.gzip)}`,
    `${kB(withEffect.minified)}, ${kB(withEffect.gzip)}`,
    loaded.length
  ])
  const started = startup.map(({ best, name, median: middle }) => [name, middle.toFixed(0), best.toFixed(0)])
  return [
    table(["entry (minified, gzip)", "without effect", "with effect", "modules of effect"], bytes),
    table(["from the start of the process to the first item", "ms", "best"], started)
  ].join("\n\n")
}

export const markdownOf = (measured) => {
  const { blocks, machine, metric, node, rounds, versions } = measured
  const having = (...workloads) => blocks.filter(({ workload }) => workloads.includes(workload))
  const timed = having("w1", "w2", "w3")
  const grown = having("w5")
  const parts = [
    `${machine}. Node ${node}, ${versions.join(", ")}. Medians of ${rounds} round${rounds === 1 ? "" : "s"}, one process for each measurement, ${metric === "cpu" ? "time of the process" : "wall-clock time"}. Compare ratios: less than ${noise} times is noise.`,
    ...(timed.length > 0 ? [times(measured, timed), better(measured, timed)] : []),
    "<details>\n<summary>First item, memory, larger batches, a failure, imports</summary>",
    ...timed.filter(({ concurrency }) => concurrency === null).map((block) => first(measured, block)),
    ...having("w4").map((block) => memory(measured, block)),
    ...(grown.length > 0 ? [growth(measured, grown)] : []),
    ...having("failing").map((block) => failing(measured, block)),
    imports(measured),
    "</details>"
  ]
  return `\n${parts.join("\n\n")}\n\n`
}
