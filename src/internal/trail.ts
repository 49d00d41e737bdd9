/** How an item ended that succeeded. */
export interface Finish {
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
  /** How the last item that ended here did. */
  #finish: Finish | undefined = undefined

  constructor(step: string, before: Trail | undefined) {
    this.step = step
    this.before = before
    this.length = before === undefined ? 0 : before.length + 1
  }

  enter(step: string): Trail {
    const after = this.#after
    return after !== undefined && after.step === step ? after : (this.#after = new Trail(step, this))
  }

  end(action: string, attempts: number): Finish {
    const finish = this.#finish
    return finish !== undefined && finish.action === action && finish.attempts === attempts
      ? finish
      : (this.#finish = { trail: this, action, attempts })
  }

  toArray(): Array<string> {
    if (this.before === undefined) return []
    const steps = new Array<string>(this.length)
    steps[this.length - 1] = this.step
    for (let trail = this.before; trail.before !== undefined; trail = trail.before) steps[trail.length - 1] = trail.step
    return steps
  }
}
