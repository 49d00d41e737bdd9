/**
 * What the examples show on a terminal: a progress bar while they work, and tables.
 */
import cliProgress from "cli-progress"
import { Duration, Effect, Stdio, Stream, SubscriptionRef } from "effect"
import { stdout } from "node:process"
import type { Batch } from "parallel-batch-pipeline/effect"

/** Shows how far a batch is until it ends; where there is no terminal, as a plain line a second, and one at the end. */
export const showProgress = Effect.fnUntraced(function* (
  progress: SubscriptionRef.SubscriptionRef<Batch.Progress>,
  unit: string
) {
  const onTerminal = yield* Effect.flatMap(Stdio.Stdio, (stdio) => stdio.stdoutIsTerminal)
  const bar = new cliProgress.SingleBar(
    {
      format: `${onTerminal ? "[{bar}] " : ""}{percentage} %, {value} of {total} ${unit}, {rate}/s, {left}`,
      hideCursor: true,
      noTTYOutput: true,
      notTTYSchedule: 1000,
      stream: stdout
    },
    cliProgress.Presets.shades_classic
  )
  const update = ({ eta, failed, rate, skipped, state, succeeded }: Batch.Progress) =>
    Effect.sync(() =>
      bar.update(succeeded + failed + skipped, {
        rate: Math.round(rate),
        left: state === "ended" ? "done" : eta === undefined ? "..." : `${Math.ceil(Duration.toSeconds(eta))} s left`
      })
    )
  const { total } = yield* SubscriptionRef.get(progress)
  bar.start(total ?? 0, 0, { rate: 0, left: "..." })
  yield* SubscriptionRef.changes(progress).pipe(
    Stream.tap(update),
    Stream.takeUntil(({ state }) => state === "ended"),
    Stream.runDrain,
    Effect.ensuring(Effect.sync(() => bar.stop()))
  )
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
