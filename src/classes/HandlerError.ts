/**
 * The error of `toEffect`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { messageOf } from "../errors/text.ts"

/**
 * What a handler threw, as the typed error of `toEffect`.
 *
 * **Example** (Catching it by its tag)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Handler } from "parallel-batch-pipeline"
 *
 * class Fail extends Handler<unknown, string> {
 *   protected handleRequest(): string {
 *     throw new Error("no")
 *   }
 * }
 *
 * const caught = new Fail().toEffect({}).pipe(
 *   Effect.catchTag("HandlerError", (error) => Effect.succeed(`${error.handler}: ${error.cause}`))
 * )
 *
 * await Effect.runPromise(caught) // => "Fail: Error: no"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class HandlerError extends Data.TaggedError("HandlerError")<{
  /** The name of the handler that threw. */
  readonly handler: string
  /** The very value that it threw. */
  readonly cause: unknown
}> {
  override get message(): string {
    return `Handler "${this.handler}" failed: ${messageOf(this.cause)}`
  }
}
