/**
 * The items that run before the others, and what says whether the others may.
 */
import * as Effect from "effect/Effect"
import { InvalidOptions } from "../BatchError.ts"
import type * as Report from "../Report.ts"
import * as Check from "./options.ts"

export interface Canary {
  readonly items: number
  readonly check: (report: Report.Any) => Effect.Effect<boolean, never, unknown>
}

const names = { items: true, check: true } as const

const expected = "an object such as { items: 5 }"

/** `wait`: waits for what the caller's `check` answers. */
export const toCanary = <A>(
  options: { readonly items: number; readonly check?: ((report: never) => A) | undefined } | undefined,
  wait: (answer: A) => Effect.Effect<boolean, never, unknown>
): Canary | undefined => {
  if (options === undefined) return undefined
  Check.object("canary", options, expected)
  Check.spelling(undefined, options, names, {}, "canary.")
  const { check, items } = options
  if (items === undefined) throw new InvalidOptions({ option: "canary", value: options, expected })
  Check.optionalFunction("canary.check", check)
  return {
    items: Check.positiveInteger("canary.items", items),
    check: (report) =>
      check === undefined
        ? Effect.succeed(report.failed === 0)
        : // It is given the report of its own batch.
          Effect.map(wait(check(report as never)), yesOrNo)
  }
}

/** A check that forgets to answer is a bug, and says neither. */
const yesOrNo = (answer: unknown): boolean => {
  if (typeof answer === "boolean") return answer
  throw new InvalidOptions({ option: "canary.check", value: answer, expected: "a function that answers a boolean" })
}
