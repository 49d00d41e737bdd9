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
import { reusedAt } from "./plan.ts"

type Planned = Exclude<Plan.Entry<unknown, string, unknown>, { readonly _tag: "Dropped" }>

/** `optionsOf` answers the options of the engine, of which the plan says the source and the keys. */
export const redrive = (
  plan: Plan.Any,
  optionsOf: () => RunOptions,
  onInterrupt: ((report: Report.Any) => Effect.Effect<unknown, never, unknown>) | undefined
): Effect.Effect<Report.Any, unknown, unknown> =>
  Effect.suspend(() => {
    const entries = plan.entries.filter((entry): entry is Planned => entry._tag !== "Dropped")
    const keys = new Map(entries.map(({ key, params }) => [params, key]))
    const source = new PlannedSource(entries, plan.exhausted)
    return execute(
      () => ({ ...optionsOf(), source, keyOf: (params) => keys.get(params) ?? stableKey(params) }),
      onInterrupt,
      (run) => {
        source.run = run
      }
    )
  })

class PlannedSource implements Source {
  readonly size: number
  readonly pull = Effect.void
  readonly close = Effect.void
  /** Set before the first item is asked for. */
  run: Run | undefined
  readonly #entries: ReadonlyArray<Planned>
  /** Behind the last entry that runs. */
  readonly #end: number
  readonly #exhausts: boolean
  #index = 0

  constructor(entries: ReadonlyArray<Planned>, exhausts: boolean) {
    this.size = entries.length
    this.#entries = entries
    this.#end = entries.findLastIndex(({ _tag }) => _tag !== "Reuse") + 1
    this.#exhausts = exhausts
  }

  /** Whether nothing more runs; what is reused behind that is taken with the rest. */
  get exhausted(): boolean {
    return this.#index >= this.#end
  }

  get complete(): boolean {
    return this.#index >= this.#entries.length && this.#exhausts
  }

  readonly next = (): unknown => {
    while (this.#index < this.#entries.length) {
      const entry = this.#entries[this.#index]!
      if (entry._tag !== "Reuse") {
        this.#index++
        return entry.params
      }
      // Of the classes of the engine's own outcomes nobody asks but the engine, and it does not ask those.
      this.run!.reuse(reusedAt(entry.outcome, this.#index++) as AnyOutcome)
    }
    return end
  };

  *rest(): Iterable<unknown> {
    for (let params = this.next(); params !== end; params = this.next()) yield params
  }
}
