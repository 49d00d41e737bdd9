/**
 * Permits that something else runs under: other gates, or the same one again.
 *
 * Nothing waits for a place while it holds one that others could wait for in the
 * opposite order: gates are taken in the order in which they were made. Who needs
 * one that comes before those that he holds puts these aside while he waits, and
 * is admitted where there is a place for all of them. What goes on at the same
 * time within one permit does so one after the other.
 */
import * as Context from "effect/Context"
import { Fifo } from "../fifo.ts"
import type { Keeper } from "./keeper.ts"
import { Host } from "./line.ts"
import type { Permit } from "./permit.ts"

/** Who claims permits that he is within. */
export interface Claimant {
  readonly isWithin: (other: Claimant) => boolean
  /** It may be its turn now. */
  readonly goOn: () => void
}

/** A permit that somebody has claimed within whom others may claim it again. */
export interface Claim {
  readonly holding: Holding
  readonly claimant: Claimant
  /** The claim that this one is within. */
  before: Claim | undefined
  /** Whether the place is needed once this claim is given back. */
  wanted: boolean
}

/** Who has a permit whose start is one for several requests. */
export interface Payer {
  /** Says what the present request has really cost. */
  readonly settle: (actual: number, permit: Permit) => void
}

export class Holding {
  readonly permit: Permit
  readonly outer: Holding | undefined
  readonly payer: Payer | undefined
  /** Whether its place is needed now. */
  private wanted = true
  /** The innermost claim, for which it is put aside, or was. */
  private claimed: Claim | undefined = undefined
  /** Who waits to claim it, and who waits for its place. Most are held by nobody else, so they are made when needed. */
  private claimers: Set<Claimant> | undefined = undefined
  private takers: Set<Claimant> | undefined = undefined

  constructor(permit: Permit, outer: Holding | undefined, payer?: Payer) {
    this.permit = permit
    this.outer = outer
    this.payer = payer
  }

  get keeper(): Keeper {
    return this.permit.lane.keeper
  }

  /** Whether someone has passed a gate around it, or its own. */
  isWithin(other: Claimant): boolean {
    if (this.permit.passage === other) return true
    return this.outer !== undefined && this.outer.isWithin(other)
  }

  /** Claims the permit for a passage within it; where it is not its turn, it is told when it may ask again. */
  claim(claimant: Claimant): Claim | undefined {
    const before = this.claimed
    if (before !== undefined && !claimant.isWithin(before.claimant)) {
      ;(this.claimers ??= new Set()).add(claimant)
      return undefined
    }
    return (this.claimed = { holding: this, claimant, before, wanted: this.wanted })
  }

  /** Gives a claim back; whose turn it is goes on. */
  release(claim: Claim): void {
    this.wantFor(claim, claim.wanted)
    const within = this.within(claim)
    // What is within a claim may outlast it, such as a detached fiber.
    if (within === undefined) this.claimed = claim.before
    else within.before = claim.before
    if (this.claimers === undefined) return
    released.push(this)
    serve()
  }

  /** Has the first one claim it whose turn it is. */
  serve(): void {
    const claimant = this.claimed?.claimant
    for (const passage of this.claimers ?? []) {
      if (claimant !== undefined && !passage.isWithin(claimant)) continue
      this.claimers!.delete(passage)
      return passage.goOn()
    }
  }

  /** As `want`; where the permit is claimed again within that claim, once that is over. */
  wantFor(claim: Claim, wanted: boolean): void {
    const within = this.within(claim)
    if (within === undefined) this.want(wanted)
    else within.wanted = wanted
  }

  private within(claim: Claim): Claim | undefined {
    let inner = this.claimed === claim ? undefined : this.claimed
    while (inner !== undefined && inner.before !== claim) inner = inner.before
    return inner
  }

