/**
 * What was thrown, or failed with, or ended a batch, as a line of text.
 */
import * as Cause from "effect/Cause"
import { format } from "effect/Formatter"
import type * as Report from "../Report.ts"

/** A longer text would bury the message that it stands in. */
const longest = 300

/** The beginning of a text, which ends with a whole character. */
export const head = (text: string, length: number): string => {
  if (text.length <= length) return text
  const last = text.charCodeAt(length - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length)
}

export const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${head(text, Math.max(0, length - 1))}…`

/** Any value, also one whose own functions throw; of an error without a message its fields. */
export const errorText = (error: unknown): string => {
  try {
    return cut(textOf(error).replaceAll(/\s+/g, " ").trim(), longest)
  } catch {
    return "a value that cannot be shown"
  }
}

/** Any value, as short as a message takes it. */
export const shown = (value: unknown): string => {
  try {
    return cut(format(value), 120)
  } catch {
    return "that cannot be shown"
  }
}

/** What was thrown, as it says itself: of an error its message, else the value. */
export const messageOf = (thrown: unknown): string => {
  try {
    return thrown instanceof Error ? thrown.message || errorText(thrown) : format(thrown)
  } catch {
    return "a value that cannot be shown"
  }
}

const textOf = (error: unknown): string => {
  if (typeof error === "string") return error
  if (typeof error !== "object" || error === null) return format(error)
  const { _tag: tag, message, name, ...fields } = error as Record<string, unknown>
  const called = isText(tag) ? tag : error instanceof Error ? String(name) : undefined
  if (called === undefined) return format(error)
  if (isText(message)) return `${called}: ${message}`
  return Object.keys(fields).length === 0 ? called : `${called}: ${format(fields)}`
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== ""

/** The first line of a cause; an error without a message says what it is by its fields. */
export const lineOf = (cause: Cause.Cause<unknown>): string => {
  const [line = ""] = Cause.pretty(cause).split("\n")
  return line.trimEnd().endsWith(":") ? errorText(Cause.squash(cause)) : line
}

/** What has ended a batch that failed. */
export const stoppedBy = (endedBy: Report.EndedBy): string => {
  if (endedBy._tag !== "Tolerance") return "at its first failure"
  const { ended, failed, limit, tag } = endedBy
  return `because ${failed} of ${ended} items failed${tag === undefined ? "" : ` with ${tag}`}, and ${limit} are tolerated`
}
