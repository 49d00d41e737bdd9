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
  if (item.cancelled) return interrupt(run, item, now)
  const given = item.adopted === undefined ? committed(run, item, ending) : ending
  const outcome = charged(run, item, given, now)
  run.tally.record(outcome, item, now)
  const waiting = tell(run, item, outcome._tag === "Failed" ? outcome.cause : given, outcome)
  handOver(run, outcome)
  judge(run, given, outcome)
  return release(run, outcome, waiting)
}

/** Accounts for an item that is told to end, or whose batch has ended. */
export const interrupt = (run: Run, item: Item, now: number): AnyOutcome | undefined => {
  const outcome = run.tally.interrupt(item, now)
  const waiting = tell(run, item, "interrupted", outcome)
  handOver(run, outcome)
  return release(run, outcome, waiting)
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
  if (budget?.hasCost !== true || item.adopted !== undefined) return outcome
  try {
    budget.charge(outcome)
    return outcome
  } catch (error) {
    const bug = Cause.die(error)
    return run.tally.outcomeOf(item, outcome._tag === "Failed" ? Cause.combine(outcome.cause, bug) : bug, now)
  }
}

/** Tells who looks on, and the items that wait for the outcome of this one, which it answers. */
const tell = (run: Run, item: Item, ending: Ending | "interrupted", outcome: AnyOutcome): ReadonlyArray<Item> => {
  const waiting = run.options.duplicates?.settle(item, ending) ?? nobody
  run.tell(outcome)
  return waiting
}

const nobody: ReadonlyArray<Item> = []

/** Before anything that may end the batch: everything may have ended when that returns, the worker of the item too. */
const handOver = (run: Run, outcome: AnyOutcome): void => {
  if (run.options.publish !== undefined) run.unpublished.push(outcome)
}

/** Lets items go on that waited, and takes the outcome back where its worker is still there to publish it. */
const release = (run: Run, outcome: AnyOutcome, waiting: ReadonlyArray<Item>): AnyOutcome | undefined => {
  for (const other of waiting) run.goOn(other)
  if (run.options.publish === undefined || run.stopped) return undefined
  const { unpublished } = run
  const place = unpublished.lastIndexOf(outcome)
  // It is nearly always the only one; `splice` was a fifth of the time of a cheap item of a stream.
  if (place === unpublished.length - 1) unpublished.pop()
  else unpublished.splice(place, 1)
  return outcome
}

/** Ends the batch where an outcome says so. */
const judge = (run: Run, ending: Ending, outcome: AnyOutcome): void => {
  const { budget, tolerance } = run.options
  if (outcome._tag === "Failed") {
    tolerance?.note(outcome.cause)
    run.failWith(outcome.cause)
  }
  if (run.stopped) return
  const exceeded = tolerance?.exceeded(run.tally.failed, run.tally.ended)
  if (exceeded !== undefined) {
    run.failure = tolerance!.cause
    return run.endBy(exceeded)
  }
  const reason = stopBy(ending, outcome) ?? budget?.outOfCost
  if (reason !== undefined) run.drainBy(reason)
}

const stopBy = (ending: Ending, outcome: AnyOutcome): Report.EndedBy | undefined => {
  if (outcome._tag !== "Succeeded" || ending === "succeeded" || Cause.isCause(ending)) return undefined
  return ending._tag === "Next" && ending.stop !== undefined ? { _tag: "Stop", reason: ending.stop } : undefined
}
