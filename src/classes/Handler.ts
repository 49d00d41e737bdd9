/**
 * One step of a pipeline, as a class.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Check from "../internal/options.ts"
import { BaseHandler, type Policy, type SharedData } from "./BaseHandler.ts"

/**
 * The options of a `Handler`.
 *
 * @category options
 * @since 0.1.0
 */
export interface HandlerOptions {
  /** How often `handleRequest` is called at most: 1 is no retry. Defaults to `1`. */
  readonly maxRetries?: number | undefined
  /** The wait before each retry, in milliseconds. Defaults to `0`. */
  readonly retryDelayMs?: number | undefined
  /** The limit of each attempt, in milliseconds. Defaults to none. */
  readonly timeoutMs?: number | undefined
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
    const timeoutMs: Duration.Input | undefined = options.timeoutMs
    this.#name = options.name
    this.#policy = {
      maxRetries: Check.positiveInteger("maxRetries", options.maxRetries ?? 1),
      retryDelayMs: Check.millis("retryDelayMs", options.retryDelayMs ?? 0),
      timeout: timeoutMs === undefined ? undefined : Check.duration("timeoutMs", timeoutMs)
    }
  }

  override toString(): string {
    return this.#name ?? super.toString()
  }

  /** @internal */
  protected override policy(): Policy {
    return this.#policy
  }
}
