/**
 * A run of a batch that goes on from a report: the options, checked, and the
 * batch whose items are in part taken over.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { hasProperty } from "effect/Predicate"
import { InvalidOptions } from "../BatchError.ts"
import { errorText } from "../errors/text.ts"
import { execute } from "../internal/execute.ts"
import * as Check from "../internal/options.ts"
import { checkShared, type Choice, entriesOf, type Given } from "../internal/report/entries.ts"
import { PlannedSource } from "../internal/report/redrive.ts"
import { Run } from "../internal/run.ts"
import type { RunOptions as EngineOptions } from "../internal/runOptions.ts"
import { reportOf } from "../internal/snapshot.ts"
import * as Source from "../internal/source.ts"
import { differences } from "../internal/stamp.ts"
import { isPromiseLike } from "../internal/tags.ts"
import type { Any as AnyReport } from "../Report.ts"
import { PipelineChanged } from "../ReportError.ts"
import type { BatchRunOptions } from "./BatchRunOptions.ts"
import type { ItemContext } from "./context.ts"
import type { Params } from "./lazyInput.ts"
import { nameOnly } from "./translate.ts"

/** How a batch runs its items, whatever those are. */
interface Batch {
  readonly signal: AbortSignal
  readonly options: EngineOptions
  readonly begin: (run: Run) => void
}

export class Redrive {
  readonly #report: AnyReport
  readonly #rerun: BatchRunOptions["rerun"]

  constructor(report: AnyReport, rerun: BatchRunOptions["rerun"]) {
    this.#report = report
    this.#rerun = rerun
  }

  /** Runs what the report has not, once the params are read to their end. */
  run(params: Params, batch: Batch): Effect.Effect<unknown, unknown, unknown> {
    const read = readAll(params, batch.signal, (cause) => this.#leave(cause, batch))
    return Effect.flatMap(read, (all) => {
      let source: PlannedSource
      return execute(
        () => {
          const { options } = batch
          checkShared(options.shared.ref.current)
          source = this.#source({ params: all, keyOf: options.keyOf })
          return { ...options, source }
        },
        undefined,
        (run) => {
          source.run = run
          batch.begin(run)
        }
      )
    })
  }

  #source(given: Given | undefined): PlannedSource {
    // The reports of the classes have these types of params and actions.
    const rerun = this.#rerun as Choice["rerun"]
    return new PlannedSource(entriesOf(this.#report, given, { reasonOf: () => "", rerun }), given !== undefined)
  }

  /** Nobody knows the params: what is known is what the report has, and it is in the next one as well. */
  #leave(cause: Cause.Cause<unknown>, batch: Batch): Effect.Effect<void> {
    return Effect.contextWith((services: Context.Context<never>) =>
      Effect.sync(() => {
        const source = this.#source(undefined)
        const run = new Run({ ...batch.options, source }, services as Context.Context<unknown>)
        source.run = run
        batch.begin(run)
        const reason = errorText(Cause.squash(cause))
        run.endBy(Cause.hasInterruptsOnly(cause) ? { _tag: "Interruption" } : { _tag: "InputFailure", reason })
        run.leaveRest()
        run.finished = reportOf(run)
        run.options.ended?.(run)
      })
    )
  }
}

/** Reads the whole input; where that does not come to its end, `failed` comes first, then the input is closed. */
const readAll = (
  params: Params,
  signal: AbortSignal,
  failed: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
): Effect.Effect<ReadonlyArray<unknown>, unknown, unknown> =>
  Effect.suspend(() => {
    const source = Source.make(params)
    if (source.items !== undefined) return Effect.succeed(source.items)
    const all: Array<unknown> = []
    const reading = Effect.whileLoop({
      while: () => {
        for (let next = source.next(); next !== Source.end; next = source.next()) {
          if (next === Source.pending) return true
          all.push(next)
        }
        return false
      },
      // What is at hand is read in any case; nobody waits for more once the run is aborted.
      body: () => (signal.aborted ? Effect.interrupt : source.pull),
      step: () => {}
    })
    const closed = Effect.onExit(reading, (exit) =>
      Effect.andThen(Exit.isFailure(exit) ? failed(exit.cause) : Effect.void, source.close)
    )
    return Effect.as(closed, all)
  })

const owned = new WeakMap<ItemContext, { readonly owner: object; readonly redrive: Redrive | undefined }>()

/** Has a run of a batch go on from a report, or from none. */
export const note = (context: ItemContext, owner: object, redrive: Redrive | undefined): void => {
  owned.set(context, { owner, redrive })
}

/** What the run goes on from of which this context is a part; the items of a batch are none. */
export const redriveIn = (context: ItemContext, owner: object): Redrive | undefined => {
  for (let at: ItemContext | undefined = context; at !== undefined; at = at.isPart ? at.parent : undefined) {
    const found = owned.get(at)
    if (found?.owner === owner) return found.redrive
  }
  return undefined
}

/** `isReplaced`: whether `handleRequest` is overridden. Throws `InvalidOptions` and `PipelineChanged`. */
export const redriveOf = (
  handler: object,
  options: BatchRunOptions | undefined,
  isReplaced: boolean
): Redrive | undefined => {
  const { allowChanges, redrive, rerun } = options ?? {}
  const owner = `a run of ${String(handler)}`
  const refuse = (option: string, value: unknown, expected: string): never => {
    throw new InvalidOptions({ option, value, expected, owner })
  }
  if (redrive === undefined) {
    const expected = "left out (it goes with redrive)"
    if (rerun !== undefined) refuse("rerun", rerun, expected)
    if (allowChanges !== undefined) refuse("allowChanges", allowChanges, expected)
    return undefined
  }
  const problem = problemOf(redrive)
  if (problem !== undefined) refuse("redrive", redrive, `a report${problem}`)
  if (isReplaced) {
    refuse("redrive", redrive, "left out (its handleRequest is overridden, and would run all items)")
  }
  Check.optionalFunction("rerun", rerun, owner)
  if (allowChanges !== undefined && typeof allowChanges !== "boolean") {
    refuse("allowChanges", allowChanges, "true or false")
  }
  const name = String(handler)
  const changes = differences(redrive.pipeline, nameOnly(name))
  if (changes.length > 0 && allowChanges !== true) throw new PipelineChanged({ pipeline: name, changes })
  return new Redrive(redrive, rerun)
}

/** Why a value is no report, as what was expected goes on. */
const problemOf = (value: unknown): string | undefined => {
  if (typeof value === "string") return ", not its text: await Effect.runPromise(Report.fromJson(text))"
  if (Effect.isEffect(value)) return ": await Effect.runPromise(Report.fromJson(text)), which is an effect"
  if (isPromiseLike(value)) return ": await the promise of one"
  if (hasProperty(value, "format")) return " as Report.fromJson reads it, not JSON.parse"
  const isReport =
    hasProperty(value, "outcomes") &&
    Array.isArray(value.outcomes) &&
    hasProperty(value, "duration") &&
    Duration.isDuration(value.duration) &&
    hasProperty(value, "endedBy") &&
    hasProperty(value, "pipeline")
  return isReport ? undefined : " (what runReport answers, or what Report.fromJson reads)"
}
