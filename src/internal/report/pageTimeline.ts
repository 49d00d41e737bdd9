/**
 * The part of the page's script that draws the timeline: a row for each item that ran at the same time.
 */

export const timelineScript = String.raw`
let showItem = () => {}
const drawTimeline = () => {
  const canvas = $("canvas")
  if (canvas === null) return
  const tip = $("tip")
  const said = $("said")
  const context = canvas.getContext("2d")
  const rows = []
  for (let row = 0; row < count; row++) if (data.start[row] >= 0 && !isReused.has(row)) rows.push(row)
  rows.sort((a, b) => data.start[a] - data.start[b] || data.index[a] - data.index[b])

  // Every item takes the lane that has been free for the longest time.
  const lanes = []
  const laneOf = new Int32Array(count)
  const heap = []
  const before = (a, b) => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1])
  const push = (entry) => {
    let at = heap.push(entry) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      if (!before(heap[at], heap[up])) break
      const swap = heap[at]; heap[at] = heap[up]; heap[up] = swap
      at = up
    }
  }
  const pop = () => {
    const top = heap[0]
    const last = heap.pop()
    if (heap.length === 0) return top
    heap[0] = last
    for (let at = 0;;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < heap.length && before(heap[child], heap[least])) least = child
      if (least === at) return top
      const swap = heap[at]; heap[at] = heap[least]; heap[least] = swap
      at = least
    }
  }
  let latest = 0
  for (const row of rows) {
    const start = data.start[row]
    const end = start + data.dur[row]
    const lane = heap.length > 0 && heap[0][0] <= start ? pop()[1] : lanes.push([]) - 1
    lanes[lane].push(row)
    laneOf[row] = lane
    push([end, lane])
    if (end > latest) latest = end
  }
  const whole = Math.max(latest, 1)
  const axis = 26
  const strip = 12
  // Never taller than a screen: of very many lanes several share a line, and what failed is drawn over the others.
  const laneHeight = Math.min(20, 420 / Math.max(lanes.length, 1))
  const height = Math.ceil(axis + strip + lanes.length * laneHeight + 4)
  let from = 0
  let to = whole
  let width = 0
  let selected = -1
  let drag
  let colours

  const readColours = () => {
    const style = getComputedStyle(document.documentElement)
    const get = (name) => style.getPropertyValue("--" + name).trim()
    colours = {
      S: get("ok"), F: get("bad"), K: get("skip"), I: get("warn"), N: get("none"),
      line: get("line"), text: get("muted"), fg: get("fg"), track: get("track"), accent: get("accent"),
      steps: [0, 1, 2, 3, 4, 5, 6, 7].map((at) => get("s" + at))
    }
  }
  const x = (ms) => ((ms - from) / (to - from)) * width
  const ms = (at) => from + (at / width) * (to - from)
  const top = (row) => axis + strip + laneOf[row] * laneHeight
  const tick = (span) => {
    const rough = span / Math.max(2, width / 110)
    const power = Math.pow(10, Math.floor(Math.log10(rough)))
    for (const factor of [1, 2, 5, 10]) if (factor * power >= rough) return Math.max(1, factor * power)
    return 10 * power
  }
  const bar = (row, start, end, colour) => {
    const left = x(start)
    const gap = laneHeight > 5 ? 1 : 0
    const wide = Math.max(x(end) - left - (x(end) - left > 3 ? 0.5 : 0), 1)
    if (left > width || left + wide < 0) return
    context.fillStyle = colour
    context.fillRect(left, top(row) + gap / 2, wide, Math.max(laneHeight - gap, 0.8))
  }
  const paint = (row) => {
    const tag = data.tags[row]
    const start = data.start[row]
    const end = start + data.dur[row]
    const steps = data.timings === null ? undefined : data.timings[row]
    if (steps === undefined || steps === null || steps.length === 0) return bar(row, start, end, colours[tag])
    const path = data.paths[data.path[row]]
    for (let at = 0; at < steps.length; at++) {
      const last = at === steps.length - 1
      const colour = last && tag !== "S" ? colours[tag] : colours.steps[path[at] % 8]
      bar(row, steps[at], last ? end : steps[at + 1], colour)
    }
  }
  const draw = () => {
    width = canvas.clientWidth
    const ratio = window.devicePixelRatio || 1
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, width, height)
    context.font = "12px system-ui, sans-serif"
    context.textBaseline = "middle"
    const step = tick(to - from)
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      const left = Math.round(x(at)) + 0.5
      context.strokeStyle = colours.line
      context.beginPath()
      context.moveTo(left, axis - 4)
      context.lineTo(left, height)
      context.stroke()
      context.fillStyle = colours.text
      const label = duration(at)
      const wide = context.measureText(label).width
      context.fillText(label, Math.min(Math.max(left - wide / 2, 0), width - wide), 10)
    }
    context.fillStyle = colours.track
    context.fillRect(0, axis, width, strip - 4)
    for (const row of rows) if (data.tags[row] !== "F") paint(row)
    // What failed comes last, so that it is seen where there is more than a screen can show.
    for (const row of rows) {
      if (data.tags[row] !== "F") continue
      paint(row)
      context.fillStyle = colours.F
      context.fillRect(x(data.start[row] + data.dur[row]) - 0.75, axis, 1.5, strip - 4)
    }
    if (selected >= 0) {
      const left = x(data.start[selected])
      context.strokeStyle = colours.fg
      context.lineWidth = 2
      context.strokeRect(left - 1, top(selected) - 1, Math.max(x(data.start[selected] + data.dur[selected]) - left, 3) + 2, Math.max(laneHeight, 3) + 2)
      context.lineWidth = 1
    }
    if (drag !== undefined && drag.moved) {
      context.fillStyle = colours.accent
      context.globalAlpha = 0.18
      context.fillRect(Math.min(drag.from, drag.at), axis, Math.abs(drag.at - drag.from), height - axis)
      context.globalAlpha = 1
    }
    $("reset").disabled = from === 0 && to === whole
    $("out").disabled = from === 0 && to === whole
  }
  let due = false
  const redraw = () => {
    if (due) return
    due = true
    requestAnimationFrame(() => {
      due = false
      draw()
    })
  }
  const zoom = (start, end) => {
    const span = Math.min(Math.max(end - start, Math.min(whole, 1)), whole)
    from = Math.min(Math.max(start, 0), whole - span)
    to = from + span
    redraw()
  }
  const zoomBy = (factor, at) => zoom(at - (at - from) * factor, at + (to - at) * factor)
  const describe = (row) => {
    const parts = [names[data.tags[row]] + (where(row) === "" ? "" : " in " + where(row)), "from " + duration(data.start[row]) + " for " + duration(data.dur[row])]
    if (data.attempts[row] > 1) parts.push(data.attempts[row] + " calls")
    return parts.join(", ")
  }
  const find = (left, high) => {
    const lane = lanes[Math.floor((high - axis - strip) / laneHeight)]
    if (lane === undefined) return -1
    const at = ms(left)
    const near = (3 / width) * (to - from)
    let low = 0
    let top = lane.length
    while (low < top) {
      const middle = (low + top) >> 1
      if (data.start[lane[middle]] <= at + near) low = middle + 1
      else top = middle
    }
    const row = lane[low - 1]
    return row !== undefined && data.start[row] + data.dur[row] + near >= at ? row : -1
  }
  const showTip = (row, left, high) => {
    tip.hidden = row < 0
    if (row < 0) return
    tip.replaceChildren(element("b", {}, text(label(row))), describe(row))
    if (data.detail[row] !== "") tip.append(element("div", {}, text(data.detail[row].slice(0, 160))))
    const chart = canvas.parentElement
    const half = tip.offsetWidth / 2
    tip.style.left = Math.min(Math.max(left - half, 0), chart.clientWidth - tip.offsetWidth) + "px"
    tip.style.top = high + 18 + "px"
  }
  const select = (row) => {
    selected = row
    if (row < 0) return redraw()
    const middle = data.start[row] + data.dur[row] / 2
    if (middle < from || middle > to) zoom(middle - (to - from) / 2, middle + (to - from) / 2)
    said.textContent = "Item " + data.index[row] + ", " + label(row) + ": " + describe(row)
    draw()
    showTip(row, x(middle), top(row) + laneHeight - 8)
  }
  canvas.addEventListener("pointerdown", (event) => {
    drag = { from: event.offsetX, at: event.offsetX, moved: false }
    canvas.setPointerCapture(event.pointerId)
  })
  canvas.addEventListener("pointermove", (event) => {
    if (drag === undefined) return showTip(find(event.offsetX, event.offsetY), event.offsetX, event.offsetY)
    drag.at = event.offsetX
    drag.moved = drag.moved || Math.abs(drag.at - drag.from) > 4
    tip.hidden = true
    redraw()
  })
  canvas.addEventListener("pointerup", (event) => {
    const { at, from: began, moved } = drag ?? { moved: false }
    drag = undefined
    if (moved) return zoom(ms(Math.min(at, began)), ms(Math.max(at, began)))
    const row = find(event.offsetX, event.offsetY)
    select(row)
    if (row >= 0) showItem(row)
  })
  canvas.addEventListener("pointerleave", () => {
    if (drag === undefined) tip.hidden = true
  })
  canvas.addEventListener("pointercancel", () => {
    drag = undefined
    redraw()
  })
  canvas.addEventListener("dblclick", () => zoom(0, whole))
  canvas.addEventListener("blur", () => {
    tip.hidden = true
  })
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return
    event.preventDefault()
    zoomBy(event.deltaY > 0 ? 1.25 : 0.8, ms(event.offsetX))
  }, { passive: false })
  const failed = rows.filter((row) => data.tags[row] === "F")
  const walk = (list, by) => {
    const at = list.indexOf(selected)
    if (list.length > 0) select(list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1)])
  }
  const keys = {
    ArrowRight: () => walk(rows, 1), ArrowLeft: () => walk(rows, -1),
    Home: () => select(rows[0] ?? -1), End: () => select(rows[rows.length - 1] ?? -1),
    f: () => walk(failed, 1), F: () => walk(failed, -1),
    "+": () => $("in").click(), "-": () => $("out").click(), 0: () => $("reset").click(),
    Enter: () => selected >= 0 && showItem(selected),
    Escape: () => { tip.hidden = true; select(-1) }
  }
  canvas.addEventListener("keydown", (event) => {
    const action = keys[event.key]
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    action()
  })
  const middle = () => (selected >= 0 ? data.start[selected] : (from + to) / 2)
  $("in").addEventListener("click", () => zoomBy(0.5, middle()))
  $("out").addEventListener("click", () => zoomBy(2, middle()))
  $("reset").addEventListener("click", () => zoom(0, whole))
  for (const entry of document.querySelectorAll("#legend [data-step]")) {
    entry.firstElementChild.classList.add("s-" + (data.steps.indexOf(entry.dataset.step) % 8))
  }
  const most = $("most")
  if (most !== null) most.textContent = number(lanes.length)
  canvas.style.height = height + "px"
  readColours()
  draw()
  new ResizeObserver(redraw).observe(canvas)
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours()
    redraw()
  })
}
`
