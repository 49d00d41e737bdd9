/**
 * The script of the page that `toHtml` makes. It is the same for every report, for
 * the page allows no other than the one with its hash; what is particular to a
 * report stands beside it as data, and reaches the page as text only.
 */
import { tableScript } from "./pageTable.ts"
import { timelineScript } from "./pageTimeline.ts"

const shared = String.raw`
const data = JSON.parse(document.getElementById("data").textContent)
const count = data.index.length
const isReused = new Set(data.reused)
const names = { S: "Succeeded", F: "Failed", K: "Skipped", I: "Interrupted", N: "Not started" }
const signs = { S: "✓", F: "✕", K: "–", I: "!", N: "○" }
const $ = (id) => document.getElementById(id)
const element = (tag, props, ...children) => {
  const node = document.createElement(tag)
  for (const key in props) {
    if (key === "class") node.className = props[key]
    else if (key in node) node[key] = props[key]
    else node.setAttribute(key, props[key])
  }
  node.append(...children)
  return node
}
const number = (value) => value.toLocaleString("en")
const duration = (ms) => {
  if (ms < 1000) return Math.round(ms) + " ms"
  if (ms < 60000) return Number((ms / 1000).toPrecision(3)) + " s"
  const seconds = Math.round(ms / 1000)
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  return hours > 0 ? hours + " h " + minutes + " min" : minutes + " min " + (seconds % 60) + " s"
}
/** Text of the data, kept apart from the direction of the text around it. */
const text = (value) => element("bdi", { textContent: value })
/** What an item is called: a hash for a key says nothing to a reader. */
const label = (row) => (/^[0-9a-f]{32}$/.test(data.key[row]) ? data.params[row] : data.key[row])
const where = (row) => {
  const path = data.paths[data.path[row]]
  const step = data.step[row] >= 0 ? data.step[row] : path === undefined || path.length === 0 ? -1 : path[path.length - 1]
  return step < 0 ? "" : data.steps[step]
}
`

export const script = `"use strict";\n(() => {${shared}${timelineScript}${tableScript}})()\n`
