/**
 * The part of the page's script that shows the table of items.
 */

export const tableScript = String.raw`
const size = 50
const state = { text: "", tags: new Set("SFKIN"), step: "", group: -1, sort: "index", down: false, page: 0, open: new Set() }
const haystacks = []
const haystack = (row) => (haystacks[row] ??= (data.key[row] + "\n" + data.params[row] + "\n" + data.detail[row] + "\n" + data.output[row]).toLowerCase())
const outcomes = "FIKNS"
const values = {
  index: (row) => data.index[row], key: (row) => data.key[row], outcome: (row) => outcomes.indexOf(data.tags[row]), where,
  attempts: (row) => data.attempts[row], start: (row) => data.start[row], dur: (row) => data.dur[row]
}
const passes = (row) => {
  if (!state.tags.has(data.tags[row])) return false
  if (state.group >= 0 && data.group[row] !== state.group) return false
  if (state.step !== "" && where(row) !== state.step) return false
  return state.text === "" || haystack(row).includes(state.text)
}
let found = []
const search = () => {
  found = []
  for (let row = 0; row < count; row++) if (passes(row)) found.push(row)
  const value = values[state.sort]
  const sign = state.down ? -1 : 1
  const collator = new Intl.Collator("en", { numeric: true })
  found.sort((a, b) => {
    const [left, right] = [value(a), value(b)]
    const order = typeof left === "string" ? collator.compare(left, right) : left - right
    return sign * order || data.index[a] - data.index[b]
  })
  state.page = Math.min(state.page, Math.max(0, Math.ceil(found.length / size) - 1))
}
const badge = (tag) =>
  element("span", { class: "badge" }, element("span", { class: "dot c-" + tag, "aria-hidden": "true" }), signs[tag] + " " + names[tag])
const details = (row) => {
  const list = element("dl", {})
  const add = (name, ...content) => list.append(element("dt", { textContent: name }), element("dd", {}, ...content))
  const pre = (value) => element("pre", { textContent: value, tabIndex: value.length > 1200 ? 0 : -1 })
  add("Key", text(data.key[row]))
  add("Params", pre(data.params[row]))
  if (data.stacks[row] !== undefined) add("Cause", pre(data.stacks[row]))
  else if (data.detail[row] !== "") add(data.tags[row] === "F" ? "Error" : "Reason", pre(data.detail[row]))
  if (data.output[row] !== "") add("Output", pre(data.output[row]))
  const path = data.paths[data.path[row]] ?? []
  const timings = data.timings === null ? undefined : data.timings[row]
  const end = data.start[row] + data.dur[row]
  const steps = path.map((step, at) => {
    const start = timings === undefined || timings === null ? undefined : timings[at]
    return data.steps[step] + (start === undefined ? "" : " (" + duration((timings[at + 1] ?? end) - start) + ")")
  })
  if (steps.length > 0) add("Steps", text(steps.join(" → ")))
  if (data.start[row] >= 0) add("Time", "started after " + duration(data.start[row]) + ", took " + duration(data.dur[row]) + ", " + number(data.attempts[row]) + (data.attempts[row] === 1 ? " call" : " calls"))
  return list
}
const line = (row) => {
  const open = state.open.has(row)
  const button = element("button", { class: "link clip", type: "button", "aria-expanded": String(open) }, text(label(row)))
  const cells = [
    element("td", { class: "num n", textContent: number(data.index[row]) }),
    element("td", { class: "k" }, button),
    element("td", { class: "o" }, badge(data.tags[row])),
    element("td", { class: "w" }, text(where(row))),
    element("td", { class: "num n", textContent: data.start[row] < 0 ? "" : number(data.attempts[row]) }),
    element("td", { class: "num t", textContent: data.start[row] < 0 ? "" : isReused.has(row) ? "reused" : duration(data.start[row]) }),
    element("td", { class: "num t", textContent: data.start[row] < 0 ? "" : duration(data.dur[row]) }),
    element("td", {}, element("div", { class: "clip" }, text(data.detail[row] !== "" ? data.detail[row] : data.output[row])))
  ]
  const item = element("tr", { class: "item" }, ...cells)
  const more = element("tr", { class: "more", hidden: !open }, element("td", { colSpan: innerWidth <= 640 ? 3 : cells.length }))
  if (open) more.firstChild.append(details(row))
  button.addEventListener("click", () => {
    const opens = more.hidden
    more.hidden = !opens
    button.setAttribute("aria-expanded", String(opens))
    if (opens) state.open.add(row)
    else state.open.delete(row)
    if (opens && more.firstChild.childNodes.length === 0) more.firstChild.append(details(row))
  })
  return [item, more]
}
const show = () => {
  const start = state.page * size
  const rows = found.slice(start, start + size)
  $("rows").replaceChildren(...rows.flatMap(line))
  $("nothing").hidden = found.length > 0
  if (count === 0) $("nothing").textContent = "There are no items."
  $("range").textContent =
    found.length === 0 ? "No items" : "Items " + number(start + 1) + " to " + number(start + rows.length) + " of " + number(found.length)
  $("prev").disabled = state.page === 0
  $("next").disabled = start + size >= found.length
  for (const head of document.querySelectorAll("#items th")) {
    if (head.dataset.sort === state.sort) head.setAttribute("aria-sort", state.down ? "descending" : "ascending")
    else head.removeAttribute("aria-sort")
  }
  $("active").hidden = state.group < 0
}
const update = () => {
  search()
  show()
}
const filter = (change) => {
  Object.assign(state, change, { page: 0 })
  update()
}
$("search").addEventListener("input", (event) => filter({ text: event.target.value.trim().toLowerCase() }))
for (const box of document.querySelectorAll("#tags input")) {
  box.addEventListener("change", () => {
    if (box.checked) state.tags.add(box.value)
    else state.tags.delete(box.value)
    filter({})
  })
}
for (const step of data.steps) $("step").append(element("option", { value: step, textContent: step }))
$("step").addEventListener("change", (event) => filter({ step: event.target.value }))
for (const head of document.querySelectorAll("#items th[data-sort]")) {
  head.firstElementChild.addEventListener("click", () => {
    const sort = head.dataset.sort
    filter({ sort, down: state.sort === sort ? !state.down : sort === "dur" || sort === "attempts" })
  })
}
const turn = (by) => {
  state.page += by
  show()
  $("items").scrollIntoView({ block: "nearest" })
}
$("prev").addEventListener("click", () => turn(-1))
$("next").addEventListener("click", () => turn(1))
const setTags = (tags) => {
  state.tags = new Set(tags)
  for (const box of document.querySelectorAll("#tags input")) box.checked = state.tags.has(box.value)
}
const reset = () => {
  setTags("SFKIN")
  $("search").value = ""
  $("step").value = ""
  Object.assign(state, { text: "", step: "", group: -1, page: 0 })
}
$("clear").addEventListener("click", () => {
  reset()
  update()
  $("search").focus()
})
showItem = (row) => {
  reset()
  search()
  state.page = Math.floor(found.indexOf(row) / size)
  state.open.add(row)
  show()
  const button = $("rows").querySelectorAll("tr.item")[found.indexOf(row) % size].querySelector("button")
  button.focus({ preventScroll: true })
  button.scrollIntoView({ block: "center" })
}
for (const button of document.querySelectorAll("[data-group]")) {
  button.addEventListener("click", () => {
    reset()
    state.group = Number(button.dataset.group)
    $("which").textContent = "Only the failures: " + button.dataset.label
    update()
    $("items-title").scrollIntoView({ block: "start" })
    $("clear").focus({ preventScroll: true })
  })
}
for (const button of document.querySelectorAll("[data-item]")) {
  button.addEventListener("click", () => showItem(Number(button.dataset.item)))
}
update()
drawTimeline()
document.documentElement.dataset.ready = String(Math.round(performance.now()))
`
