/**
 * A report as one self-contained page.
 *
 * What a reader needs first (summary, notes, failures, steps) is in the page as it
 * is; the script adds the timeline and the table of items. Texts of the data are
 * escaped in the one part and set as text in the other, and the page's policy
 * allows no script and no style but its own.
 */
import * as Duration from "effect/Duration"
import type * as Outcome from "../../Outcome.ts"
import type * as Report from "../../Report.ts"
import type { HtmlOptions } from "../../ReportFormat.ts"
import { isHash } from "../key.ts"
import * as Check from "../options.ts"
import { groupsOf } from "./digest.ts"
import { notesOf, share } from "./format.ts"
import { keyOf } from "./keyOf.ts"
import { letters, listed, pageData } from "./pageData.ts"
import { scriptHash, styleHash } from "./pageHashes.ts"
import { script } from "./pageScript.ts"
import { style } from "./pageStyle.ts"
import { stepRows } from "./steps.ts"
import * as Text from "./text.ts"

export const toHtml = (report: Report.Any, options: HtmlOptions): string => {
  const outcomes = listed(report.outcomes, Check.positiveInteger("maxItems", options.maxItems ?? 20_000))
  const groups = groupsOf(report.outcomes)
  const groupIds = new Map<Outcome.Any, number>()
  groups.forEach(({ members }, id) => members.forEach((member) => groupIds.set(member, id)))
  const rows = new Map<Outcome.Any, number>(outcomes.map((outcome, row) => [outcome, row]))
  const data = pageData(report, outcomes, (outcome) => groupIds.get(outcome) ?? -1)
  const title = options.title ?? report.pipeline.name
  const notes = [...notesOf(report, 300)]
  if (outcomes.length < report.outcomes.length) {
    notes.push(
      `This page lists ${Text.count(outcomes.length)} of ${Text.plural(report.outcomes.length, "item")}: those that succeeded are left out first.`
    )
  }
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '${scriptHash}'; style-src '${styleHash}'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}: batch report</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<h1>${bdi(title)}${report.pipeline.version === undefined ? "" : ` <span class="version">${bdi(report.pipeline.version)}</span>`}</h1>
<p class="sub">${escape(`${Text.plural(report.total, "item")} in ${Text.duration(report.duration)}, ${Text.plural(report.attempts, "call")}${report.cost === 0 ? "" : `, cost ${Text.count(report.cost)}`}`)}</p>
${notes.length === 0 ? "" : `<ul class="notes">${notes.map((note) => `<li>${bdi(note)}</li>`).join("")}</ul>`}
${summary(report)}
${failures(report, groups, rows)}
${timeline(data.timings !== null, outcomes)}
${steps(report)}
${items(report)}
<footer>Made by parallel-batch-pipeline. Times count from the start of the batch.</footer>
</main>
<script type="application/json" id="data">${json(data)}</script>
<script>${script}</script>
</body>
</html>
`
}

const kinds = [
  { tag: "Succeeded", name: "Succeeded", of: (report: Report.Any) => report.succeeded },
  { tag: "Failed", name: "Failed", of: (report: Report.Any) => report.failed },
  { tag: "Skipped", name: "Skipped", of: (report: Report.Any) => report.skipped },
  { tag: "Interrupted", name: "Interrupted", of: (report: Report.Any) => report.interrupted },
  { tag: "NotStarted", name: "Not started", of: (report: Report.Any) => report.notStarted }
] as const

const dot = (letter: string): string => `<span class="dot c-${letter}" aria-hidden="true"></span>`

const summary = (report: Report.Any): string => {
  const shown = kinds.filter(({ of, tag }) => of(report) > 0 || tag === "Succeeded" || tag === "Failed")
  const cells = shown.map(({ name, of, tag }) => {
    const count = of(report)
    const reused = tag === "Succeeded" && report.reused > 0 ? `<small>${Text.count(report.reused)} reused</small>` : ""
    const percent = count === 0 ? "" : `<small>${escape(share(count, report.total))}</small>`
    return `<div><dt>${dot(letters[tag])}${name}</dt><dd>${Text.count(count)}${percent}${reused}</dd></div>`
  })
  let left = 0
  const bars = shown.flatMap(({ of, tag }) => {
    const width = report.total === 0 ? 0 : (of(report) * 100) / report.total
    if (width === 0) return []
    const bar = `<rect class="f-${letters[tag]}" x="${left.toFixed(3)}%" width="${width.toFixed(3)}%" height="10"/>`
    left += width
    return [bar]
  })
  return `<section aria-labelledby="summary-title"><h2 id="summary-title" class="hidden">Summary</h2>
