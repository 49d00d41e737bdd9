/**
 * Errors of reports: of reading them, of planning from them, and what becomes of
 * an error that was saved without a schema.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { format } from "effect/Formatter"
import { shown } from "./errors/text.ts"

/**
 * What is read is no report, or not all of one.
 *
 * **Details**
 *
 * `Truncated`: the end is missing. `Syntax`: it is no JSON. `Foreign`: it is JSON, but no report of this library.
 * `Future`: a newer version of this library wrote it. `Invalid`: something in it is not as it was written.
 *
 * **Example** (Reading what is wrong, and where)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Report } from "parallel-batch-pipeline/effect"
 *
 * const error = await Effect.runPromise(Effect.flip(Report.fromJson("{\"name\":\"my package\"}")))
 *
 * error.reason // => "Foreign"
 * error.message // => "Cannot read the report at format: expected \"parallel-batch-pipeline/report\", got undefined"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidReport extends Data.TaggedError("InvalidReport")<{
  readonly reason: "Truncated" | "Syntax" | "Foreign" | "Future" | "Invalid"
  /** Where in the report: a path such as `outcomes[3].key`, or a line, or a position. */
  readonly place: string
  readonly expected: string
  readonly value: unknown
}> {
  override get message(): string {
    return `Cannot read the report at ${this.place}: expected ${this.expected}, got ${shown(this.value)}`
  }
}

/**
 * Stands for an error that a saved report has as text only: it is no plain data,
 * and its handler has no `error` schema, or one that does not describe it. Also for
 * what was thrown and is neither an `Error` nor plain data.
 *
 * **Example** (Reading what it was)
 *
 * ```ts
 * import { RenderedError } from "parallel-batch-pipeline/effect"
 *
 * const error = new RenderedError({ tag: "HttpError", text: "status 503", problem: "the handler has no error schema" })
 *
 * error.message // => "HttpError: status 503 (kept as text: the handler has no error schema)"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class RenderedError extends Data.TaggedError("RenderedError")<{
  /** What the error was called: its `_tag`, or the name of its class. */
  readonly tag: string
  /** Its message. */
  readonly text: string
  /** Why there is no more of it. */
  readonly problem: string
}> {
  override get message(): string {
    return `${this.tag}: ${this.text} (kept as text: ${this.problem})`
  }
}

/**
 * Stands for a value in a saved report that is no plain data, and for which there
 * is no schema: only its text was kept.
 *
 * **Example** (Reading what it was)
 *
 * ```ts
 * import { RenderedValue } from "parallel-batch-pipeline/effect"
 *
 * String(new RenderedValue({ text: "Connection({})" })) // => "Connection({}) (kept as text)"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class RenderedValue extends Data.TaggedClass("RenderedValue")<{ readonly text: string }> {
  override toString(): string {
    return `${this.text} (kept as text)`
  }
}

/**
 * The report is of another pipeline than the one that is to go on from it, or of
 * an earlier version.
 *
 * **Example** (Reading what has changed)
 *
 * ```ts
 * import { PipelineChanged } from "parallel-batch-pipeline/effect"
 *
 * const error = new PipelineChanged({ pipeline: "pricing", changes: ["its version was \"1\" and is \"2\""] })
 *
 * error.message // => "The report is of another \"pricing\": its version was \"1\" and is \"2\". Results of the one may be wrong for the other; with allowChanges: true they are taken all the same"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class PipelineChanged extends Data.TaggedError("PipelineChanged")<{
  readonly pipeline: string
  /** One sentence for each change. */
  readonly changes: ReadonlyArray<string>
}> {
  override get message(): string {
    return `The report is of another "${this.pipeline}": ${this.changes.join("; ")}. Results of the one may be wrong for the other; with allowChanges: true they are taken all the same`
  }
}

/**
 * The report says too little to go on from it: of some items it has no outcome,
 * no params, or other keys than those that the parameter sets have now.
 *
 * **Example** (Reading what is missing)
 *
 * ```ts
 * import { IncompleteReport } from "parallel-batch-pipeline/effect"
 *
 * const error = new IncompleteReport({ problem: "it keeps 3 of 100 outcomes", remedy: "run the batch with outcomes: \"all\"" })
 *
 * error.message // => "The report cannot be gone on from: it keeps 3 of 100 outcomes; run the batch with outcomes: \"all\""
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class IncompleteReport extends Data.TaggedError("IncompleteReport")<{
  readonly problem: string
  readonly remedy: string
}> {
  override get message(): string {
    return `The report cannot be gone on from: ${this.problem}; ${this.remedy}`
  }
}

/**
 * The report has no item with that key.
 *
 * **Example** (Reading which key it was)
 *
 * ```ts
 * import { UnknownKey } from "parallel-batch-pipeline/effect"
 *
 * new UnknownKey({ key: "/b", known: ["/a"], total: 1 }).message // => "The report has no item with the key \"/b\"; of its 1 keys the first is \"/a\""
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownKey extends Data.TaggedError("UnknownKey")<{
  readonly key: string
  /** Some keys that there are. */
  readonly known: ReadonlyArray<string>
  readonly total: number
}> {
  override get message(): string {
    const [first] = this.known
    const known =
      first === undefined ? "it keeps no outcomes" : `of its ${this.total} keys the first is ${format(first)}`
    return `The report has no item with the key ${format(this.key)}; ${known}`
  }
}
