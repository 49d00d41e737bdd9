/**
 * The gates of one batch: their states on its clock, and what it runs under.
 */
import * as Context from "effect/Context"
import { Held, type Holding } from "./gate/holding.ts"
import type { Keeper } from "./gate/keeper.ts"
import { heldIn } from "./gate/pass.ts"
import type { Permit } from "./gate/permit.ts"
import type { Policy } from "./gate/policy.ts"
import type { Item } from "./item.ts"
import type { RunOptions } from "./runOptions.ts"

export class Gates {
  /** Whether there may be one. */
  readonly any: boolean
  /** Whether the batch has one, through which every item goes. */
  readonly atEntrance: boolean
  /** Whether the gate of the batch has a breaker, which is around every request. */
  readonly breaks: boolean
  /** Whether that gate finds its own limit. */
  private readonly adapts: boolean
  /** The permits that the batch runs under, where it runs inside of an item. */
  readonly held: Holding | undefined
  /** The context of the batch; what its items hold, they know themselves. */
  readonly context: Context.Context<unknown>
  private readonly keepers = new Map<Policy, Keeper>()
  /** The last that was asked for, which is nearly always the next one too. */
  private gate: Policy | undefined = undefined
  private keeper: Keeper | undefined = undefined

  constructor(options: RunOptions, context: Context.Context<unknown>) {
    this.atEntrance = options.gate !== undefined
    this.breaks = options.gate?.circuits !== undefined
    this.adapts = options.gate?.adapts === true
    this.any = this.atEntrance || options.graph.gated
    // Looking for references needs no services.
    this.held = heldIn(context as Context.Context<never>)
    this.context = this.held === undefined ? context : Context.add(context, Held, undefined)
  }

  /** A request is made within the permit of the gate of the batch, which may be long after its start. */
  called(item: Item, entry: Permit): void {
    entry.pauses = entry.lane.pauses
    if (this.adapts) item.calledAt = entry.lane.keeper.timer.now()
  }

  /** The state of a gate on the clock of the batch. */
  keeperOf(gate: Policy): Keeper {
    if (gate === this.gate) return this.keeper!
    let keeper = this.keepers.get(gate)
    if (keeper === undefined) {
      keeper = gate.keeperIn(this.context as Context.Context<never>)
      this.keepers.set(gate, keeper)
    }
    this.gate = gate
    this.keeper = keeper
    return keeper
  }
}
