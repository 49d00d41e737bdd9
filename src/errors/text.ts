/**
 * What was thrown, or failed with, or ended a batch, as a line of text.
 */
import * as Cause from "effect/Cause"
import { format } from "effect/Formatter"
import type * as Report from "../Report.ts"
import { read, readText, responseText } from "./response.ts"

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

const textOf = (error: unknown): string => (showsCause(error) ? ownText(error) : withCauses(ownText(error), error))

/** What an error says without its causes. */
const ownText = (error: unknown): string => {
  if (typeof error === "string") return error
  if (typeof error !== "object" || error === null) return format(error)
  const response = responseText(error)
  if (response !== undefined) return `Response: ${response}`
  const { _tag: tag, message, name, ...fields } = error as Record<string, unknown>
  const called = isText(tag) ? tag : error instanceof Error ? String(name) : undefined
  if (called === undefined) return format(error)
  if (isText(message)) return `${called}: ${message}`
  return Object.keys(fields).length === 0 ? called : `${called}: ${format(fields)}`
}

/** Whether the cause of an error without a message is one of the fields that are shown for it. */
export const showsCause = (error: unknown): boolean =>
  typeof error === "object" &&
  error !== null &&
  !isText(read(error, "message")) &&
  Object.prototype.propertyIsEnumerable.call(error, "cause")

const isText = (value: unknown): value is string => typeof value === "string" && value !== ""

/** What was thrown, for a message that says who threw it: an `Error` by its message alone. */
export const thrownText = (thrown: unknown): string => {
  try {
    if (responseText(thrown) !== undefined) return errorText(thrown)
    if (!(thrown instanceof Error)) return format(thrown)
    return thrown.message === "" ? errorText(thrown) : withCauses(thrown.message, thrown)
  } catch {
    return "a value that cannot be shown"
  }
}

/** `Cause.pretty`, which would show nothing of a response. */
export const prettyOf = (cause: Cause.Cause<unknown>): string => {
  const reasons = cause.reasons.map((reason): Cause.Reason<unknown> => {
    if (reason._tag === "Interrupt") return reason
    const message = responseText(reason._tag === "Fail" ? reason.error : reason.defect)
    return message === undefined ? reason : Cause.makeFailReason({ name: "Response", message })
  })
  return Cause.pretty(Cause.fromReasons(reasons))
}

/** The first line of a cause; an error without a message says what it is by its fields. */
export const lineOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const [first = "", second = ""] = prettyOf(cause).split("\n")
  const line = second.startsWith("  [cause]:") ? first.replace(/ \{$/, "") : first
  return line.trimEnd().endsWith(":") ? errorText(error) : withCauses(line, error)
}

/** So many causes are followed; more of them say nothing new. */
const deepest = 5

/** Of the errors of one that has several. */
const mostErrors = 3

/**
 * A text of an error, with what its causes say behind it: `fetch failed` says nothing, its cause does. Nothing is said
 * twice.
 */
export const withCauses = (text: string, error: unknown): string => {
  let said = text
  const say = (more: string | undefined): void => {
    if (more === undefined || isIn(said, more)) return
    said = isIn(more, said) ? more : `${said}: ${more}`
  }
  const sayErrors = (part: unknown): void => {
    const texts = errorsOf(part).filter((more) => !isIn(said, more))
    if (texts.length > 0) say([...new Set(texts)].slice(0, mostErrors).join(", "))
  }
  sayErrors(error)
  const seen = new Set([error])
  let part = causeOf(error)
  while (part !== undefined && !seen.has(part) && seen.size <= deepest) {
    seen.add(part)
    const own = partOf(part)
    say(own)
    sayErrors(part)
    const code = readText(part, "code")
    if (code !== undefined && /^[A-Z]\w+$/.test(code) && !said.includes(code)) {
      if (own === undefined) say(code)
      else said = `${said} (${code})`
    }
    part = causeOf(part)
  }
  return said
}

/** Whether a text stands in another one as a whole, and not within a word. */
const isIn = (whole: string, text: string): boolean => {
  let at = whole.indexOf(text)
  // A text that repeats itself must not take the time of its square.
  for (let hit = 0; at >= 0 && hit < 10; hit++, at = whole.indexOf(text, at + 1)) {
    const isCut = isWithin(whole, at) || isWithin(whole, at + text.length)
    if (!isCut) return true
  }
  return false
}

const isWithin = (text: string, at: number): boolean => /^\w\w$/.test(text.slice(Math.max(0, at - 1), at + 1))

const causeOf = (error: unknown): unknown => {
  const cause = read(error, "cause")
  if (!Cause.isCause(cause)) return cause
  return Cause.hasInterruptsOnly(cause) ? undefined : Cause.squash(cause)
}

/** What a cause says by itself. */
const partOf = (part: unknown): string | undefined => {
  if (typeof part === "string") return lineFrom(part)
  const said = responseText(part) ?? readText(part, "message")
  if (said !== undefined) return lineFrom(said)
  if (readText(part, "_tag") !== undefined) return lineFrom(orNothing(() => ownText(part)))
  const name = readText(part, "name")
  return name === "Error" || name === "AggregateError" ? undefined : name
}

/** The host has several addresses, and none of them answers: the message is empty. */
const errorsOf = (part: unknown): ReadonlyArray<string> => {
  const errors = read(part, "name") === "AggregateError" ? read(part, "errors") : undefined
  return Array.isArray(errors) ? errors.slice(0, 100).flatMap((error) => partOf(error) ?? []) : []
}

const orNothing = (f: () => string): string => {
  try {
    return f()
  } catch {
    return ""
  }
}

const lineFrom = (text: string): string | undefined => {
  const line = cut(
    head(text, 10 * longest)
      .replaceAll(/\s+/g, " ")
      .trim(),
    longest
  )
  return line === "" ? undefined : line
}

/** What has ended a batch that failed. */
export const stoppedBy = (endedBy: Report.EndedBy): string => {
  if (endedBy._tag !== "Tolerance") return "at its first failure"
  const { ended, failed, limit, tag } = endedBy
  return `because ${failed} of ${ended} items failed${tag === undefined ? "" : ` with ${tag}`}, and ${limit} are tolerated`
}
