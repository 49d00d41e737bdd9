/**
 * What ends a batch by time.
 */
import type * as Duration from "effect/Duration"
import * as Check from "./options.ts"
import type { Timeout } from "./runOptions.ts"

type Named = readonly [option: string, duration: Duration.Input | undefined]

/** The limits of a batch, each with the name of its option: that of its own, and that of its budget. */
export const toTimeouts = (timeout: Named, budget: Named): ReadonlyArray<Timeout> | undefined => {
  const timeouts: Array<Timeout> = []
  if (timeout[1] !== undefined) {
    const duration = Check.duration(timeout[0], timeout[1])
    timeouts.push({ duration, reason: { _tag: "Timeout", duration } })
  }
  if (budget[1] !== undefined) {
    const duration = Check.duration(budget[0], budget[1])
    timeouts.push({ duration, reason: { _tag: "Budget", bound: "duration", limit: duration, used: duration } })
  }
  return timeouts.length === 0 ? undefined : timeouts
}
