/**
 * Outcomes as the engine makes them: `key`, `duration` and `path` are computed
 * when they are read, because a batch of a million items rarely asks for all.
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import { format } from "effect/Formatter"
import { NodeInspectSymbol } from "effect/Inspectable"
import type { ItemError } from "../BatchError.ts"
import { messageOf } from "../errors/text.ts"
import type * as Outcome from "../Outcome.ts"
import type { Trail } from "./trail.ts"

/** Names an item by its params. */
export type KeyOf = (params: unknown) => string

/** The caller's function for keys; what is no string can be the key of nothing. */
export const checkedKey =
  (keyOf: KeyOf): KeyOf =>
  (params) => {
    const key: unknown = keyOf(params)
    if (typeof key === "string") return key
    throw new TypeError(`key of a batch answered ${format(key)}, expected a string`)
  }

/** What an outcome takes over from a running item; the rest of the item can go. */
interface Ran {
  readonly index: number
  readonly params: unknown
  readonly attempts: number
  readonly trail: Trail
  /** In milliseconds, from the start of the batch. */
  readonly startedAt: number
  /** When each step of the trail began; `undefined` where the batch does not record it. */
  readonly stepStarts: ReadonlyArray<number> | undefined
}

/** The key for who looks at more than that: where the caller's function throws, he is to see the rest all the same. */
export const keyText = (outcome: { readonly index: number; readonly key: string }): string => {
  try {
    return outcome.key
  } catch (thrown) {
    return `(item ${outcome.index} has no key: ${messageOf(thrown)})`
  }
}

abstract class Base {
  abstract readonly _tag: string
  readonly index: number
  readonly params: unknown
  #key: KeyOf | string

  constructor(index: number, params: unknown, keyOf: KeyOf) {
    this.index = index
    this.params = params
    this.#key = keyOf
  }

  get key(): string {
    if (typeof this.#key !== "string") this.#key = this.#key(this.params)
    return this.#key
  }

  toJSON(): unknown {
    return { ...this, key: keyText(this) }
  }

  [NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

abstract class Started extends Base {
  readonly attempts: number
  readonly #trail: Trail
  readonly #startedAt: number
  readonly #millis: number
  readonly #stepStarts: ReadonlyArray<number> | undefined

  constructor(ran: Ran, keyOf: KeyOf, millis: number) {
    super(ran.index, ran.params, keyOf)
    this.attempts = ran.attempts
    this.#trail = ran.trail
    this.#startedAt = ran.startedAt
    this.#millis = millis
    this.#stepStarts = ran.stepStarts
  }

  get path(): ReadonlyArray<string> {
    return this.#trail.toArray()
  }

  get startedAfter(): Duration.Duration {
    return Duration.millis(this.#startedAt)
  }

  get duration(): Duration.Duration {
    return Duration.millis(this.#millis)
  }

  get timings(): ReadonlyArray<Outcome.StepTiming> | undefined {
    const starts = this.#stepStarts
    if (starts === undefined) return undefined
    const end = this.#startedAt + this.#millis
    // For cheap items the clock is read less often than for their steps.
    const at = (position: number): number => Math.min(starts[position] ?? end, end)
    // A step that was not begun, because there were too many, has no start.
    return this.path.slice(0, starts.length).map((step, position) => ({
      step,
      startedAfter: Duration.millis(at(position)),
      duration: Duration.millis(at(position + 1) - at(position))
    }))
  }

  override toJSON(): unknown {
    const { duration, path, startedAfter, timings } = this
    const seen = { ...this, key: keyText(this), startedAfter, duration, path }
    return timings === undefined ? seen : { ...seen, timings }
  }
}

export class Succeeded extends Started implements Outcome.Succeeded<unknown, string, unknown> {
  readonly _tag = "Succeeded"
  readonly action: string
  readonly output: unknown
  readonly reused = false

  constructor(ran: Ran, keyOf: KeyOf, millis: number, action: string, output: unknown) {
    super(ran, keyOf, millis)
    this.action = action
    this.output = output
  }
}

export class Failed extends Started implements Outcome.Failed<unknown, unknown> {
  readonly _tag = "Failed"
  readonly handler: string | undefined
  readonly cause: Cause.Cause<ItemError<unknown>>

  constructor(ran: Ran, keyOf: KeyOf, millis: number, handler: string | undefined, cause: Cause.Cause<unknown>) {
    super(ran, keyOf, millis)
    this.handler = handler
    this.cause = cause
  }
}

export class Skipped extends Started implements Outcome.Skipped<unknown> {
  readonly _tag = "Skipped"
  readonly handler: string
  readonly reason: string

  constructor(ran: Ran, keyOf: KeyOf, millis: number, handler: string, reason: string) {
    super(ran, keyOf, millis)
    this.handler = handler
    this.reason = reason
  }
}

export class Interrupted extends Started implements Outcome.Interrupted<unknown> {
  readonly _tag = "Interrupted"
  readonly handler: string | undefined
  declare readonly reason?: string | undefined

  constructor(ran: Ran, keyOf: KeyOf, millis: number, handler: string | undefined, reason: string | undefined) {
    super(ran, keyOf, millis)
    this.handler = handler
    if (reason !== undefined) this.reason = reason
  }
}

export class NotStarted extends Base implements Outcome.NotStarted<unknown> {
  readonly _tag = "NotStarted"
  readonly reason: string | undefined

  constructor(index: number, params: unknown, keyOf: KeyOf, reason: string | undefined) {
    super(index, params, keyOf)
    this.reason = reason
  }
}

export type AnyOutcome = Succeeded | Failed | Skipped | Interrupted | NotStarted
