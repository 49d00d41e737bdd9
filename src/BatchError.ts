/**
 * Errors of handlers, pipelines and batches.
 *
 * This module stands below every other one: the engine raises these errors and
 * the public modules name them in their types. `BatchFailed` is generic in the
 * error of your handlers. `InvalidOptions` and `InvalidPipeline` say that the
 * calling code is wrong; they are raised as defects and stay out of every error
 * type.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import { format } from "effect/Formatter"
import { fromValueNow, type RetryAfter } from "./errors/retryAfter.ts"
import { lineOf, shown, stoppedBy } from "./errors/text.ts"
import type * as Report from "./Report.ts"

/**
 * What one item can fail with: the errors of its handlers, and what the batch itself can find wrong with an item.
 *
 * @category errors
 * @since 0.1.0
 */
export type ItemError<E> = E | InvalidParams | SharedDataConflict | TooManySteps

/**
 * A parameter set does not fit the schema of a handler.
 *
 * **Details**
 *
 * Only the item with these params fails; no handler has run for it. `path` leads
 * to the offending value inside the params.
 *
 * **Example** (Reading what was wrong)
 *
 * ```ts
 * import { InvalidParams } from "parallel-batch-pipeline/effect"
 *
 * const error = new InvalidParams({ index: 3, path: ["url"], value: 1, expected: "Expected string, got 1" })
 *
 * error.message // => "Invalid params of item 3 at [\"url\"]: Expected string, got 1"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidParams extends Data.TaggedError("InvalidParams")<{
  /** The position of the parameter set in the input, from 0. */
  readonly index: number
  readonly path: ReadonlyArray<PropertyKey>
  /** The value at `path`. */
  readonly value: unknown
  /** What the schema says of it. */
  readonly expected: string
}> {
  override get message(): string {
    const at = this.path.length === 0 ? "" : ` at ${this.path.map((key) => `[${format(key)}]`).join("")}`
    const got = this.expected.includes("got ") ? "" : `, got ${format(this.value)}`
    return `Invalid params of item ${this.index}${at}: ${this.expected}${got}`
  }
}

/**
 * An item has the key of an item that came before it, and the batch was told with
 * `duplicates: "error"` that keys are unique. No handler has run for it.
 *
 * **Example** (Reading which items share a key)
 *
 * ```ts
 * import { DuplicateKey } from "parallel-batch-pipeline/effect"
 *
 * new DuplicateKey({ key: "/a", index: 7, first: 2 }).message // => "Item 7 has the key \"/a\" of item 2"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class DuplicateKey extends Data.TaggedError("DuplicateKey")<{
  readonly key: string
  /** The position of the item in the input, from 0. */
  readonly index: number
  /** The position of the item that had the key before. */
  readonly first: number
  /** The text of the params, where the key is a hash. */
  readonly params?: string | undefined
}> {
  override get message(): string {
    const of = this.params === undefined ? "" : `, with the params ${this.params}`
    return `Item ${this.index} has the key ${format(this.key)} of item ${this.first}${of}`
  }
}

/**
 * An attempt of a handler took longer than its `timeout`.
 *
 * **Example** (Reading which handler was too slow)
 *
 * ```ts
 * import { Duration } from "effect"
 * import { HandlerTimeout } from "parallel-batch-pipeline/effect"
 *
 * const error = new HandlerTimeout({ handler: "fetchPage", duration: Duration.seconds(10) })
 *
 * error.message // => "Handler \"fetchPage\" took longer than 10s"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class HandlerTimeout extends Data.TaggedError("HandlerTimeout")<{
  /** The name of the step. */
  readonly handler: string
  /** The limit that was passed. */
  readonly duration: Duration.Duration
}> {
  override get message(): string {
    return `Handler "${this.handler}" took longer than ${Duration.format(this.duration)}`
  }
}

/**
 * An item passed through more handlers than `maxSteps` allows, which says that
 * the graph loops and does not end.
 *
 * **Example** (Reading where the loop was cut)
 *
 * ```ts
 * import { TooManySteps } from "parallel-batch-pipeline/effect"
 *
 * const error = new TooManySteps({ handler: "poll", maxSteps: 1000 })
 *
 * error.message // => "Stopped before handler \"poll\": the item had passed through maxSteps (1000) handlers"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManySteps extends Data.TaggedError("TooManySteps")<{
  /** The step that was not run any more. */
  readonly handler: string
  readonly maxSteps: number
}> {
  override get message(): string {
    return `Stopped before handler "${this.handler}": the item had passed through maxSteps (${this.maxSteps}) handlers`
  }
}

