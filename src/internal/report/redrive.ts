/**
 * Runs a plan: a batch whose input hands out what is to run, and puts what is
 * reused into its place on the way.
 */
import * as Effect from "effect/Effect"
import type * as Plan from "../../Plan.ts"
import type * as Report from "../../Report.ts"
import { execute } from "../execute.ts"
import { stableKey } from "../key.ts"
import type { AnyOutcome } from "../outcome.ts"
import type { Run } from "../run.ts"
import type { RunOptions } from "../runOptions.ts"
import { end, type Source } from "../source.ts"
import { type Entry, reusedAt } from "./entries.ts"

type Planned = Exclude<Entry, { readonly _tag: "Dropped" }>

/** `optionsOf` answers the options of the engine, of which the plan says the source and the keys. */
export const redrive = (
  plan: Plan.Any,
  optionsOf: () => RunOptions,
  onInterrupt: ((report: Report.Any) => Effect.Effect<unknown, never, unknown>) | undefined
): Effect.Effect<Report.Any, unknown, unknown> =>
  Effect.suspend(() => {
    const source = new PlannedSource(plan.entries, plan.exhausted)
    const keys = new Map(source.entries.map(({ key, params }) => [params, key]))
    return execute(
      () => ({ ...optionsOf(), source, keyOf: (params) => keys.get(params) ?? stableKey(params) }),
      onInterrupt,
      (run) => {
        source.run = run
      }
    )
  })

/** `exhausts`: whether there is no more of the input than the entries. */
export class PlannedSource implements Source {
  readonly size: number
  readonly pull = Effect.void
  readonly close = Effect.void
  /** Set before the first item is asked for. */
  run: Run | undefined
  readonly entries: ReadonlyArray<Planned>
  /** Behind the last entry that runs. */
  readonly #end: number
  readonly #exhausts: boolean
  /** How many of those to come are only taken over. */
  #reuses: number
  #index = 0

  constructor(entries: ReadonlyArray<Entry>, exhausts: boolean) {
    this.entries = entries.filter((entry): entry is Planned => entry._tag !== "Dropped")
    this.size = this.entries.length
    this.#reuses = this.entries.filter(({ _tag }) => _tag === "Reuse").length
    this.#end = this.entries.findLastIndex(({ _tag }) => _tag !== "Reuse") + 1
    this.#exhausts = exhausts
  }

  /** Whether nothing more runs; what is reused behind that is taken with the rest. */
  get exhausted(): boolean {
    return this.#index >= this.#end
  }

  get complete(): boolean {
    return this.#index >= this.entries.length && this.#exhausts
  }

  get ahead(): number {
    return this.#reuses
  }

  readonly next = (): unknown => {
    while (this.#index < this.entries.length) {
      const entry = this.entries[this.#index]!
      if (entry._tag !== "Reuse") {
        this.#index++
        return entry.params
      }
      // Of the classes of the engine's own outcomes nobody asks but the engine, and it does not ask those.
      const index = (this.run!.options.firstIndex ?? 0) + this.#index++
      this.#reuses--
      this.run!.reuse(reusedAt(entry.outcome, index) as AnyOutcome)
    }
    return end
  };

  *rest(): Iterable<unknown> {
    for (let params = this.next(); params !== end; params = this.next()) yield params
  }
}
