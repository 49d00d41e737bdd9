/**
 * Reports as text: for a terminal, for a browser, for a file and back. Read these
 * as `Report.format`, `Report.toHtml`, `Report.toJson` and so on.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Stream from "effect/Stream"
import { decodeReport } from "./internal/report/decode.ts"
import { isReport } from "./internal/report/diff.ts"
import { encodeReport } from "./internal/report/encode.ts"
import * as internalFormat from "./internal/report/format.ts"
import * as internalHtml from "./internal/report/html.ts"
import * as Lines from "./internal/report/lines.ts"
import { none, type Schemas, schemasOf } from "./internal/report/schemas.ts"
import type * as Text from "./internal/report/text.ts"
import type * as Outcome from "./Outcome.ts"
import * as Pipeline from "./Pipeline.ts"
import type { Any, Report } from "./Report.ts"
import type { InvalidReport, RenderedError } from "./ReportError.ts"

/**
 * Colours a piece of text. `styleText` of `node:util` is one; it knows whether
 * there is a terminal, and whether it shows colours.
 *
 * @category models
 * @since 0.1.0
 */
export type StyleText = Text.StyleText

/**
 * The options of `format`.
 *
 * @category options
 * @since 0.1.0
 */
export interface FormatOptions {
  /** Colours the text: `styleText` of `node:util`. Defaults to no colours. */
  readonly styleText?: StyleText | undefined
  /** How many columns a line may take; `Infinity` for a file, in which nothing is to be cut. Defaults to 120. */
  readonly width?: number | undefined
}

/**
 * The options of `toHtml`.
 *
 * @category options
 * @since 0.1.0
 */
export interface HtmlOptions {
  /** Defaults to the name of the pipeline. */
  readonly title?: string | undefined
  /**
   * How many items the page lists at most; those that did not succeed come before those that did, and the page says
   * what it leaves out. Defaults to 20,000.
   */
  readonly maxItems?: number | undefined
}

/**
 * The report that a text or a file holds: with its pipeline, errors are those of
 * the handlers, or `RenderedError` where there is no schema for them and they are no plain data.
 *
 * **Gotchas**
 *
 * Params, outputs and shared data that are no plain data read as `RenderedValue` where no schema describes them; their
 * types do not say so. A redrive runs such items again, or refuses them.
 *
 * @category models
 * @since 0.1.0
 */
export type Restored<P> =
  P extends Pipeline.Pipeline<infer Params, infer Decoded, infer S, infer O, infer A, infer E, any>
    ? Report<S, Outcome.Outcome<Params | Decoded, A, O, E | RenderedError>>
    : never

/**
 * Shows a report in a few lines: counts, why the batch ended, and what failed, as
 * `digest` groups it.
 *
 * **Details**
 *
 * Nothing of the data reaches the terminal as a control character. Colours are added by `styleText` of `node:util`,
 * where it is given: `Report.format(report, { styleText })`.
 *
 * **Example** (Showing what went wrong)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail(new Error(`${n} is odd`))
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const report = await Effect.runPromise(
 *   Batch.run(halves, { params: [{ n: 1 }, { n: 2 }, { n: 3 }], mode: "collect-all", key: ({ n }) => `number ${n}` })
 * )
 *
 * Report.format({ ...report, duration: "12 millis" as never }).split("\n") // => ["halves: 3 items in 12 ms", "", "  succeeded  1  33.3 %", "  failed     2  66.7 %", "", "2 failures, all of one kind", "  2  half  Error  <n> is odd", "     number 1, number 3, such as: 1 is odd"]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const format: {
  (options?: FormatOptions): (self: Any) => string
  (self: Any, options?: FormatOptions): string
} = dual(
  (args) => isReport(args[0]),
  (self: Any, options?: FormatOptions): string => internalFormat.format(self, options ?? {})
)

/**
 * Makes one self-contained page of a report: summary, digest, a timeline, and a
 * table of all items that filters and sorts.
 *
 * **Details**
 *
 * The page asks for nothing from anywhere, and runs nothing that comes from the data. The timeline shows when items
 * ran; with the option `timings` of the batch it shows their steps.
 *
 * **Example** (Making a page)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail("odd")
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const report = await Effect.runPromise(
 *   Batch.run(halves, { params: [{ n: 2 }, { n: 3 }], mode: "collect-all", timings: true })
 * )
 * const page = Report.toHtml(report) // to write into report.html
 *
 * page.startsWith("<!doctype html>") // => true
 * ```
 *
 * @category converting
 * @since 0.1.0
 */
export const toHtml: {
  (options?: HtmlOptions): (self: Any) => string
  (self: Any, options?: HtmlOptions): string
} = dual(
  (args) => isReport(args[0]),
  (self: Any, options?: HtmlOptions): string => internalHtml.toHtml(self, options ?? {})
)

/**
 * Writes a report as JSON text, an outcome a line.
 *
 * **Details**
 *
 * With its pipeline, errors are written with the `error` schema of their handler, and read again as what they were.
 * The errors of this library need no schema. Without one, an error that is plain data is kept as it is, and
 * of every other its tag and its text: it reads as a `RenderedError`, also where it was thrown and is no `Error`. Whatever
 * an error reads as, it says what it said: `digest` and `format` show the same. Params, outputs and shared data are kept as they
 * are where they are plain data, with dates, URLs, bytes, typed arrays, bigints, Map and Set; else the `params`, `output` and
 * `shared` schemas write them, and without one they read as a `RenderedValue`. Of a thrown bug its name, message and
 * stack are kept.
 *
 * **Example** (Saving a report, and reading it again)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
 *
 * class Odd extends Schema.TaggedError<Odd>()("Odd", { n: Schema.Number }) {}
 *
 * const half = Handler.make("half", {
 *   handleRequest: ({ n }: { readonly n: number }) => n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail(new Odd({ n })),
 *   error: Odd
 * })
 * const halves = Pipeline.make("halves", { handlers: { half }, start: "half" })
 *
 * const report = await Effect.runPromise(Batch.run(halves, { params: [{ n: 2 }, { n: 3 }], mode: "collect-all" }))
 * const text = Report.toJson(report, halves)
 * const restored = await Effect.runPromise(Report.fromJson(text, halves))
 *
 * Report.errors(restored).map((error) => error instanceof Odd && error.n) // => [3]
 * ```
 *
 * @see {@link toJsonLines} for reports that are too large for one text
 * @category converting
 * @since 0.1.0
 */
