/**
 * The way through a gate from inside of others.
 *
 * It is synchronous, as the keeper is: it goes on as far as it can, and whatever
 * it waits for has it go on again.
 */
import type { Verdict } from "./aimd.ts"
import { type Claim, claimAll, type Claimant, heldFrom, type Holding, inClaimOrder } from "./holding.ts"
import type { Keeper } from "./keeper.ts"
import type { Lane } from "./lane.ts"
import type { Permit } from "./permit.ts"

/** A permit within others, some of which have to be put aside for it. */
export class Passage implements Claimant {
  readonly permit: Permit
  /** Whether it claims what others may be within as well. They wait for it, so it must not wait for what they have. */
  readonly shares: boolean
  private readonly keeper: Keeper
  private readonly outer: Holding
  /** Those that are put aside, in the order in which they are claimed. */
  private readonly holdings: ReadonlyArray<Holding>
  private readonly claims: Array<Claim> = []
  private phase: "outside" | "claiming" | "in line" | "taking" | "in" | "ended" = "outside"
  /** What is taken again, one after the other, and how many of them have been asked for. */
  private toTake: ReadonlyArray<Claim> = []
  private asked = 0
  /** Whether it is going on already, where something that it has done has it go on. */
  private going = false
  private standInLine: () => void = () => {}
  private taken: () => void = () => {}

  /**
   * The way to a permit within others, where some have to be put aside. `own` belongs to nobody else, and is put aside with
   * them.
   */
  static within(outer: Holding | undefined, lane: Lane, cost: number, own?: Holding): Passage | undefined {
    if (outer === undefined) return undefined
    const { order } = lane.keeper
    if (heldFrom(outer, order).length === 0) return undefined
    // Not entered yet: nothing is held while the others are claimed.
    const permit = lane.keeper.permitFor(lane, cost)
    return own === undefined ? new Passage(permit, outer, order, undefined) : Passage.withOwn(permit, own)
  }

  /**
   * The way to a permit for which `own` is put aside, whatever its gate. It is taken again together with the permit, which
   * is as much as waiting at its own gate: so those around it are put aside as for that.
   */
  static withOwn(permit: Permit, own: Holding): Passage {
    return new Passage(permit, own, Math.min(permit.lane.keeper.order, own.keeper.order), own)
  }

  private constructor(permit: Permit, outer: Holding, order: number, own: Holding | undefined) {
    const holdings = heldFrom(outer, order)
    this.shares = holdings.some((holding) => holding !== own)
    this.permit = permit
    this.keeper = permit.lane.keeper
    this.outer = outer
    this.holdings = inClaimOrder(holdings)
    permit.passage = this
    permit.nested = holdings.some((holding) => holding.keeper === this.keeper)
  }

  isWithin(other: Claimant): boolean {
    return this.outer.isWithin(other)
  }

  /** Passes the gate: claims what it is within, stands in line, and takes again what it had put aside. */
  pass(standInLine: () => void, passed: () => void): void {
    this.standInLine = standInLine
    this.taken = passed
    this.phase = "claiming"
    this.goOn()
  }

  /** The permit is held. */
  admitted(): void {
    this.take(this.others())
  }

  /** Leaves the line, so that others get what it had put aside. It may come again. */
  stepBack(): void {
    this.phase = "outside"
    this.keeper.stepBack(this.permit)
    this.permit.also = []
    this.unclaim()
  }

  /** Leaves. What was put aside is in line again before the place is given back. */
  end(verdict: Verdict): void {
    if (this.phase !== "ended") {
      this.phase = "ended"
      this.unclaim()
    }
    this.keeper.leave(this.permit, verdict)
  }

  /** As `end`, and tells when what was put aside is held again. */
  endAndRestore(verdict: Verdict, restored: () => void): void {
    const same = this.claims.filter(({ holding, wanted }) => wanted && holding.keeper === this.keeper)
    if (same.length === 0 || this.permit.state === "left") {
      this.end(verdict)
      return restored()
    }
    const others = this.others()
    for (const claim of others) claim.holding.wantFor(claim, false)
    for (const claim of same) claim.holding.wantFor(claim, true)
    this.taken = () => {
      this.end(verdict)
      restored()
    }
    this.keeper.leave(this.permit, verdict)
    this.take([...same, ...others])
  }

  /** Goes on as far as it can. */
  goOn(): void {
    if (this.going) return
    this.going = true
    if (this.phase === "claiming" && this.claimsAll()) this.enter()
    const isTaken = this.phase === "taking" && this.takesAll()
    if (isTaken) this.phase = "in"
    this.going = false
    if (isTaken) this.taken()
  }

  private claimsAll(): boolean {
    return claimAll(
      this,
      this.holdings,
      this.claims,
      () => this.phase === "claiming",
      // Nothing is held while others are waited for; the place of the same gate goes over to the permit.
      (holding) => holding.keeper !== this.keeper
    )
  }

  private enter(): void {
    this.phase = "in line"
    this.permit.also = this.others().map(({ holding }) => holding.permit)
    this.standInLine()
    for (const { holding } of Array.from(this.claims)) if (holding.keeper === this.keeper) holding.want(false)
  }

  private take(claims: ReadonlyArray<Claim>): void {
    this.phase = "taking"
    this.toTake = claims
    this.asked = 0
    this.goOn()
  }

  private takesAll(): boolean {
    while (this.phase === "taking") {
      if (this.toTake[this.asked - 1]?.holding.isMissing(this) === true) return false
      if (this.asked === this.toTake.length) return true
      const claim = this.toTake[this.asked++]!
      claim.holding.wantFor(claim, true)
    }
    return false
  }

  /** Those of other gates, the gate made first before the others. */
  private others(): ReadonlyArray<Claim> {
    return this.claims
      .filter(({ holding, wanted }) => wanted && holding.keeper !== this.keeper)
      .sort((a, b) => a.holding.keeper.order - b.holding.keeper.order)
  }

  /** Gives the claims back. */
  private unclaim(): void {
    for (const holding of this.holdings) holding.forget(this)
    for (const claim of this.claims.splice(0)) claim.holding.release(claim)
  }
}

/** Gives a permit back, whatever has been put aside for it. */
export const leave = (permit: Permit, verdict: Verdict): void => {
  if (permit.passage === undefined) permit.lane.keeper.leave(permit, verdict)
  else permit.passage.end(verdict)
}