<dl class="counts">${cells.join("")}</dl>
<svg class="bar" aria-hidden="true">${bars.join("")}</svg></section>`
}

/** So many groups are more than anyone reads. */
const shownGroups = 50

const failures = (
  report: Report.Any,
  groups: ReturnType<typeof groupsOf>,
  rows: ReadonlyMap<Outcome.Any, number>
): string => {
  if (report.failed === 0) {
    const all = report.succeeded === report.total && report.total > 0
    return `<section aria-labelledby="failures-title"><h2 id="failures-title">Failures</h2><p class="sub">${
      all ? '<span class="good" aria-hidden="true">✓</span> None: every item succeeded.' : "None."
    }</p></section>`
  }
  if (groups.length === 0) {
    return `<section aria-labelledby="failures-title"><h2 id="failures-title">${Text.plural(report.failed, "failure")}</h2><p class="sub">The outcomes were not kept: run the batch with <code>outcomes: "failures"</code> or <code>"all"</code> to see what failed.</p></section>`
  }
  const body = groups.slice(0, shownGroups).map(({ defect, example, handler, members, message, tag }, id) => {
    const samples = members.slice(0, 2).map((member) => {
      const row = rows.get(member)
      const name = keyOf(member)
      const key = bdi(Text.cut(isHash(name) ? Text.show(member.params) : name, 60))
      return row === undefined ? key : `<button type="button" class="link mono" data-item="${row}">${key}</button>`
    })
    const where = handler === undefined ? "before the first step" : handler
    const label = `${where}, ${tag}: ${Text.cut(message, 80)}`
    const shows = `<button type="button" class="link" data-group="${id}" data-label="${escape(label)}" aria-label="${escape(`Show the ${Text.plural(members.length, "item")}: ${label}`)}">${Text.count(members.length)}</button>`
    return `<tr><td class="num">${shows}</td><td>${bdi(where)}</td><td><span class="tag">${bdi(tag)}</span>${
      defect ? '<span class="bug">bug</span>' : ""
    }</td><td class="msg"><div class="lines">${bdi(message)}</div>${
      example === message ? "" : `<div class="example lines">such as: ${bdi(Text.cut(example, 240))}</div>`
    }</td><td>${samples.join("<br>")}</td></tr>`
  })
  const more = groups.length - shownGroups
  const title = `${Text.plural(report.failed, "failure")}`
  const hint = groups.length === 1 ? "all of one kind" : `of ${Text.count(groups.length)} kinds`
  return `<section aria-labelledby="failures-title"><header><h2 id="failures-title">${title}</h2><p class="hint">${hint}${
    more > 0 ? `; the ${shownGroups} largest are shown` : ""
  }</p></header>
<div class="scroll" role="region" aria-labelledby="failures-title" tabindex="0"><table class="groups">
<caption>Failures, grouped by step, error and message</caption>
<thead><tr><th scope="col" class="num">Items</th><th scope="col">Step</th><th scope="col">Error</th><th scope="col">Message</th><th scope="col">For example</th></tr></thead>
<tbody>${body.join("")}</tbody></table></div></section>`
}

const timeline = (hasTimings: boolean, outcomes: ReadonlyArray<Outcome.Any>): string => {
  const ran = outcomes.filter(
    (outcome) => outcome._tag !== "NotStarted" && !(outcome._tag === "Succeeded" && outcome.reused)
  )
  if (ran.length === 0) return ""
  const failed = ran.filter(({ _tag }) => _tag === "Failed").length
  const tags = new Set(ran.map(({ _tag }) => _tag))
  const marks = kinds.filter(({ tag }) => tags.has(tag) && !(hasTimings && tag === "Succeeded"))
  const names = hasTimings ? [...new Set(ran.flatMap((outcome) => ("path" in outcome ? outcome.path : [])))] : []
  return `<section aria-labelledby="timeline-title"><header><h2 id="timeline-title">Timeline</h2>
<p class="hint">Each bar is an item, each row a place in which items ran one after the other: up to <span id="most">…</span> at once.${
    hasTimings ? "" : " Run the batch with <code>timings: true</code> to see the steps."
  }</p>
