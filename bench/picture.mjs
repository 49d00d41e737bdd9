// The picture of `npm run bench`: for a few blocks, what an item costs next to p-map, on a logarithmic scale.
import { isFloor, isOurs, labelOf } from "./plan.mjs"
import { read } from "./report.mjs"

const shown = ["w1", "w2", "w2-unbounded", "w3"]
const width = 860
const row = 17
const left = 230
const right = width - 60
const [lowest, highest] = [0.1, 30]

const x = (ratio) =>
  left + ((right - left) * Math.log(Math.min(Math.max(ratio, lowest), highest) / lowest)) / Math.log(highest / lowest)

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

export const pictureOf = (measured) => {
  const parts = []
  let y = 46
  for (const block of measured.blocks.filter(({ id }) => shown.includes(id))) {
    const { perItem } = read(measured, block)
    const base = perItem("p-map")
    const bars = block.contenders
      .filter((contender) => perItem(contender) !== undefined)
      .map((contender) => ({ contender, ratio: perItem(contender) / base }))
      .sort((a, b) => a.ratio - b.ratio)
    if (base === undefined || bars.length === 0) continue
    parts.push(`<text x="10" y="${y + 4}" font-weight="600">${escape(block.title)}</text>`)
    y += 12
    const bottom = y + bars.length * row
    for (const tick of [0.1, 0.3, 1, 3, 10, 30]) {
      parts.push(
        `<line x1="${x(tick)}" x2="${x(tick)}" y1="${y}" y2="${bottom}" stroke="${tick === 1 ? "#555" : "#ddd"}"/>`,
        `<text x="${x(tick)}" y="${bottom + 13}" text-anchor="middle" fill="#666">${tick}×</text>`
      )
    }
    for (const { contender, ratio } of bars) {
      const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))]
      const color = isOurs(contender) ? "#0b6e99" : isFloor(contender) ? "#999" : "#d0a24c"
      parts.push(
        `<text x="${left - 8}" y="${y + 12}" text-anchor="end"${isOurs(contender) ? ' fill="#0b6e99" font-weight="600"' : ""}>${escape(labelOf(contender))}</text>`,
        `<rect x="${from}" y="${y + 3}" width="${Math.max(to - from, 2)}" height="${row - 6}" fill="${color}"/>`,
        `<text x="${to + 5}" y="${y + 12}" fill="#333">${ratio.toFixed(2)}</text>`
      )
      y += row
    }
    y = bottom + 40
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 10}" font-family="sans-serif" font-size="12">
<title>Time of an item as a multiple of p-map</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="16" fill="#666">Time of an item as a multiple of p-map (p-map is 1×, left is faster). Blue: this library.</text>
${parts.join("\n")}
</svg>
`.replaceAll(/(\d+\.\d)\d+(?=")/g, "$1")
}
