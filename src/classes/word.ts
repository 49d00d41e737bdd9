/**
 * What a handler has said of the end of its item, by `stopBatch` or `skip`.
 */
import { Next, Skip } from "../internal/definition.ts"

export class Word {
  /** What says that it is answered; as an action of its own it is one like any other. */
  readonly action: "stop" | "skip"
  readonly ending: Next | Skip
  /** Whether it counts where it is not answered: that of a run within is for the handler that asked for it to answer. */
  readonly counts: boolean

  constructor(action: "stop" | "skip", ending: Next | Skip, counts: boolean) {
    this.action = action
    this.ending = ending
    this.counts = counts
  }

  static stop(reason: string): Word {
    return new Word("stop", new Next("stop", "none", undefined, undefined, reason), true)
  }

  static skip(reason: string): Word {
    return new Word("skip", new Skip(reason), true)
  }

  /** As those hear it within which it was said. */
  get within(): Word {
    return this.counts ? new Word(this.action, this.ending, false) : this
  }
}