export const toJson: {
  (pipeline?: Pipeline.Any): (self: Any) => string
  (self: Any, pipeline?: Pipeline.Any): string
} = dual(
  (args) => isReport(args[0]),
  (self: Any, pipeline?: Pipeline.Any): string => encodeReport(self, schemasFor(pipeline))
)

/**
 * Reads a report that `toJson` has written.
 *
 * **Details**
 *
 * Without the pipeline there are no schemas: errors that were written with one read as `RenderedError`, with their tag
 * and their message, and values as `RenderedValue`; saved again, such values are as they were. The report keeps the stamp of the pipeline that it is of; reading does not ask whether that is
 * the one given.
 *
 * What is no report, only a part of one, of a newer version, or not as it was written fails with `InvalidReport`,
 * which names the place.
 *
 * **Example** (Learning what is wrong with a file)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
 *
 * const one = Handler.make("one", { handleRequest: () => Effect.succeed(1) })
 * const ones = Pipeline.make("ones", { handlers: { one }, start: "one" })
 *
 * const text = Report.toJson(await Effect.runPromise(Batch.run(ones, { params: [{}] })), ones)
 * const error = await Effect.runPromise(Effect.flip(Report.fromJson(text.slice(0, 100), ones)))
 *
 * error.reason // => "Truncated"
 * error.place // => "position 100"
 * ```
 *
 * @category converting
 * @since 0.1.0
 */
export const fromJson: {
  <P extends Pipeline.Any>(text: string, pipeline: P): Effect.Effect<Restored<P>, InvalidReport>
  (text: string): Effect.Effect<Any, InvalidReport>
} = (text: string, pipeline?: Pipeline.Any): Effect.Effect<never, InvalidReport> =>
  // The decoder answers what the schemas say, and so does the type.
  Lines.expecting(() => decodeReport(text, schemasFor(pipeline))) as Effect.Effect<never, InvalidReport>

/**
 * Writes a report as JSON Lines: a line for the report, then one for each outcome.
 * No more than a few lines are in memory at a time.
 *
 * **Example** (Writing line after line)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
 *
 * const one = Handler.make("one", { handleRequest: () => Effect.succeed(1) })
 * const ones = Pipeline.make("ones", { handlers: { one }, start: "one" })
 *
 * const report = await Effect.runPromise(Batch.run(ones, { params: [{ n: 1 }, { n: 2 }] }))
 * const text = await Effect.runPromise(Stream.mkString(Report.toJsonLines(report, ones)))
 *
 * text.trimEnd().split("\n").length // => 3
 * ```
 *
 * @see {@link toJson} for what is kept, and how
 * @category converting
 * @since 0.1.0
 */
export const toJsonLines: {
  (pipeline?: Pipeline.Any): (self: Any) => Stream.Stream<string>
  (self: Any, pipeline?: Pipeline.Any): Stream.Stream<string>
} = dual(
  (args) => isReport(args[0]),
  (self: Any, pipeline?: Pipeline.Any): Stream.Stream<string> => Lines.write(self, schemasFor(pipeline))
)

/**
 * Reads a report that `toJsonLines` has written, as the lines come: of the text no
 * more than a line is in memory.
 *
 * **Details**
 *
 * The pieces of the stream may be cut anywhere; bytes are read as UTF-8. Fails as `fromJson` does, and names the line.
 *
 * **Example** (Reading line after line)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Batch, Handler, Pipeline, Report } from "parallel-batch-pipeline/effect"
 *
 * const one = Handler.make("one", { handleRequest: () => Effect.succeed(1) })
 * const ones = Pipeline.make("ones", { handlers: { one }, start: "one" })
 *
 * const report = await Effect.runPromise(Batch.run(ones, { params: [{ n: 1 }, { n: 2 }] }))
 * const restored = await Effect.runPromise(Report.fromJsonLines(Report.toJsonLines(report, ones), ones))
 *
 * restored.succeeded // => 2
 * ```
 *
 * @category converting
 * @since 0.1.0
 */
export const fromJsonLines: {
  <P extends Pipeline.Any, E, R>(
    lines: Stream.Stream<string | Uint8Array, E, R>,
    pipeline: P
  ): Effect.Effect<Restored<P>, E | InvalidReport, R>
  <E, R>(lines: Stream.Stream<string | Uint8Array, E, R>): Effect.Effect<Any, E | InvalidReport, R>
} = <E, R>(
  lines: Stream.Stream<string | Uint8Array, E, R>,
  pipeline?: Pipeline.Any
): Effect.Effect<never, E | InvalidReport, R> =>
  // As in `fromJson`.
  Lines.read(lines, schemasFor(pipeline)) as Effect.Effect<never, E | InvalidReport, R>

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What is no pipeline is the index that `map` of an array gives. */
const schemasFor = (pipeline: Pipeline.Any | undefined): Schemas =>
  Pipeline.isPipeline(pipeline) ? schemasOf(pipeline.definition) : none
