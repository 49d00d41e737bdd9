/**
 * What the examples show on a terminal: a progress bar while they work, and tables.
 */
import cliProgress from "cli-progress"
import { Effect, Stdio } from "effect"
import { stdout } from "node:process"

/** Starts a progress bar; where there is no terminal, it is a plain line a second, and one at the end. */
export const startProgress = Effect.fnUntraced(function* (total: number, unit: string) {
  const onTerminal = yield* Effect.flatMap(Stdio.Stdio, (stdio) => stdio.stdoutIsTerminal)
  const bar = new cliProgress.SingleBar(
    {
      format: `${onTerminal ? "[{bar}] " : ""}{percentage} %, {value} of {total} ${unit}, {duration_formatted}`,
      hideCursor: true,
      noTTYOutput: true,
      notTTYSchedule: 1000,
      stream: stdout
    },
    cliProgress.Presets.shades_classic
  )
  bar.start(total, 0)
  return { advance: Effect.sync(() => bar.increment()), stop: Effect.sync(() => bar.stop()) }
})

/** Lays rows out in columns: numbers to the right, texts to the left. The first row is the heading, the last the sum. */
export const table = (
  heading: ReadonlyArray<string>,
  ...rows: ReadonlyArray<ReadonlyArray<string | number>>
): string => {
  const show = (cell: string | number) => (typeof cell === "number" ? cell.toLocaleString("en") : cell)
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => show(row[column] ?? "").length))
  )
  const isNumber = heading.map((_, column) => rows.every((row) => typeof row[column] === "number"))
  const line = (row: ReadonlyArray<string | number>) =>
    row
      .map((cell, column) =>
        isNumber[column] ? show(cell).padStart(widths[column]!) : show(cell).padEnd(widths[column]!)
      )
      .join("  ")
      .trimEnd()
  return [heading, ...rows].map(line).join("\n")
}
