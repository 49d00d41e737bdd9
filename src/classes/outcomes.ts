/**
 * Tells the caller what has become of each item, as the items end.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { errorText } from "../errors/text.ts"
import type { AnyOutcome } from "../internal/outcome.ts"
import type { Run } from "../internal/run.ts"
import type { RunOptions } from "../internal/runOptions.ts"
import { isPromiseLike } from "../internal/tags.ts"
import type { BatchOptions, BatchOutcome } from "./BatchOptions.ts"
import { type ItemContext, runIn } from "./context.ts"

type OnOutcome = NonNullable<BatchOptions["onOutcome"]>

/** Tells the outcomes of one run, each once, until that fails, which ends the run. */
export class Teller {
  /** What `onOutcome` threw, or rejected with. */
  failed: { readonly thrown: unknown } | undefined = undefined
  readonly #onOutcome: OnOutcome
  /** The context of the batch, in which the function is called. */
  readonly #context: ItemContext
  #run: Run | undefined = undefined
  readonly #onTheWay = new Set<Promise<void>>()

  constructor(onOutcome: OnOutcome, context: ItemContext) {
    this.#onOutcome = onOutcome
    this.#context = context
  }

  begin(run: Run): void {
    this.#run = run
  }

  /** What the engine is told; `answer` is called once an outcome was told. */
  options(answer: (outcome: AnyOutcome) => void = () => {}): Pick<RunOptions, "publish" | "delivered"> {
    const publish = (outcome: AnyOutcome): Effect.Effect<void> | undefined => {
      const told = this.tell(outcome)?.then(() => answer(outcome))
      if (told === undefined) return void answer(outcome)
      return Effect.promise(() => told)
    }
    return { publish, delivered: Effect.promise(() => this.settled()) }
  }

  /** Answers a promise that never rejects where there is something to wait for. */
  tell(outcome: AnyOutcome): Promise<void> | undefined {
    // What comes after a gap is not told.
    if (this.failed !== undefined) return undefined
    try {
      // The handlers of the classes have these types of params and actions.
      const answer: unknown = runIn(this.#context, () => this.#onOutcome(outcome as BatchOutcome))
      return isPromiseLike(answer) ? this.#follow(answer) : undefined
    } catch (thrown) {
      this.#fail(thrown)
      return undefined
    }
  }

  /** Waits until nothing is on its way. */
  async settled(): Promise<void> {
    while (this.#onTheWay.size > 0) await Promise.all(this.#onTheWay)
  }

  #follow(answer: PromiseLike<unknown>): Promise<void> {
    const told: Promise<void> = Promise.resolve(answer).then(
      () => void this.#onTheWay.delete(told),
      (thrown: unknown) => {
        this.#onTheWay.delete(told)
        this.#fail(thrown)
      }
    )
    this.#onTheWay.add(told)
    return told
  }

  #fail(thrown: unknown): void {
    if (this.failed !== undefined) return
    this.failed = { thrown }
    const run = this.#run!
    // Where the input had failed before, or the run was aborted, it rejects with that, and nobody else says this.
    if (run.fault !== undefined || this.#context.signal.aborted) {
      Effect.runFork(Effect.logWarning("onOutcome of the batch failed", thrown))
    }
    if (run.fault === undefined) run.endedBy = { _tag: "OutcomeFailure", reason: errorText(thrown) }
    run.breakDown(Cause.die(thrown))
  }
}
