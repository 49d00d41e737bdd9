/**
 * Decoders from schemas: Effect's own, or any Standard Schema.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import type { Decoder, Mismatch } from "./definition.ts"

type AnySchema = Schema.Codec<unknown, unknown, unknown, unknown> | StandardSchemaV1

export const fromSchema = (schema: AnySchema): Decoder => ({
  schema,
  decode: Schema.isSchema(schema) ? decodeWith(schema) : validateWith(schema)
})

const toStandard = SchemaIssue.makeFormatterStandardSchemaV1()

const decodeWith = (schema: Schema.Codec<unknown, unknown, unknown, unknown>): Decoder["decode"] => {
  const decode = SchemaParser.decodeUnknownEffect(schema)
  return (params) => {
    const decoding = decode(params)
    if (Exit.isExit(decoding) && Exit.isSuccess(decoding)) return Exit.succeed(decoding.value)
    return Effect.mapError(decoding, (issue) => mismatch(params, toStandard(issue).issues))
  }
}

const validateWith = (schema: StandardSchemaV1): Decoder["decode"] => {
  const settle = (params: unknown, result: StandardSchemaV1.Result<unknown>): Exit.Exit<unknown, Mismatch> =>
    result.issues === undefined ? Exit.succeed(result.value) : Exit.fail(mismatch(params, result.issues))
  return (params) => {
    const result = schema["~standard"].validate(params)
    return result instanceof Promise
      ? Effect.flatMap(
          Effect.promise(() => result),
          (settled) => settle(params, settled)
        )
      : settle(params, result)
  }
}

/** The first issue, with the value it speaks of. */
const mismatch = (params: unknown, issues: ReadonlyArray<StandardSchemaV1.Issue>): Mismatch => {
  const issue = issues[0]
  const path = (issue?.path ?? []).map((segment) => (typeof segment === "object" ? segment.key : segment))
  let value = params
  for (const key of path) {
    value = typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined
  }
  return { path, value, expected: issue?.message ?? "a value that fits the schema" }
}
