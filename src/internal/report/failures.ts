/**
 * Causes as JSON and back.
 */
import * as Cause from "effect/Cause"
import * as Errors from "../../BatchError.ts"
import { RenderedError } from "../../ReportError.ts"
import { messageOf, tagOf } from "./failure.ts"
import type { Place } from "./place.ts"
import type { Codec } from "./schemas.ts"
import { decode, encodeAny, encodePlain, type Json } from "./values.ts"

/** The errors of the library that an item can fail with, and all that has to be said of one to save it. */
const own: Readonly<Record<string, new (fields: never) => unknown>> = {
  DuplicateKey: Errors.DuplicateKey,
  HandlerTimeout: Errors.HandlerTimeout,
  InvalidParams: Errors.InvalidParams,
  SharedDataConflict: Errors.SharedDataConflict,
  TooManySteps: Errors.TooManySteps
}

export const encodeCause = (cause: Cause.Cause<unknown>, codec: Codec | undefined): Json =>
  cause.reasons.map((reason): Json => {
    switch (reason._tag) {
      case "Fail":
        return { _tag: "Fail", ...encodeError(reason.error, codec) }
      case "Die":
        return { _tag: "Die", ...encodeDefect(reason.defect) }
      case "Interrupt":
        return reason.fiberId === undefined ? { _tag: "Interrupt" } : { _tag: "Interrupt", fiberId: reason.fiberId }
    }
  })

/** Tag and message stand there in every case, so that the file is read without the schemas as well. */
const encodeError = (error: unknown, codec: Codec | undefined): { readonly [key: string]: Json } => {
  const text = { tag: tagOf(error), message: messageOf(error) }
  if (error instanceof RenderedError) return { ...text, problem: error.problem }
  const constructor = Object.hasOwn(own, text.tag) ? own[text.tag] : undefined
  if (constructor !== undefined && error instanceof constructor) {
    const { _tag, ...fields } = error as Record<string, unknown>
    return { ...text, own: encodeAny(fields) }
  }
  const encoded = codec?.encode(error)
  if (encoded !== undefined && "json" in encoded) return { ...text, error: encoded.json }
  const plain = encodePlain(error)
  if (plain !== undefined) return { ...text, plain }
  return {
    ...text,
    problem:
      encoded === undefined
        ? "the handler has no error schema"
        : `the error schema of the handler does not describe it: ${encoded.problem}`
  }
}

const encodeDefect = (defect: unknown): { readonly [key: string]: Json } => {
  const text = { tag: tagOf(defect), message: messageOf(defect) }
  if (defect instanceof Error) return { ...text, stack: typeof defect.stack === "string" ? defect.stack : "" }
  return { ...text, plain: encodeAny(defect) }
}

export const decodeCause = (json: unknown, codec: Codec | undefined, place: Place): Cause.Cause<unknown> =>
  withoutStack(() => decodeReasons(json, codec, place))

/** Where an error was read is nothing that anyone wants to know; of 100,000 errors it is most of their memory. */
const withoutStack = <A>(f: () => A): A => {
  // V8's; where there is none, it is a property that nobody reads.
  const errors: { stackTraceLimit?: number | undefined; readonly prototype: Error } = Error
  const limit = errors.stackTraceLimit
  errors.stackTraceLimit = 0
  try {
    return f()
  } finally {
    errors.stackTraceLimit = limit
  }
}

const decodeReasons = (json: unknown, codec: Codec | undefined, place: Place): Cause.Cause<unknown> => {
  if (!Array.isArray(json)) throw place.invalid("an array of reasons", json)
  const reasons = json.map((reason: unknown, index): Cause.Reason<unknown> => {
    const here = place.at(index)
    const fields = typeof reason === "object" && reason !== null ? (reason as Record<string, unknown>) : {}
    switch (fields["_tag"]) {
      case "Fail":
        return Cause.makeFailReason(decodeError(fields, codec, here))
      case "Die":
        return Cause.makeDieReason(decodeDefect(fields, here))
      case "Interrupt":
        return Cause.makeInterruptReason(fields["fiberId"] as number | undefined)
      default:
        throw here.invalid("a reason with the _tag Fail, Die or Interrupt", reason)
    }
  })
  return Cause.fromReasons(reasons)
}

const decodeError = (fields: Record<string, unknown>, codec: Codec | undefined, place: Place): unknown => {
  const tag = textAt(fields, "tag", place)
  if ("own" in fields) {
    const constructor = Object.hasOwn(own, tag) ? own[tag] : undefined
    if (constructor === undefined) throw place.at("tag").invalid("an error of this version of the library", tag)
    return new constructor(decode(fields["own"], place.at("own")) as never)
  }
  if ("error" in fields && codec !== undefined) return codec.decode(fields["error"], place.at("error"))
  if ("plain" in fields) return decode(fields["plain"], place.at("plain"))
  const problem = "error" in fields ? "it was read without its schema" : textAt(fields, "problem", place)
  return new RenderedError({ tag, text: textAt(fields, "message", place), problem })
}

const decodeDefect = (fields: Record<string, unknown>, place: Place): unknown => {
  if ("plain" in fields) return decode(fields["plain"], place.at("plain"))
  const error = new Error(textAt(fields, "message", place))
  const define = (key: string, value: unknown) =>
    Object.defineProperty(error, key, { value, configurable: true, writable: true })
  define("name", textAt(fields, "tag", place))
  define("stack", textAt(fields, "stack", place))
  return error
}

const textAt = (fields: Record<string, unknown>, key: string, place: Place): string => {
  const value = fields[key]
  if (typeof value === "string") return value
  throw place.at(key).invalid("a string", value)
}
