/**
 * One item on its way through the graph: all of its state, and nothing of the
 * worker that drives it, so that an item can be put aside and go on elsewhere.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Scope from "effect/Scope"
import { CurrentItem, logged } from "./currentItem.ts"
import type { First, Result } from "./duplicates.ts"
import type { Ending } from "./ending.ts"
import type { Verdict } from "./gate/aimd.ts"
import { Holding, type Payer } from "./gate/holding.ts"
import type { Permit } from "./gate/permit.ts"
import { settle } from "./gate/policy.ts"
import type { Judgement } from "./gate/verdict.ts"
import type { Step } from "./graph.ts"
import { LazySignal } from "./lazySignal.ts"
import type { KeyOf } from "./outcome.ts"
import type { Cell } from "./shared.ts"
import type { Trail } from "./trail.ts"

/** What several requests have cost that have one start in common. */
interface Bill {
  /** What those before the last one have cost. */
  readonly before: number
  /** What the last one has cost, and which that was. */
  readonly last: number
  readonly attempts: number
}

export class Item implements CurrentItem, Payer {
  readonly index: number
  readonly params: unknown
  /** Where the item finds the shared data: that of the batch, or a copy of its own. */
  readonly cell: Cell
  readonly startedAt: number
  /** When each step began, where the batch records it. */
  readonly stepStarts: Array<number> | undefined
  /** The steps entered. */
  trail: Trail
  /** The params for each decoder of the graph. */
  decoded: ReadonlyArray<unknown> | undefined = undefined
  step: Step | undefined = undefined
  inputs: unknown = undefined
  /** The output of the last handler. */
  output: unknown = undefined
  /** The action that ended the run. */
  action = ""
  attempts = 0
  /** The attempt of the present step, from 1. */
  attempt = 0
  /** How many requests were made before the present start at the gate of the batch. */
  earlier = 0
  /** What the gate of the batch was told that its start has cost. */
  bill: Bill | undefined = undefined
  /** When the last request was made, where the gate of the batch adapts. */
  calledAt: number | undefined = undefined
  /** How the item ends, where that is known before it runs. */
  ending: Ending | undefined = undefined
  /** Whether it was told to end; its outcome is `Interrupted`. */
  cancelled = false
  /** Set where items with the same key look at what this one comes to. */
  first: First | undefined = undefined
  /** Why a gate has sent it away. */
  refused: string | undefined = undefined
  /** What another item has come to, where this one shares it. */
  adopted: Result | undefined = undefined
  /** The permit of the gate of the batch, that of the gate of the step, and the permits that the batch runs under. */
  entry: Permit | undefined = undefined
  permit: Permit | undefined = undefined
  around: Holding | undefined = undefined
  /** What the gate of the step is to be told of the last request, where its permit is not given back yet. */
  heard: Verdict | undefined = undefined
  /** What the gate said of an attempt that failed: the last one, where so many were made. */
  judged: (Judgement & { readonly attempts: number }) | undefined = undefined
  /** What `within` keeps for the item. */
  local: unknown = undefined
  readonly #keyOf: KeyOf
  #scope: Scope.Closeable | undefined = undefined
  #context: Context.Context<unknown> | undefined = undefined
  #signal: LazySignal | undefined = undefined

  constructor(
    index: number,
    params: unknown,
    keyOf: KeyOf,
    cell: Cell,
    startedAt: number,
    trail: Trail,
    stepStarts: Array<number> | undefined
  ) {
    this.index = index
    this.params = params
    this.#keyOf = keyOf
    this.cell = cell
    this.startedAt = startedAt
    this.trail = trail
    this.stepStarts = stepStarts
  }

  get key(): string {
    return this.#keyOf(this.params)
  }

  /** The key, or something else where the caller's function throws. */
  keyOr<A>(other: A): string | A {
    try {
      return this.key
    } catch {
      return other
    }
  }