  /** Puts the permit aside, or stands in line for its place again. */
  want(wanted: boolean): void {
    this.wanted = wanted
    const { keeper, permit } = this
    if (!wanted) {
      keeper.putAside(permit)
      this.resume()
    } else if (permit.state === "aside") {
      permit.owner = this
      keeper.wait(permit, anywhere)
    }
  }

  /** Stands in line for the place again, together with one of a host. */
  wantAt(host: Host, owner: { readonly resume: () => void }): void {
    this.wanted = true
    this.permit.owner = owner
    this.keeper.wait(this.permit, host)
  }

  /** Whether its place is needed and not held; the passage is told of a change. */
  isMissing(passage: Claimant): boolean {
    if (!this.wanted || this.permit.state !== "waiting") return false
    ;(this.takers ??= new Set()).add(passage)
    return true
  }

  /** A passage waits for nothing here any more. */
  forget(passage: Claimant): void {
    this.claimers?.delete(passage)
    this.takers?.delete(passage)
  }

  /** The permit has been given back meanwhile. */
  left(): void {
    this.resume()
  }

  /** The place is held again, or not needed any more. */
  resume(): void {
    const takers = this.takers
    if (takers === undefined) return
    this.takers = undefined
    for (const passage of takers) passage.goOn()
  }
}

/** Those that were given back, and whose next claimer was not told yet. */
const released = new Fifo<Holding>()
let serving = false

/** Who goes on may give back at once what it has claimed: this goes on then, so that the stack is no deeper for the next. */
const serve = (): void => {
  if (serving) return
  serving = true
  try {
    for (let holding = released.shift(); holding !== undefined; holding = released.shift()) holding.serve()
  } finally {
    serving = false
  }
}

/** The innermost permit that the present effect runs under; items of batches keep theirs themselves. */
export const Held: Context.Reference<Holding | undefined> = Context.Reference("parallel-batch-pipeline/Gate/Held", {
  defaultValue: (): Holding | undefined => undefined
})

/** The permits around of this gate, and of those made later; the innermost comes first. */
export const heldFrom = (held: Holding, order: number): ReadonlyArray<Holding> => {
  const holdings: Array<Holding> = []
  for (let holding: Holding | undefined = held; holding !== undefined; holding = holding.outer) {
    // What outlives its permit, such as a detached fiber, runs under it no more.
    if (holding.keeper.order >= order && holding.permit.state !== "left") holdings.push(holding)
  }
  return holdings
}

/**
 * The order in which permits are claimed: the gate made last first, and of one gate the outermost. Who claims a permit has
 * so claimed all of later gates around it, and nobody waits for what another one has claimed who waits for him.
 */
export const inClaimOrder = (holdings: ReadonlyArray<Holding>): ReadonlyArray<Holding> =>
  holdings.length === 1 ? holdings : holdings.toReversed().sort((a, b) => b.keeper.order - a.keeper.order)

/**
 * Claims one after the other, for as long as `goesOn`, and adds what is claimed to `claims`; answers whether that is all.
 * `isAside`: whether the place is given back at once.
 */
export const claimAll = (
  claimant: Claimant,
  holdings: ReadonlyArray<Holding>,
  claims: Array<Claim>,
  goesOn: () => boolean,
  isAside: (holding: Holding) => boolean
): boolean => {
  // What is put aside may let others go on, and these end this one.
  while (goesOn()) {
    const holding = holdings[claims.length]
    if (holding === undefined) return true
    const claim = holding.claim(claimant)
    if (claim === undefined) return false
    claims.push(claim)
    if (isAside(holding)) holding.want(false)
  }
  return false
}

/** Where effects run: there is always a place. */
class Anywhere extends Host {
  readonly free = Number.POSITIVE_INFINITY

  override expect(): void {}

  override admit(permit: Permit): void {
    // Who has it wait says what wakes him.
    ;(permit.owner as { readonly resume: () => void }).resume()
  }
}

export const anywhere: Host = new Anywhere()
