/**
 * What a batch may spend: calls, and cost as its outcomes say. The run counts the
 * calls before they are made, so that no more are ever made; what an item has cost
 * is known when it has ended.
 */
import type * as Duration from "effect/Duration"
import { InvalidOptions } from "../BatchError.ts"
import type * as Report from "../Report.ts"
import * as Check from "./options.ts"
import type { AnyOutcome } from "./outcome.ts"
import { disown } from "./tags.ts"

/** What the option `budget` says. */
export interface Bounds {
  /** How many calls of a `handleRequest` may be made, retries included. One more is not made: its item is interrupted. */
  readonly calls?: number | undefined
  /** What the outcomes may cost, as the option `cost` says. What runs when it is spent may add to it. */
  readonly cost?: number | undefined
  /** How long the batch may take. */
  readonly duration?: Duration.Input | undefined
}

export class Budget {
  /** What the outcomes have cost. */
  spent = 0
  /** How many calls may be made. */
  readonly calls: number
  private readonly limit: number
  private readonly costOf: ((outcome: AnyOutcome) => number) | undefined

  constructor(calls: number, limit: number, costOf: ((outcome: AnyOutcome) => number) | undefined) {
    this.calls = calls
    this.limit = limit
    this.costOf = costOf
  }

  /** Whether each outcome is looked at. */
  get hasCost(): boolean {
    return this.costOf !== undefined
  }

  /** Why the batch ends where one more call is asked for: all of them have been made. */
  get outOfCalls(): Report.EndedBy {
    return { _tag: "Budget", bound: "calls", limit: this.calls, used: this.calls }
  }

  /** Adds what an outcome has cost. Throws what `cost` throws, and where it answers no amount. */
  charge(outcome: AnyOutcome): void {
    const cost = this.costOf!(outcome)
    if (!Number.isFinite(cost) || cost < 0) {
      disown(cost)
      throw new InvalidOptions({
        option: "cost",
        value: cost,
        expected: "a function that answers a number of at least 0"
      })
    }
    this.spent += cost
  }

  get outOfCost(): Report.EndedBy | undefined {
    if (this.spent < this.limit) return undefined
    return { _tag: "Budget", bound: "cost", limit: this.limit, used: this.spent }
  }
}

/** `duration`: what the bound of the time is called, which is checked with the other limits of time. */
export const toBudget = <Duration extends "duration" | "durationMs">(
  bounds: (Pick<Bounds, "calls" | "cost"> & { readonly [K in Duration]?: unknown }) | undefined,
  costOf: ((outcome: never) => number) | undefined,
  duration: Duration
): Budget | undefined => {
  Check.optionalFunction("cost", costOf)
  if (bounds === undefined && costOf === undefined) return undefined
  const { calls, cost } = bounds ?? {}
  if (bounds !== undefined) checkBounds(bounds, duration)
  if (cost !== undefined) {
    if (!Number.isFinite(cost) || cost <= 0) {
      throw new InvalidOptions({ option: "budget.cost", value: cost, expected: "a number larger than 0" })
    }
    if (costOf === undefined) {
      throw new InvalidOptions({ option: "cost", value: costOf, expected: "a function, because budget.cost is given" })
    }
  }
  return new Budget(
    calls === undefined ? Number.POSITIVE_INFINITY : Check.positiveInteger("budget.calls", calls),
    cost ?? Number.POSITIVE_INFINITY,
    // It is given the outcomes of its own batch.
    costOf as ((outcome: AnyOutcome) => number) | undefined
  )
}

const checkBounds = (bounds: Pick<Bounds, "calls" | "cost">, duration: "duration" | "durationMs"): void => {
  const expected = `an object with at least one of calls, cost and ${duration}`
  Check.object("budget", bounds, expected)
  const names = { calls: true, cost: true, [duration]: true } as const
  Check.spelling(undefined, bounds, names, {}, "budget.")
  if (Object.keys(names).some((name) => bounds[name as keyof typeof bounds] !== undefined)) return
  throw new InvalidOptions({ option: "budget", value: bounds, expected })
}
