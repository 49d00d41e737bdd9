/**
 * The style sheet of the page that `toHtml` makes. It is the same for every report,
 * for the page allows no other than the one with its hash.
 */

export const style = `
:root {
  color-scheme: light dark;
  --bg: #f7f7f5; --card: #ffffff; --fg: #1d1e20; --muted: #5d6168; --faint: #696d75; --line: #e3e3df; --hover: #f1f1ee;
  --accent: #2458d3; --track: #ebebe7;
  --ok: #1f8a54; --bad: #cf3034; --skip: #7a808a; --warn: #b56a00; --none: #a9adb5;
  --ok-soft: #e3f4ea; --bad-soft: #fdeaea; --skip-soft: #eeeff1; --warn-soft: #fdf1dd;
  --s0: #4a7fd6; --s1: #6bb39a; --s2: #9a78d0; --s3: #d9a441; --s4: #57b5cf; --s5: #c77fae; --s6: #93a345; --s7: #8c8f9c;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #121316; --card: #1a1c20; --fg: #e7e8ea; --muted: #a4a9b2; --faint: #888e98; --line: #2c2f35; --hover: #22252a;
    --accent: #8ab0ff; --track: #2a2d33;
    --ok: #52c98a; --bad: #ff7376; --skip: #9aa1ac; --warn: #f0b350; --none: #646a74;
    --ok-soft: #16301f; --bad-soft: #3a1b1d; --skip-soft: #272a2f; --warn-soft: #35290f;
    --s0: #6f9cf0; --s1: #6fc2a5; --s2: #b195e6; --s3: #e2b85e; --s4: #68c4de; --s5: #dc98c4; --s6: #aebd5c; --s7: #a2a6b4;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0; letter-spacing: -0.02em; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0; letter-spacing: -0.01em; }
p { margin: 0; }
.sub { color: var(--muted); margin-top: 6px; overflow-wrap: anywhere; }
.version { color: var(--muted); font-weight: 400; }
.notes { margin: 18px 0 0; padding: 10px 14px; list-style: none; background: var(--warn-soft); color: var(--fg); border-left: 3px solid var(--warn); border-radius: 6px; overflow-wrap: anywhere; }
section { margin-top: 20px; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 22px; }
section > header { display: flex; flex-wrap: wrap; gap: 6px 16px; align-items: baseline; justify-content: space-between; margin-bottom: 14px; }
.hint { color: var(--muted); font-size: 13px; }
code, .mono { font-family: var(--mono); font-size: 0.88em; }
bdi { unicode-bidi: isolate; }

.counts { display: flex; flex-wrap: wrap; gap: 14px 40px; margin: 0; }
.counts div { min-width: 92px; }
.counts dt { color: var(--muted); font-size: 13px; display: flex; align-items: center; gap: 6px; }
.counts dd { margin: 0; font-size: 28px; line-height: 1.25; font-weight: 620; font-variant-numeric: tabular-nums; letter-spacing: -0.02em; }
.counts dd small { font-size: 13px; font-weight: 400; color: var(--muted); letter-spacing: 0; margin-left: 6px; }
.dot { width: 9px; height: 9px; border-radius: 3px; display: inline-block; flex: none; }
.bar { display: block; width: 100%; height: 10px; border-radius: 5px; margin-top: 18px; background: var(--track); }
.c-S { background: var(--ok); } .c-F { background: var(--bad); } .c-K { background: var(--skip); } .c-I { background: var(--warn); } .c-N { background: var(--none); }
.f-S { fill: var(--ok); } .f-F { fill: var(--bad); } .f-K { fill: var(--skip); } .f-I { fill: var(--warn); } .f-N { fill: var(--none); }
.good { color: var(--ok); }

.scroll { overflow-x: auto; margin: 0 -22px -8px; padding: 0 22px 8px; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
table { border-collapse: collapse; width: 100%; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
th { text-align: left; font-weight: 500; font-size: 13px; color: var(--muted); padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: bottom; }
td { padding: 8px 12px 8px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
tbody tr:last-child > * { border-bottom: 0; }
th:last-child, td:last-child { padding-right: 0; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th[scope="row"] { color: inherit; font-size: inherit; font-weight: 400; padding: 8px 12px 8px 0; vertical-align: top; }
.groups { min-width: 760px; }
.groups td:nth-child(1), .groups th:nth-child(1) { width: 64px; padding-right: 20px; }
.groups td:nth-child(2), .groups td:nth-child(3) { overflow-wrap: break-word; max-width: 200px; min-width: 90px; padding-right: 20px; }
.groups td:nth-child(5) { width: 24%; min-width: 180px; }
.lines { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
.msg { min-width: 260px; padding-right: 28px; }
.example { color: var(--muted); font-size: 13px; margin-top: 2px; }
.tag { font-weight: 600; color: var(--bad); }
.bug { font-size: 12px; padding: 0 6px; border-radius: 4px; background: var(--bad-soft); color: var(--bad); margin-left: 6px; }

button, select, input { font: inherit; color: inherit; }
button { background: none; border: 1px solid var(--line); border-radius: 7px; padding: 4px 11px; cursor: pointer; }
button:hover:not(:disabled) { background: var(--hover); }
button:disabled { opacity: 0.4; cursor: default; }
button:focus-visible, select:focus-visible, input:focus-visible, canvas:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.link { border: 0; padding: 0; color: var(--accent); text-align: left; overflow-wrap: anywhere; border-radius: 3px; }
.link:hover:not(:disabled) { background: none; text-decoration: underline; }
th button { border: 0; padding: 2px 0; border-radius: 3px; font-weight: 500; color: inherit; white-space: nowrap; }
th button:hover:not(:disabled) { background: none; color: var(--fg); }
th button::after { content: " \\2195"; opacity: 0.35; }
th[aria-sort] button { color: var(--fg); }
th[aria-sort="ascending"] button::after { content: " \\2191"; opacity: 1; }
th[aria-sort="descending"] button::after { content: " \\2193"; opacity: 1; }

.tools { display: flex; flex-wrap: wrap; gap: 10px; align-items: center; margin-bottom: 14px; }
.tools input[type="search"] { flex: 1 1 240px; min-width: 0; padding: 6px 11px; border: 1px solid var(--line); border-radius: 7px; background: var(--bg); }
.tools select { padding: 6px 9px; border: 1px solid var(--line); border-radius: 7px; background: var(--bg); max-width: 240px; }
fieldset { border: 0; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: 6px; min-width: 0; }
legend, .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.chip { display: inline-flex; align-items: center; gap: 6px; padding: 4px 11px 4px 9px; border: 1px solid var(--line); border-radius: 99px; cursor: pointer; font-size: 14px; font-variant-numeric: tabular-nums; user-select: none; }
.chip input { position: absolute; opacity: 0; pointer-events: none; }
.chip:has(:checked) { border-color: currentColor; }
.chip:has(input:not(:checked)) { color: var(--faint); }
.chip:has(input:not(:checked)) .dot { opacity: 0.35; }
.chip:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: 2px; }
.active { display: flex; gap: 10px; align-items: baseline; margin-bottom: 10px; font-size: 14px; color: var(--muted); overflow-wrap: anywhere; }
.active[hidden] { display: none; }
.badge { display: inline-flex; align-items: center; gap: 6px; white-space: nowrap; }
.pages { display: flex; flex-wrap: wrap; gap: 10px; align-items: center; justify-content: space-between; margin-top: 14px; color: var(--muted); font-size: 14px; font-variant-numeric: tabular-nums; }
.pages div { display: flex; gap: 8px; }
#items td { padding-top: 7px; padding-bottom: 7px; }
#items tbody tr.item:hover { background: var(--hover); }
#items { table-layout: fixed; min-width: 780px; }
#items .k { width: 23%; } #items .o { width: 146px; } #items .w { width: 15%; } #items .n { width: 70px; } #items .t { width: 88px; }
#items td.n:first-child { color: var(--muted); }
#items th:last-child { padding-bottom: 8px; }
#items th:nth-child(2), #items td:nth-child(2), #items th:last-child, #items tr.item > td:last-child { padding-left: 10px; }
.clip { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
tr.more > td { background: var(--bg); padding: 14px 16px; }
.more dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 6px 18px; margin: 0; font-size: 14px; }
.more dt { color: var(--muted); }
.more dd { margin: 0; }
.more pre { margin: 0; font: 12.5px/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; max-height: 360px; overflow: auto; }
.pages span { min-height: 1.5em; }
.empty { padding: 28px 0; text-align: center; color: var(--muted); }

.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; color: var(--muted); list-style: none; margin: 10px 0 0; padding: 0; }
.legend li { display: flex; align-items: center; gap: 6px; overflow-wrap: anywhere; }
.s-0 { background: var(--s0); } .s-1 { background: var(--s1); } .s-2 { background: var(--s2); } .s-3 { background: var(--s3); }
.s-4 { background: var(--s4); } .s-5 { background: var(--s5); } .s-6 { background: var(--s6); } .s-7 { background: var(--s7); }
.chart { position: relative; }
canvas { display: block; width: 100%; border-radius: 6px; cursor: crosshair; touch-action: pan-y; }
.tip { position: absolute; z-index: 2; max-width: min(360px, 90%); padding: 8px 11px; border-radius: 8px; background: var(--fg); color: var(--bg); font-size: 13px; line-height: 1.45; pointer-events: none; overflow-wrap: anywhere; }
.tip[hidden] { display: none; }
.tip b { font-weight: 600; display: block; }
.zoom { display: flex; gap: 6px; }
.zoom button { font-size: 13px; padding: 2px 10px; }
footer { margin-top: 24px; color: var(--faint); font-size: 13px; }
@media (max-width: 640px) {
  main { padding: 24px 14px 60px; }
  section { padding: 16px; border-radius: 10px; }
  .scroll { margin: 0 -16px -8px; padding: 0 16px 8px; }
  h1 { font-size: 24px; }
  .groups { min-width: 0; }
  .groups, .groups tbody, .groups tr, .groups td { display: block; }
  .groups thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .groups tr { padding: 12px 0; border-bottom: 1px solid var(--line); }
  .groups tr:last-child { border-bottom: 0; }
  .groups td, .groups td:nth-child(n) { border: 0; padding: 0; width: auto; min-width: 0; max-width: none; }
  .groups td:nth-child(-n + 3) { display: inline-block; margin-right: 12px; }
  .groups td:first-child { font-weight: 620; font-size: 17px; }
  .groups td:last-child { margin-top: 4px; }
  #items { min-width: 0; }
  #items th:nth-child(n + 4), #items tr.item > td:nth-child(n + 4) { display: none; }
  #items .k { width: auto; } #items .o { width: 128px; } #items .n { width: 52px; }
  .counts { gap: 12px 28px; }
  .counts dd { font-size: 23px; }
  .more dl { grid-template-columns: minmax(0, 1fr); gap: 2px; }
  .more dd { margin-bottom: 8px; }
}
@media (prefers-reduced-motion: no-preference) { button, .chip { transition: background-color 120ms; } }
@media print { .tools, .pages, .zoom { display: none; } section { break-inside: avoid; } }
`
