/**
 * What the outcome of an item means: for its shared data, for those that wait for
 * it, and for the batch, which it may end.
 */
import * as Cause from "effect/Cause"
import type * as Report from "../Report.ts"
import type { Ending } from "./ending.ts"
import type { Item } from "./item.ts"
import type { AnyOutcome } from "./outcome.ts"
import type { Run } from "./run.ts"

/** Accounts for an item that has ended, and answers its outcome where someone wants it at once. */
export const settle = (run: Run, item: Item, ending: Ending, now: number): AnyOutcome | undefined => {
  if (item.cancelled) return run.interrupt(item, now)
  const given = item.verdict === undefined ? committed(run, item, ending) : ending
  const outcome = charged(run, item, given, now)
  run.tally.record(outcome, item, now)
  const waiting = tell(run, item, outcome._tag === "Failed" ? outcome.cause : given, outcome)
  return release(run, waiting, judge(run, given, outcome))
}

/** Brings the changes of an item that succeeded into the shared data; a conflict fails it. */
const committed = (run: Run, item: Item, ending: Ending): Ending => {
  const isSuccess = ending === "succeeded" || (!Cause.isCause(ending) && ending._tag === "Next")
  return isSuccess ? (run.options.shared.commit(item.cell) ?? ending) : ending
}

/** The outcome, after what it costs; where the caller's function for that throws, the item fails. */
const charged = (run: Run, item: Item, ending: Ending, now: number): AnyOutcome => {
  const outcome = run.tally.outcomeOf(item, ending, now)
  const budget = run.options.budget
  if (budget?.hasCost !== true || item.verdict !== undefined) return outcome
  try {
    budget.charge(outcome)
    return outcome
  } catch (error) {
    const bug = Cause.die(error)
    return run.tally.outcomeOf(item, outcome._tag === "Failed" ? Cause.combine(outcome.cause, bug) : bug, now)
  }
}

/** Tells who looks on, and the items that wait for the outcome of this one, which it answers. */
export const tell = (
  run: Run,
  item: Item,
  ending: Ending | "interrupted",
  outcome: AnyOutcome
): ReadonlyArray<Item> | undefined => {
  const waiting = run.options.duplicates?.settle(item, ending)
  run.tell(outcome)
  return waiting
}

/** Lets items go on that waited. They may end the batch before this returns, so the outcome is handed over before. */
const release = (
  run: Run,
  waiting: ReadonlyArray<Item> | undefined,
  wanted: AnyOutcome | undefined
): AnyOutcome | undefined => {
  if (waiting === undefined || waiting.length === 0) return wanted
  if (wanted !== undefined) run.unpublished.push(wanted)
  for (const other of waiting) run.goOn(other)
  if (wanted === undefined || run.stopped) return undefined
  run.unpublished.splice(run.unpublished.indexOf(wanted), 1)
  return wanted
}

/** Ends the batch where an outcome says so. */
const judge = (run: Run, ending: Ending, outcome: AnyOutcome): AnyOutcome | undefined => {
  const { budget, drain, publish, tolerance } = run.options
  const wanted = publish === undefined ? undefined : outcome
  if (outcome._tag === "Failed") tolerance?.note(outcome.cause)
  if (run.stopped) return wanted
  const failure = failureBy(run, outcome)
  const reason = failure ?? stopBy(ending, outcome) ?? budget?.outOfCost
  if (reason === undefined) return wanted
  // Everything may have ended when this returns, so the outcome is handed over before.
  const isLast = failure !== undefined || drain === undefined
  if (isLast && wanted !== undefined) run.unpublished.push(outcome)
  if (failure === undefined) run.drainBy(reason)
  else run.endBy(failure)
  return isLast ? undefined : wanted
}

const failureBy = (run: Run, outcome: AnyOutcome): Report.EndedBy | undefined => {
  const { failFast, tolerance } = run.options
  if (tolerance !== undefined) {
    const exceeded = tolerance.exceeded(run.tally.failed, run.tally.ended)
    if (exceeded !== undefined) run.failure = tolerance.cause
    return exceeded
  }
  if (!failFast || outcome._tag !== "Failed") return undefined
  run.failure = outcome.cause
  return { _tag: "Failure" }
}

const stopBy = (ending: Ending, outcome: AnyOutcome): Report.EndedBy | undefined => {
  if (outcome._tag !== "Succeeded" || ending === "succeeded" || Cause.isCause(ending)) return undefined
  return ending._tag === "Next" && ending.stop !== undefined ? { _tag: "Stop", reason: ending.stop } : undefined
}