  get handler(): string {
    return this.step?.name ?? ""
  }

  toJSON(): unknown {
    return logged(this)
  }

  [NodeInspectSymbol](): unknown {
    return logged(this)
  }

  /** The calls that were made for this item. */
  get calls(): number {
    return this.adopted === undefined ? this.attempts : 0
  }

  /** Comes to what another item has come to. */
  adopt(result: Result): void {
    this.adopted = result
    this.trail = result.trail
    this.step = result.step
    this.action = result.action
    this.output = result.output
    this.attempts = result.attempts
    this.refused = result.refused
    this.cancelled = result.ending === "interrupted"
    this.ending = result.ending === "interrupted" ? Cause.interrupt() : result.ending
  }

  /** Whether it waits at a gate for its first call: nothing was done for it yet, so it can be said not to have started. */
  get isUntouched(): boolean {
    const { attempts, entry, permit, refused } = this
    return attempts === 0 && (refused !== undefined || entry?.started === false || permit?.started === false)
  }

  /** Whether a start was counted whose request was not made yet: it does not wait for anything else then. */
  get isStarting(): boolean {
    return this.permit !== undefined || (this.entry !== undefined && this.attempts === this.earlier)
  }

  /** A gate sends the item away. */
  refuse(reason: string): void {
    this.refused = reason
    this.cancelled = true
  }

  /** The innermost permit that its requests run under. */
  get held(): Holding | undefined {
    const { permit } = this
    // What an earlier request has left behind does not run under the permit that the next one waits for.
    if (permit === undefined || !permit.started) return this.heldByBatch
    return (permit.holding ??= new Holding(permit, this.heldByBatch))
  }

  get heldByBatch(): Holding | undefined {
    const { around, entry } = this
    return entry === undefined || !entry.started ? around : (entry.holding ??= new Holding(entry, around, this))
  }

  /**
   * Says what the start of the present request has really cost, where there is a gate. The start at the gate of the batch is
   * one for all requests: what each of them has said last adds up.
   */
  settle(actual: number, permit: Permit | undefined = this.permit ?? this.entry): void {
    if (permit === undefined) return
    if (permit !== this.entry) return settle(permit, actual)
    const { attempts, bill } = this
    const before = bill === undefined ? 0 : bill.attempts === attempts ? bill.before : bill.before + bill.last
    settle(permit, actual, before)
    this.bill = { before, last: actual, attempts }
  }

  /** The params as the present step takes them. */
  paramsOf(step: Step): unknown {
    return this.decoded === undefined || step.params === -1 ? this.params : this.decoded[step.params]
  }

  /** The context of the item's effects: that of the batch, with the item's own scope. Made when first asked for. */
  contextIn(batch: Context.Context<unknown>): Context.Context<unknown> {
    if (this.#context === undefined) {
      const scope = (this.#scope ??= Scope.makeUnsafe())
      this.#context = Context.add(Context.add(batch, Scope.Scope, scope), CurrentItem, this)
    }
    return this.#context
  }

  /** Has the item end only after the effect, also where it is interrupted. */
  endAfter(finalizer: Effect.Effect<unknown>): void {
    const scope = (this.#scope ??= Scope.makeUnsafe())
    Effect.runSync(Scope.addFinalizer(scope, finalizer))
  }

  /** The scope, where a handler has left something to finalize. */
  get openScope(): Scope.Closeable | undefined {
    return this.#scope !== undefined && this.#scope.state._tag === "Open" ? this.#scope : undefined
  }

  /** Aborted when the item is interrupted. Made when first asked for. */
  get signal(): AbortSignal {
    return (this.#signal ??= new LazySignal()).signal
  }

  /** `within`: where its listeners are called. */
  abort(within: ((item: Item, f: () => void) => void) | undefined): void {
    const signal = (this.#signal ??= new LazySignal())
    if (within === undefined) signal.abort()
    else within(this, () => signal.abort())
  }
}