/**
 * Two items changed the same part of the shared data, each in its own snapshot,
 * and no `merge` says how to bring the values together.
 *
 * **Details**
 *
 * Only raised with `isolation: "snapshot"`. The item leaves no trace in the
 * shared data.
 *
 * **Example** (Reading both values)
 *
 * ```ts
 * import { SharedDataConflict } from "parallel-batch-pipeline/effect"
 *
 * const error = new SharedDataConflict({ key: "count", base: 0, mine: 1, theirs: 5 })
 *
 * error.message // => "Two items changed the shared data at \"count\": this one to 1, another to 5; give a merge for it"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class SharedDataConflict extends Data.TaggedError("SharedDataConflict")<{
  /** The dotted path of the value. */
  readonly key: string
  /** The value the item started from. */
  readonly base: unknown
  /** What the item made of it. */
  readonly mine: unknown
  /** What another item has made of it meanwhile. */
  readonly theirs: unknown
}> {
  override get message(): string {
    return `Two items changed the shared data at "${this.key}": this one to ${format(this.mine)}, another to ${format(
      this.theirs
    )}; give a merge for it`
  }
}

/**
 * An item run by `Pipeline.run` ended with `Handler.skip`, so there is no action
 * and no output to answer.
 *
 * **Example** (Reading the reason)
 *
 * ```ts
 * import { ItemSkipped } from "parallel-batch-pipeline/effect"
 *
 * new ItemSkipped({ handler: "readFile", reason: "unchanged" }).message // => "Handler \"readFile\" skipped the item: unchanged"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class ItemSkipped extends Data.TaggedError("ItemSkipped")<{
  readonly handler: string
  readonly reason: string
}> {
  override get message(): string {
    return `Handler "${this.handler}" skipped the item: ${this.reason}`
  }
}

/**
 * The other side says that it is too much for now, and may say when to come back.
 *
 * **Details**
 *
 * Where it fails a request behind a gate, it closes the gate for the key of that
 * request: no item with that key starts before `retryAfter` has passed. Without
 * `retryAfter` it closes nothing, unless the option `closeOn` of the gate says so;
 * a concurrency that adapts halves in either case.
 *
 * It is made from a `Duration`, a `Date`, seconds, or the text of the header
 * `Retry-After`; what is none of these is refused with `InvalidOptions`.
 *
 * **Example** (Saying how long to wait)
 *
 * ```ts
 * import { Duration } from "effect"
 * import { RateLimited } from "parallel-batch-pipeline/effect"
 *
 * const error = new RateLimited({ retryAfter: "30" })
 *
 * error.message // => "Rate limited, retry after 30s"
 * error.retryAfter // => Duration.seconds(30)
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class RateLimited extends Data.TaggedError("RateLimited")<{
  /** When to come back, where the other side has said so. */
  readonly retryAfter?: Duration.Duration | undefined
  /** What the other side has answered. */
  readonly cause?: unknown
}> {
  constructor(options: { readonly retryAfter?: RetryAfter | null | undefined; readonly cause?: unknown } = {}) {
    const { retryAfter, ...rest } = options
    super(retryAfter === undefined || retryAfter === null ? rest : { ...rest, retryAfter: toDuration(retryAfter) })
  }

  override get message(): string {
    return this.retryAfter === undefined
      ? "Rate limited"
      : `Rate limited, retry after ${Duration.format(this.retryAfter)}`
  }
}

/**
 * A start costs something that makes no sense, or more than the limit of its
 * gate, so that it could never be made. Raised as a defect.
 *
 * **Example** (Reading what was wrong)
 *
 * ```ts
 * import { InvalidCost } from "parallel-batch-pipeline/effect"
 *
 * new InvalidCost({ cost: 5000, limit: 1000 }).message // => "Expected the cost of a start to be at least 0 and at most 1000, the limit of its gate, got 5000"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidCost extends Data.TaggedError("InvalidCost")<{
  readonly cost: number
  /** `Infinity` where the cost was settled afterwards, or the gate has no rate. */
  readonly limit: number
}> {
  override get message(): string {
    const most = Number.isFinite(this.limit) ? ` and at most ${this.limit}, the limit of its gate` : ""
    return `Expected the cost of a start to be at least 0${most}, got ${format(this.cost)}`
  }
}

