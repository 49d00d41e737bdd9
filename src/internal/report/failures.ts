/**
 * Causes as JSON and back.
 */
import * as Cause from "effect/Cause"
import * as Errors from "../../BatchError.ts"
import { RenderedError } from "../../ReportError.ts"
import { checkError } from "./checks.ts"
import { describe, saying } from "./failure.ts"
import type { Place } from "./place.ts"
import type { Codec } from "./schemas.ts"
import * as Text from "./text.ts"
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
  const { message, tag } = describe("error", error)
  const text = { tag, message }
  return Text.safely<{ readonly [key: string]: Json }>(() => ({ ...text, ...contentOf(error, tag, codec) }), {
    ...text,
    problem: "it cannot be read"
  })
}

const contentOf = (error: unknown, tag: string, codec: Codec | undefined): { readonly [key: string]: Json } => {
  if (error instanceof RenderedError) return { problem: error.problem }
  const constructor = Object.hasOwn(own, tag) ? own[tag] : undefined
  if (constructor !== undefined && error instanceof constructor) {
    const { _tag, ...fields } = error as Record<string, unknown>
    return { own: encodeAny(fields) }
  }
  const encoded = codec?.encode(error)
  if (encoded !== undefined && "json" in encoded) return { error: encoded.json }
  const plain = encodePlain(error)
  if (plain !== undefined) return { plain }
  return {
    problem:
      encoded === undefined
        ? "the handler has no error schema"
        : `the error schema of the handler does not describe it: ${encoded.problem}`
  }
}

const encodeDefect = (defect: unknown): { readonly [key: string]: Json } => {
  const { message, tag } = describe("defect", defect)
  const text = { tag, message }
  return Text.safely<{ readonly [key: string]: Json }>(
    () => {
      if (defect instanceof RenderedError) return { ...text, problem: defect.problem }
      if (defect instanceof Error) return { ...text, stack: typeof defect.stack === "string" ? defect.stack : "" }
      const plain = encodePlain(defect)
      return plain === undefined ? { ...text, problem: "what was thrown is no plain data" } : { ...text, plain }
    },
    { ...text, problem: "it cannot be read" }
  )
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
        return Cause.makeInterruptReason(fiberIdOf(fields["fiberId"], here.at("fiberId")))
      default:
        throw here.invalid("a reason with the _tag Fail, Die or Interrupt", reason)
    }
  })
  return Cause.fromReasons(reasons)
}

const fiberIdOf = (value: unknown, place: Place): number | undefined => {
  if (value === undefined || typeof value === "number") return value
  throw place.invalid("a number", value)
}

const decodeError = (fields: Record<string, unknown>, codec: Codec | undefined, place: Place): unknown => {
  const said = { tag: textAt(fields, "tag", place), message: textAt(fields, "message", place) }
  if ("own" in fields) {
    const constructor = Object.hasOwn(own, said.tag) ? own[said.tag] : undefined
    if (constructor === undefined) throw place.at("tag").invalid("an error of this version of the library", said.tag)
    const content = decode(fields["own"], place.at("own"))
    checkError(said.tag, content, place.at("own"))
    return new constructor(content as never)
  }
  if ("error" in fields && codec !== undefined) return saying(codec.decode(fields["error"], place.at("error")), said)
  if ("plain" in fields) return saying(decode(fields["plain"], place.at("plain")), said)
  const problem = "error" in fields ? "it was read without its schema" : textAt(fields, "problem", place)
  return new RenderedError({ tag: said.tag, text: said.message, problem })
}

const decodeDefect = (fields: Record<string, unknown>, place: Place): unknown => {
  const said = { tag: textAt(fields, "tag", place), message: textAt(fields, "message", place) }
  if ("plain" in fields) return saying(decode(fields["plain"], place.at("plain")), said)
  if ("problem" in fields) {
    return new RenderedError({ tag: said.tag, text: said.message, problem: textAt(fields, "problem", place) })
  }
  const error = new Error(said.message)
  const define = (key: string, value: unknown) =>
    Object.defineProperty(error, key, { value, configurable: true, writable: true })
  define("name", said.tag)
  define("stack", textAt(fields, "stack", place))
  return saying(error, said)
}

const textAt = (fields: Record<string, unknown>, key: string, place: Place): string => {
  const value = fields[key]
  if (typeof value === "string") return value
  throw place.at(key).invalid("a string", value)
}
