/**
 * What the end of a request says about the load of the other side.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Verdict } from "./aimd.ts"
import type { Permit } from "./permit.ts"
import type { Policy } from "./policy.ts"
import { isLimited, isTimeout } from "./retryAfter.ts"

/** What a failure says, apart from closing a gate. */
export const verdictOf = (cause: Cause.Cause<unknown>): Verdict => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (isLimited(error)) return "limited"
  if (isTimeout(error)) return "timeout"
  return Cause.hasInterruptsOnly(cause) ? "unknown" : "failure"
}

export interface Judgement {
  readonly verdict: Verdict
  /** Whether the error has closed the gate for its key. */
  readonly closed: boolean
  /** What `closeOn` of the caller has thrown. */
  readonly bug?: Cause.Cause<never> | undefined
}

const success: Judgement = { verdict: "success", closed: false }

/** Closes the lane of the permit where the error says so, and answers what the end of the request says. */
export const judge = (
  policy: Policy,
  permit: Permit,
  exit: Exit.Exit<unknown, unknown>,
  context: Context.Context<never>
): Judgement => {
  if (Exit.isSuccess(exit)) {
    permit.lane.strikes = 0
    return success
  }
  const failed = Cause.findErrorOption(exit.cause)
  try {
    const duration = Option.isNone(failed) ? undefined : policy.closesFor(failed.value, context)
    if (duration === undefined) return { verdict: verdictOf(exit.cause), closed: false }
    policy.closeAsTold(permit, duration, context)
    return { verdict: "limited", closed: true }
  } catch (error) {
    return { verdict: "failure", closed: false, bug: Cause.die(error) }
  }
}