/**
 * A batch ended because items failed: at the first failure of a fail-fast batch,
 * or at the first that is more than `tolerate` allows. It carries the report of
 * everything that had finished, was interrupted, or never started.
 *
 * **Example** (Keeping what had finished)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail("odd" as const)
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const failed = await Effect.runPromise(
 *   Effect.flip(Batch.run(halves, { params: [{ n: 2 }, { n: 3 }, { n: 4 }], concurrency: 1 }))
 * )
 *
 * failed.error // => "odd"
 * failed.report.outcomes.map((outcome) => outcome._tag) // => ["Succeeded", "Failed", "NotStarted"]
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class BatchFailed<out E, out R extends Report.Any = Report.Any> extends Data.TaggedError("BatchFailed")<{
  /** The error of the item that ended the batch; `undefined` where that was a thrown bug. */
  readonly error: ItemError<E> | undefined
  /** The whole cause of that failure. */
  readonly cause: Cause.Cause<ItemError<E>>
  /** What had finished, what was interrupted, what never started. */
  readonly report: R
}> {
  override get message(): string {
    const { endedBy, failed, interrupted, notStarted, succeeded } = this.report
    const counts = `${succeeded} succeeded, ${failed} failed, ${interrupted} interrupted, ${notStarted} not started`
    return `The batch stopped ${stoppedBy(endedBy)} (${counts}): ${lineOf(this.cause)}`
  }

  /** Without the report: a log is no place for all params. */
  override toJSON(): unknown {
    return { _tag: this._tag, message: this.message, error: this.error }
  }
}

/**
 * An option has a value that makes no sense. The calling code is wrong, so it is
 * raised as a defect and is in no error type.
 *
 * **Example** (Reading which option was wrong)
 *
 * ```ts
 * import { InvalidOptions } from "parallel-batch-pipeline/effect"
 *
 * const error = new InvalidOptions({ option: "concurrency", value: 0, expected: "a positive integer or \"unbounded\"" })
 *
 * error.message // => "Expected option \"concurrency\" to be a positive integer or \"unbounded\", got 0"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions extends Data.TaggedError("InvalidOptions")<{
  readonly option: string
  readonly value: unknown
  readonly expected: string
  /** Whose option it is, such as `handler "fetch"`; left out where that is plain. */
  readonly owner?: string | undefined
}> {
  override get message(): string {
    const of = this.owner === undefined ? "" : ` of ${this.owner}`
    return `Expected option "${this.option}"${of} to be ${this.expected}, got ${shown(this.value)}`
  }
}

/**
 * The graph of a pipeline names a handler that it does not have.
 *
 * **Details**
 *
 * The compiler finds this in graphs written as literals; `Pipeline.validate`
 * answers it for graphs made from data. A batch over such a pipeline dies with
 * it before anything runs.
 *
 * **Example** (Reading every problem)
 *
 * ```ts
 * import { InvalidPipeline } from "parallel-batch-pipeline/effect"
 *
 * const error = new InvalidPipeline({ pipeline: "crawl", problems: ["start names no handler: \"fetch\""] })
 *
 * error.message // => "Pipeline \"crawl\" is not valid: start names no handler: \"fetch\""
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidPipeline extends Data.TaggedError("InvalidPipeline")<{
  readonly pipeline: string
  readonly problems: ReadonlyArray<string>
}> {
  override get message(): string {
    return `Pipeline "${this.pipeline}" is not valid: ${this.problems.join("; ")}`
  }
}

// internal

const toDuration = (value: RetryAfter): Duration.Duration => {
  const duration = fromValueNow(value)
  if (duration !== undefined) return duration
  const expected = "a Duration, a Date, seconds, or the text of the header Retry-After"
  throw new InvalidOptions({ option: "retryAfter", value, expected, owner: "RateLimited" })
}
