/**
 * One step of a pipeline, as a class.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import { format } from "effect/Formatter"
import type { Any as AnyGate, Rate } from "../Gate.ts"
import { gateOf } from "../internal/gate/policy.ts"
import * as Check from "../internal/options.ts"
import type { Names } from "../internal/spelling.ts"
import { isPromiseLike } from "../internal/tags.ts"
import { BaseHandler, type Policy, type SharedData } from "./BaseHandler.ts"
import { current } from "./context.ts"

/**
 * The options of a `Handler`.
 *
 * @category options
 * @since 0.1.0
 */
export interface HandlerOptions {
  /** How often `handleRequest` is called at most: 1 is no retry. Defaults to `1`. */
  readonly maxRetries?: number | undefined
  /**
   * The wait before each retry, in milliseconds, or a function that says how long it is, of the attempt that has failed,
   * from 1, and its error: what was thrown, or a `HandlerTimeout`. Twice as long each time, and at random:
   * `(attempt) => 100 * 2 ** attempt * Math.random()`. It is asked only where there is another attempt; where it throws,
   * or answers no such number, the item fails with that. Defaults to `0`.
   */
  readonly retryDelayMs?: number | ((attempt: number, error: unknown) => number) | undefined
  /** Whether an error is worth a retry: what was thrown, or a `HandlerTimeout`. Defaults to every error. */
  readonly retryIf?: ((error: unknown) => boolean) | undefined
  /** The limit of each attempt, in milliseconds. Defaults to none. */
  readonly timeoutMs?: number | undefined
  /**
   * What each call of `handleRequest` goes through; the item waits for it behind `prepareInputs`. A thrown error with a
   * `retryAfter`, or a thrown `Response` 429 or 503 with the header `Retry-After`, closes it, and the request is made
   * again when it opens. Defaults to no gate.
   */
  readonly gate?: AnyGate | undefined
  /** How many calls start within a window: short for a gate of the handler's own with this rate. Defaults to no limit. */
  readonly rate?: Rate | undefined
  /** The name in reports and errors. Defaults to the name of the class. */
  readonly name?: string | undefined
}

/**
 * One step of a pipeline. Extend it, and write `handleRequest`.
 *
 * **Details**
 *
 * Attempts belong to one run of the handler: items that run at the same time
 * never share a counter. `handleError` runs once, after the last attempt.
 *
 * **Example** (Writing a handler)
 *
 * ```ts
 * import { Handler } from "parallel-batch-pipeline"
 *
 * class Length extends Handler<{ text: string }, number> {
 *   protected async handleRequest(inputs: { text: string }): Promise<number> {
 *     return inputs.text.length
 *   }
 *
 *   protected processResults(sharedData: { [key: string]: unknown }, _inputs: { text: string }, outputs: number): string {
 *     sharedData.length = outputs
 *     return "measured"
 *   }
 * }
 *
 * const length = new Length({ maxRetries: 3, retryDelayMs: 100 })
 * length.setParams({ text: "abc" })
 * const shared = {}
 *
 * await length.run(shared) // => "measured"
 * shared // => { length: 3 }
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export abstract class Handler<TInput, TOutput, TSharedData extends SharedData = SharedData> extends BaseHandler<
  TInput,
  TOutput,
  TSharedData
> {
  readonly #policy: Policy
  readonly #name: string | undefined

  constructor(options: HandlerOptions = {}) {
    super()
    Check.object("options", options, "an object", new.target.name)
    Check.spelling(new.target.name, options, names, aliases)
    Check.optionalSync("retryIf", options.retryIf, new.target.name)
    const timeoutMs: Duration.Input | undefined = options.timeoutMs
    this.#name = Check.optionalName(options.name, new.target.name)
    this.#policy = {
      maxRetries: Check.positiveInteger("maxRetries", options.maxRetries ?? 1),
      retryDelayMs: this.#delay(options.retryDelayMs ?? 0),
      retryIf: options.retryIf,
      timeout: timeoutMs === undefined ? undefined : Check.duration("timeoutMs", timeoutMs),
      // Not `toString` of a subclass, whose fields are not there yet.
      gate: gateOf(options.name ?? new.target.name, options)
    }
  }

  override toString(): string {
    return this.#name ?? super.toString()
  }

  /**
   * Says in `handleRequest` what the start of this request has really cost at the gate, for costs that are known only
   * afterwards, such as the tokens of a model. Where the handler has no gate, it is the gate of its batch that is told,
   * where the costs of all requests of an item add up; where that has none either, it throws. The last call within a request
   * is what counts. The gate alone is told: `cost` of the report is what the option `cost` of the batch says.
   */
  protected settleCost(actual: number): void {
    const context = current()
    if (context?.hasGate !== true)
      throw new Error(
        `settleCost of ${this} was called outside of a request, or where neither it nor its batch has a gate`
      )
    context.settle(actual)
  }

  #delay(given: NonNullable<HandlerOptions["retryDelayMs"]>): Policy["retryDelayMs"] {
    if (typeof given !== "function") return Check.millis("retryDelayMs", given, " (or a function that answers them)")
    return (attempt, error) => {
      const millis: unknown = given(attempt, error)
      if (Number.isFinite(millis) && (millis as number) >= 0) return millis as number
      const shown = isPromiseLike(millis) ? "a promise, which nobody waits for" : format(millis)
      if (isPromiseLike(millis)) Promise.resolve(millis).catch(() => {})
      throw new TypeError(`retryDelayMs of ${this} answered ${shown}, expected milliseconds (a number of at least 0)`)
    }
  }

  /** @internal */
  protected override policy(): Policy {
    return this.#policy
  }
}

// internal

const names: Names<HandlerOptions> = {
  maxRetries: true,
  retryDelayMs: true,
  retryIf: true,
  timeoutMs: true,
  gate: true,
  rate: true,
  name: true
}

const ofBatches = "it is an option of the batches"

/** As the modules and other libraries call them, and what stands elsewhere. */
const aliases = {
  retries: "maxRetries",
  retry: "maxRetries",
  maxRetry: "maxRetries",
  concurrency:
    "it is an option of ParallelBatchPipeline; for this handler alone write gate: Gate.make({ concurrency })",
  concurrencyPerKey: "write gate: Gate.make({ concurrencyPerKey, key })",
  cost: "write gate: Gate.make({ rate, cost }); what an outcome costs is an option of the batches",
  settleCost: "call this.settleCost in handleRequest",
  budget: ofBatches,
  onProgress: ofBatches,
  onOutcome: ofBatches,
  tolerate: "it is an option of ParallelBatchPipeline"
}
