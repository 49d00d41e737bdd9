/**
 * Why a batch ended, as a sentence.
 */
import * as Duration from "effect/Duration"
import { format } from "effect/Formatter"
import type { EndedBy } from "../../Report.ts"
import * as Text from "./text.ts"

/** `undefined` where it ended because everything had run. */
export const endedText = (endedBy: EndedBy): string | undefined => {
  switch (endedBy._tag) {
    case "Completed":
      return undefined
    case "Stop":
      return `A handler stopped the batch: ${endedBy.reason}`
    case "Timeout":
      return `The batch ended after its timeout of ${Text.duration(endedBy.duration)}`
    case "Budget": {
      const { bound, limit, used } = endedBy
      if (bound === "duration") return `The batch ended after its budget of ${Text.duration(limit)}`
      const spent = bound === "calls" ? `${Text.count(used)} calls` : `a cost of ${Text.count(used)}`
      return `The batch ended after ${spent}: its budget is ${Text.count(limit)}`
    }
    case "Canary":
      return `The batch ended after its canary, the first ${Text.plural(endedBy.items, "item")}`
    case "Drain":
      return "The batch was told to drain"
    case "Failure":
      return "The batch stopped at its first failure"
    case "Tolerance": {
      const { ended, failed, limit, tag } = endedBy
      const which = tag === undefined ? "" : ` with ${tag}`
      return `The batch stopped because ${Text.count(failed)} of ${Text.plural(ended, "item")} failed${which}, and ${limit} are tolerated`
    }
    case "InputFailure":
      return `The batch ended because its input failed${endedBy.reason === undefined ? "" : `: ${endedBy.reason}`}`
    case "OutcomeFailure":
      return `The batch ended because onOutcome failed: ${endedBy.reason}`
    case "Interruption":
      return "The batch was interrupted"
    case "Running":
      return "The batch had not ended when this report was taken"
    default:
      // A report that was saved by a later version.
      return other(endedBy)
  }
}

/** A reason that has no sentence of its own. */
const other = (endedBy: { readonly _tag: string }): string => {
  const { _tag, ...fields } = endedBy
  const details = Object.entries(fields).map(
    ([name, value]) => `${name} ${Duration.isDuration(value) ? Text.duration(value) : format(value)}`
  )
  return `The batch ended by ${[_tag, ...details].join(", ")}`
}