<div class="zoom"><button type="button" id="in" aria-label="Zoom in">+</button><button type="button" id="out" aria-label="Zoom out">−</button><button type="button" id="reset">Whole batch</button></div></header>
<div class="chart"><canvas id="canvas" tabindex="0" role="application" aria-roledescription="timeline" aria-label="Timeline of ${escape(Text.plural(ran.length, "item"))}, ${Text.count(failed)} failed. Arrow keys walk through the items, f through the failures, plus and minus zoom, Enter shows the item in the table."></canvas><div class="tip" id="tip" hidden></div></div>
<p class="hidden" id="said" aria-live="polite"></p>
<ul class="legend" id="legend">${names
    .slice(0, 24)
    .map((name) => `<li data-step="${escape(name)}"><span class="dot" aria-hidden="true"></span>${bdi(name)}</li>`)
    .join("")}${marks
    .map(({ name, tag }) => `<li>${dot(letters[tag])}${name}</li>`)
    .join(
      ""
    )}<li>Drag to zoom, click for the item${failed > 0 ? "; ticks at the top are failures" : ""}</li></ul></section>`
}

const steps = (report: Report.Any): string => {
  const rows = stepRows(report.outcomes)
  if (rows.length === 0) return ""
  const timed = rows.some(({ times }) => times !== undefined)
  const cell = (millis: number): string => `<td class="num">${Text.duration(Duration.millis(millis))}</td>`
  const body = rows.map(({ entered, failed, step, times }) => {
    const durations = times === undefined ? "" : [times.median, times.p95, times.most, times.total].map(cell).join("")
    return `<tr><th scope="row">${bdi(step)}</th><td class="num">${Text.count(entered)}</td><td class="num">${Text.count(failed)}</td>${durations}</tr>`
  })
  const heads = timed ? ["Median", "95 % within", "Longest", "In all"] : []
  return `<section aria-labelledby="steps-title"><header><h2 id="steps-title">Steps</h2></header>
<div class="scroll" role="region" aria-labelledby="steps-title" tabindex="0"><table id="steps"><caption>How often each step ran, and how long</caption>
<thead><tr><th scope="col">Step</th>${["Entered", "Failed", ...heads].map((head) => `<th scope="col" class="num">${head}</th>`).join("")}</tr></thead>
<tbody>${body.join("")}</tbody></table></div></section>`
}

const items = (report: Report.Any): string => {
  const boxes = kinds
    .filter(({ of }) => of(report) > 0)
    .map(
      ({ name, of, tag }) =>
        `<label class="chip"><input type="checkbox" value="${letters[tag]}" checked>${dot(letters[tag])}${name} ${Text.count(of(report))}</label>`
    )
  const head = (sort: string, name: string, kind: string): string =>
    `<th scope="col" class="${kind}" data-sort="${sort}"><button type="button">${name}</button></th>`
  return `<section aria-labelledby="items-title"><header><h2 id="items-title">Items</h2></header>
<noscript><p>The table of items and the timeline need JavaScript.</p></noscript>
<div class="tools"><label for="search" class="hidden">Search in keys, params, errors and outputs</label><input id="search" type="search" placeholder="Search keys, params, errors, outputs" autocomplete="off" spellcheck="false">
<label for="step" class="hidden">Step</label><select id="step"><option value="">All steps</option></select>
<fieldset id="tags"><legend>Outcomes</legend>${boxes.join("")}</fieldset></div>
<p class="active" id="active" hidden><bdi id="which"></bdi><button type="button" class="link" id="clear">Show all items</button></p>
<div class="scroll" role="region" aria-labelledby="items-title" tabindex="0"><table id="items"><caption>Items of the batch. The headings sort; the keys open the details.</caption>
<thead><tr>${head("index", "Item", "num n")}${head("key", "Key", "k")}${head("outcome", "Outcome", "o")}${head("where", "Last step", "w")}${head("attempts", "Calls", "num n")}${head("start", "Start", "num t")}${head("dur", "Took", "num t")}<th scope="col">Error, reason or output</th></tr></thead>
<tbody id="rows"></tbody></table></div>
<p class="empty" id="nothing" hidden>No item fits these filters.</p>
<div class="pages"><span id="range" role="status"></span><div><button type="button" id="prev">Previous</button><button type="button" id="next">Next</button></div></div></section>`
}

/** Whoever looks at the file in a terminal is not to obey its data either. */
const escape = (text: string): string =>
  text.replaceAll(/(?!\s)\p{Cc}/gu, "\ufffd").replaceAll(/[&<>"']/g, (char) => `&#${char.codePointAt(0)};`)

/** Text of the data keeps its direction to itself. */
const bdi = (text: string): string => `<bdi>${escape(text)}</bdi>`

/** JSON that no HTML parser takes for anything else. */
const json = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    /[<>&\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, "0")}`
  )
