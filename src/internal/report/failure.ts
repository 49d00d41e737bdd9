/**
 * What a failure is called and what it says, whatever was thrown.
 */
import * as Cause from "effect/Cause"
import { readText, responseText } from "../../errors/response.ts"
import { showsCause, withCauses } from "../../errors/text.ts"
import type * as Outcome from "../../Outcome.ts"
import { RenderedError } from "../../ReportError.ts"
import * as Text from "./text.ts"

export interface Failure {
  readonly kind: "error" | "defect" | "interruption"
  /** The `_tag` of the error, the name of its class, or the type of the value. */
  readonly tag: string
  readonly message: string
}

/** The failure that a cause stands for: its first typed error, else its first defect. */
export const failureOf = (cause: Cause.Cause<unknown>): Failure => {
  const failed = cause.reasons.find(Cause.isFailReason)
  if (failed !== undefined) return describe("error", failed.error)
  const died = cause.reasons.find(Cause.isDieReason)
  if (died !== undefined) return describe("defect", died.defect)
  return { kind: "interruption", tag: "Interrupted", message: "the item was interrupted" }
}

export type Said = Pick<Failure, "tag" | "message">

/** What a saved report says of errors that say less, or otherwise, now that they are restored. */
const saidBefore = new WeakMap<object, Said>()

/** Has a restored error say what it said when it was saved. */
export const saying = (error: unknown, said: Said): unknown => {
  if (typeof error !== "object" || error === null) return error
  const { message, tag } = describe("error", error)
  if (message !== said.message || tag !== said.tag) saidBefore.set(error, { tag: said.tag, message: said.message })
  return error
}

/** What an error is called and says; the same for one that was just made and for one that was saved. */
export const describe = (kind: Failure["kind"], error: unknown): Failure =>
  Text.safely(
    (): Failure => {
      const said = typeof error === "object" && error !== null ? saidBefore.get(error) : undefined
      if (said !== undefined) return { kind, ...said }
      // What `Handler.fromPromise` makes of a rejection says only which handler it was.
      if (Cause.isUnknownError(error) && error.cause !== undefined) {
        return { kind, tag: tagOf(error), message: `${tagOf(error.cause)}: ${messageOf(error.cause)}` }
      }
      return { kind, tag: tagOf(error), message: messageOf(error) }
    },
    { kind, tag: typeof error, message: "a value that cannot be read" }
  )

const tagOf = (error: unknown): string => {
  if (error instanceof RenderedError) return error.tag
  if (responseText(error) !== undefined) return "Response"
  const tag = readText(error, "_tag") ?? readText(error, "name")
  if (tag !== undefined) return tag
  return error === null ? "null" : typeof error
}

/** With what its causes say. A saved report keeps this text, so a restored error says the same without them. */
const messageOf = (error: unknown): string => {
  if (error instanceof RenderedError) return error.text
  if (typeof error === "string") return error
  const message = readText(error, "message")
  if (message !== undefined) return withCauses(message, error)
  const response = responseText(error)
  if (response !== undefined) return response
  if (!isTagged(error)) return Text.show(error)
  const { _tag, ...fields } = error
  const text = Object.keys(fields).length === 0 ? _tag : Text.show(fields)
  return showsCause(error) ? text : withCauses(text, error)
}

const isTagged = (error: unknown): error is { readonly _tag: string } => readText(error, "_tag") !== undefined

/** The typed errors of failed items: of each the first. */
export const errorsOf = (outcomes: ReadonlyArray<Outcome.Any>): ReadonlyArray<unknown> =>
  outcomes.flatMap((outcome) => {
    const failed = outcome._tag === "Failed" ? outcome.cause.reasons.find(Cause.isFailReason) : undefined
    return failed === undefined ? [] : [failed.error]
  })
