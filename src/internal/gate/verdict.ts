/**
 * What the end of a request says about the load of the other side.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { HandlerTimeout } from "../../BatchError.ts"
import type { Verdict } from "./aimd.ts"
import type { Lane } from "./lane.ts"
import type { Policy } from "./policy.ts"

/** What a failure says, apart from closing a gate. */
export const verdictOf = (cause: Cause.Cause<unknown>): Exclude<Verdict, "limited"> => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (error instanceof HandlerTimeout || Cause.isTimeoutError(error)) return "timeout"
  return Cause.hasInterruptsOnly(cause) ? "unknown" : "failure"
}

export interface Judgement {
  readonly verdict: Verdict
  /** What `closeOn` of the caller has thrown. */
  readonly bug?: Cause.Cause<never> | undefined
}

const success: Judgement = { verdict: "success" }

/** Closes the lane where the error says so, and answers what the end of the request says. */
export const judge = (
  policy: Policy,
  lane: Lane,
  exit: Exit.Exit<unknown, unknown>,
  context: Context.Context<never>
): Judgement => {
  if (Exit.isSuccess(exit)) {
    lane.strikes = 0
    return success
  }
  const failed = Cause.findErrorOption(exit.cause)
  try {
    const duration = Option.isNone(failed) ? undefined : policy.closesFor(failed.value, context)
    if (duration === undefined) return { verdict: verdictOf(exit.cause) }
    policy.closeAsTold(lane, duration, context)
    return { verdict: "limited" }
  } catch (error) {
    return { verdict: "failure", bug: Cause.die(error) }
  }
}
