/** How a run ended that succeeded. */
export interface Ending {
  readonly trail: Trail
  readonly action: string
  readonly attempts: number
}

/**
 * The steps that an item has entered, as a chain that items on the same route
 * share. An array for each item was a third of all memory of a report.
 */
export class Trail {
  readonly step: string
  readonly before: Trail | undefined
  readonly length: number
  /** Where the last item went from here. One only, so that routes nobody tells of any more are forgotten. */
  #after: Trail | undefined = undefined

  #ending: Ending | undefined = undefined

  constructor(step: string, before: Trail | undefined) {
    this.step = step
    this.before = before
    this.length = before === undefined ? 0 : before.length + 1
  }

  enter(step: string): Trail {
    const after = this.#after
    return after !== undefined && after.step === step ? after : (this.#after = new Trail(step, this))
  }

  end(action: string, attempts: number): Ending {
    const ending = this.#ending
    return ending !== undefined && ending.action === action && ending.attempts === attempts
      ? ending
      : (this.#ending = { trail: this, action, attempts })
  }

  toArray(): Array<string> {
    if (this.before === undefined) return []
    const steps = new Array<string>(this.length)
    steps[this.length - 1] = this.step
    for (let trail = this.before; trail.before !== undefined; trail = trail.before) steps[trail.length - 1] = trail.step
    return steps
  }
}
