/**
 * The way through a gate from inside of others.
 */
import * as Effect from "effect/Effect"
import type { Verdict } from "./aimd.ts"
import { heldFrom, type Holding } from "./holding.ts"
import type { Keeper } from "./keeper.ts"
import type { Lane } from "./lane.ts"
import type { Permit } from "./permit.ts"

interface Claim {
  readonly holding: Holding
  readonly before: Passage | undefined
  readonly wanted: boolean
}

/** A permit within others, some of which have to be put aside for it. */
export class Passage {
  readonly permit: Permit
  private readonly keeper: Keeper
  private readonly outer: Holding
  /** Those that are put aside: the innermost first. */
  private readonly holdings: ReadonlyArray<Holding>
  private readonly claims: Array<Claim> = []
  /** Whether the claims have been given back. */
  private ended = false

  /**
   * The way to a permit within others, where some have to be put aside. `own` belongs to nobody else, and is put aside with
   * them.
   */
  static within(outer: Holding | undefined, lane: Lane, cost: number, own?: Holding): Passage | undefined {
    if (outer === undefined) return undefined
    const holdings = heldFrom(outer, lane.keeper.order)
    if (holdings.length === 0) return undefined
    const all = own === undefined || holdings.includes(own) ? holdings : [own, ...holdings]
    // Not entered yet: nothing is held while the others are claimed.
    return new Passage(lane.keeper.permitFor(lane, cost), outer, all)
  }

  constructor(permit: Permit, outer: Holding, holdings: ReadonlyArray<Holding>) {
    this.permit = permit
    this.keeper = permit.lane.keeper
    this.outer = outer
    this.holdings = holdings
    permit.passage = this
    permit.nested = holdings.some((holding) => holding.keeper === this.keeper)
  }

  isWithin(other: Passage): boolean {
    for (let holding: Holding | undefined = this.outer; holding !== undefined; holding = holding.outer) {
      if (holding.permit.passage === other) return true
    }
    return false
  }

  /** Passes the gate: `admitted` stands in line, says so, and waits; `false` where it has stepped back. */
  through(admitted: (inLine: () => void) => Effect.Effect<boolean>): Effect.Effect<boolean> {
    return this.claimed.pipe(
      Effect.andThen(
        Effect.suspend(() => {
          this.permit.also = this.others().map(({ holding }) => holding.permit)
          return admitted(() => {
            for (const { holding } of this.claims) if (holding.keeper === this.keeper) holding.want(false)
          })
        })
      ),
      Effect.flatMap((isIn) =>
        isIn
          ? Effect.as(
              takeAgain(() => this.others()),
              true
            )
          : Effect.succeed(false)
      )
    )
  }

  /** Leaves the line, so that others get what it had put aside. It may come again. */
  stepBack(): void {
    this.keeper.stepBack(this.permit)
    this.permit.also = []
    this.unclaim()
    this.claims.length = 0
    this.ended = false
  }

  private readonly claimed: Effect.Effect<void> = Effect.suspend(() => {
    const holding = this.holdings[this.claims.length]
    if (holding === undefined) return Effect.void
    const claim = holding.claim(this, (before) => {
      this.claims.push({ holding, before, wanted: holding.isWanted })
      // Nothing is held while others are waited for; the place of the same gate goes over to the permit.
      if (holding.keeper !== this.keeper) holding.want(false)
    })
    return Effect.andThen(claim, this.claimed)
  })

  private others(): ReadonlyArray<Claim> {
    return this.claims
      .filter(({ holding, wanted }) => wanted && holding.keeper !== this.keeper)
      .sort((a, b) => a.holding.keeper.order - b.holding.keeper.order)
  }

  /** Gives the claims back, once. */
  private unclaim(): void {
    if (this.ended) return
    this.ended = true
    for (const { before, holding, wanted } of this.claims) {
      holding.want(wanted)
      holding.release(before)
    }
  }

  /** Leaves. What was put aside is in line again before the place is given back. */
  end(verdict: Verdict): void {
    this.unclaim()
    this.keeper.leave(this.permit, verdict)
  }

  /** As `end`, and waits until what was put aside is held again. */
  endAndRestore(verdict: Verdict): Effect.Effect<void> {
    return Effect.suspend(() => {
      const same = this.claims.filter(({ holding, wanted }) => wanted && holding.keeper === this.keeper)
      if (same.length === 0 || this.permit.state === "left") return Effect.sync(() => this.end(verdict))
      const others = this.others()
      for (const { holding } of others) holding.want(false)
      for (const { holding } of same) holding.want(true)
      this.keeper.leave(this.permit, verdict)
      const restored = Effect.forEach(same, ({ holding }) => holding.whenTaken(), { discard: true })
      return Effect.onExit(
        Effect.andThen(
          restored,
          takeAgain(() => others)
        ),
        () => Effect.sync(() => this.unclaim())
      )
    })
  }
}

/** Takes again what was put aside, the gate made first before the others. */
const takeAgain = (claims: () => ReadonlyArray<Claim>): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach(
      claims(),
      ({ holding }) =>
        Effect.suspend(() => {
          holding.want(true)
          return holding.whenTaken()
        }),
      { discard: true }
    )
  )

/** Gives a permit back, whatever has been put aside for it. */
export const leave = (permit: Permit, verdict: Verdict): void => {
  if (permit.passage === undefined) permit.lane.keeper.leave(permit, verdict)
  else permit.passage.end(verdict)
}
