/**
 * The schemas of a pipeline, as a saved report needs them.
 */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type { PipelineDefinition } from "../definition.ts"
import { stepsOf } from "../stamp.ts"
import type { Place } from "./place.ts"
import * as Text from "./text.ts"
import type { Json } from "./values.ts"

export interface Codec {
  /** Answers why where the schema does not describe the value. */
  readonly encode: (value: unknown) => { readonly json: Json } | { readonly problem: string }
  readonly decode: (json: unknown, place: Place) => unknown
}

export interface Schemas {
  readonly params: Codec | undefined
  readonly shared: Codec | undefined
  readonly outputOf: (step: string | undefined) => Codec | undefined
  readonly errorOf: (step: string | undefined) => Codec | undefined
}

/** Of a report that is read or written without its pipeline. */
export const none: Schemas = {
  params: undefined,
  shared: undefined,
  outputOf: () => undefined,
  errorOf: () => undefined
}

export const schemasOf = (pipeline: PipelineDefinition): Schemas => {
  const steps = stepsOf(pipeline)
  const codecs = new Map<unknown, Codec | undefined>()
  const codecOf = (schema: unknown): Codec | undefined => {
    if (!codecs.has(schema)) codecs.set(schema, Schema.isSchema(schema) ? makeCodec(schema) : undefined)
    return codecs.get(schema)
  }
  // Where handlers differ in their schema, none of them describes the whole.
  const common = (which: "params" | "shared"): Codec | undefined => {
    const schemas = new Set(Object.values(steps).map(({ schemas }) => schemas?.[which]))
    schemas.delete(undefined)
    return schemas.size === 1 ? codecOf(Array.from(schemas)[0]) : undefined
  }
  const ofStep =
    (which: "output" | "error") =>
    (step: string | undefined): Codec | undefined =>
      step === undefined || !Object.hasOwn(steps, step) ? undefined : codecOf(steps[step]!.schemas?.[which])
  return {
    params: common("params"),
    shared: common("shared"),
    outputOf: ofStep("output"),
    errorOf: ofStep("error")
  }
}

const makeCodec = (schema: Schema.Top): Codec => {
  // A schema that needs services or waits cannot be used here; its parser says so as a failure.
  const codec = Schema.toCodecJson(schema) as unknown as Schema.Codec<unknown, Json>
  const encode = SchemaParser.encodeUnknownExit(codec)
  const decode = SchemaParser.decodeUnknownExit(codec)
  return {
    encode: (value) => {
      // It reads what may throw.
      const encoded = Text.safely(() => encode(value), undefined)
      if (encoded === undefined) return { problem: "it cannot be read" }
      return Exit.isSuccess(encoded) ? { json: encoded.value } : { problem: problemOf(encoded).text }
    },
    decode: (json, place) => {
      const decoded = decodeWithin(() => decode(json), json, place)
      if (Exit.isSuccess(decoded)) return decoded.value
      const { path, text } = problemOf(decoded)
      throw path.reduce((around, key) => around.at(key), place).invalid(`what the schema describes (${text})`, json)
    }
  }
}

/** What is nested deeper than the stack goes was not written by the schema. */
const decodeWithin = <A>(decode: () => A, json: unknown, place: Place): A => {
  try {
    return decode()
  } catch (thrown) {
    if (thrown instanceof RangeError) throw place.invalid("less that is nested in each other", typeof json)
    throw thrown
  }
}

const toStandard = SchemaIssue.makeFormatterStandardSchemaV1()

const problemOf = (
  exit: Exit.Failure<unknown, SchemaIssue.Issue>
): { readonly path: ReadonlyArray<string | number>; readonly text: string } => {
  const failed = exit.cause.reasons.find((reason) => reason._tag === "Fail")
  if (failed === undefined) return { path: [], text: "the schema waits for something, or needs a service" }
  const [issue] = toStandard(failed.error).issues
  const path = (issue?.path ?? []).map((segment) => (typeof segment === "object" ? segment.key : segment))
  return {
    path: path.map((key) => (typeof key === "symbol" ? String(key) : key)),
    text: issue?.message.replaceAll("\n", " ") ?? "it does not fit"
  }
}
