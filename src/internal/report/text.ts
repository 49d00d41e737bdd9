/**
 * Text for a terminal: aligned columns, numbers as people read them, and nothing
 * of the data that a terminal would obey.
 */
import * as Duration from "effect/Duration"
import { format } from "effect/Formatter"
import { cut, head } from "../../errors/text.ts"

export { cut, head } from "../../errors/text.ts"

/** What colours a text; `styleText` of `node:util` is one. */
export type StyleText = (style: "bold" | "dim" | "green" | "red" | "yellow" | "cyan", text: string) => string

export const plain: StyleText = (_style, text) => text

export const count = (value: number): string => value.toLocaleString("en")

export const plural = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? "" : "s"}`

/** As short as a reader needs it: three digits. */
export const duration = (value: Duration.Duration): string => {
  const millis = Duration.toMillis(value)
  if (!Number.isFinite(millis)) return "∞"
  if (millis < 1000) return `${Math.round(millis)} ms`
  if (millis < 60_000) return `${Number((millis / 1000).toPrecision(3))} s`
  const seconds = Math.round(millis / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  return hours > 0 ? `${count(hours)} h ${minutes} min` : `${minutes} min ${seconds % 60} s`
}

/** One line, in which control characters are shown and not obeyed. */
export const printable = (text: string): string =>
  text
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (char) => {
      const code = char.codePointAt(0)!.toString(16)
      return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`
    })
    .trim()

/** What reads values of the caller: their getters and functions may throw, and a report of a thousand others is wanted all the same. */
export const safely = <A>(f: () => A, otherwise: A): A => {
  try {
    return f()
  } catch {
    return otherwise
  }
}

/** Any value, also one whose own functions throw. */
export const show = (value: unknown): string => safely(() => format(value), "a value that cannot be shown")

/** As `cut`; of what has a path in it the end stays as well, which tells one file from another. */
export const cutPath = (text: string, length: number): string => {
  if (text.length <= length || length < 8 || !/[\\/]/.test(text)) return cut(text, length)
  const first = Math.floor(length / 3)
  const from = text.length - (length - 1 - first)
  const code = text.charCodeAt(from)
  return `${head(text, first)}…${text.slice(code >= 0xdc00 && code <= 0xdfff ? from + 1 : from)}`
}

/** Lays out rows; a column whose cells are all numbers stands to the right. Styles come after the padding. */
export const table = (
  rows: ReadonlyArray<ReadonlyArray<string>>,
  right: ReadonlyArray<boolean>,
  style: (text: string, column: number, row: number) => string = (text) => text
): ReadonlyArray<string> => {
  const widths = right.map((_, column) => rows.reduce((most, row) => Math.max(most, row[column]!.length), 0))
  return rows.map((row, index) => {
    // Nothing stands at the end of a line that nobody sees.
    const last = row.findLastIndex((cell) => cell !== "")
    return row
      .slice(0, last + 1)
      .map((cell, column) => {
        const padded = right[column]
          ? cell.padStart(widths[column]!)
          : column === last
            ? cell
            : cell.padEnd(widths[column]!)
        return style(padded, column, index)
      })
      .join("  ")
  })
}
