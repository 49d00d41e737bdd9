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
import * as Effect from "effect/Effect"
import type { Keeper } from "./keeper.ts"
import type { Passage } from "./passage.ts"
import { Host, type Permit } from "./permit.ts"

export class Holding {
  readonly permit: Permit
  readonly outer: Holding | undefined
  /** Whether its place is needed now. */
  private wanted = true
  /** For whom it is put aside, or was. */
  private claimant: Passage | undefined = undefined
  private resumes: Array<() => void> = []

  constructor(permit: Permit, outer: Holding | undefined) {
    this.permit = permit
    this.outer = outer
  }

  get keeper(): Keeper {
    return this.permit.lane.keeper
  }

  /** Claims the permit for a passage within it, once it is its turn; in the same step, tells for whom it was before. */
  claim(passage: Passage, claimed: (before: Passage | undefined) => void): Effect.Effect<void> {
    return Effect.suspend(() => {
      const before = this.claimant
      if (before !== undefined && !passage.isWithin(before)) {
        return Effect.flatMap(
          this.whenChanged(() => this.claimant === before),
          () => this.claim(passage, claimed)
        )
      }
      this.claimant = passage
      claimed(before)
      return Effect.void
    })
  }

  release(before: Passage | undefined): void {
    this.claimant = before
    this.resume()
  }

  get isWanted(): boolean {
    return this.wanted
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

  /** Waits until the place is held, if it is wanted. */
  whenTaken(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.wanted && this.permit.state === "waiting"
        ? Effect.flatMap(
            this.whenChanged(() => this.wanted && this.permit.state === "waiting"),
            () => this.whenTaken()
          )
        : Effect.void
    )
  }

  /** `still`: whether there is something to wait for, asked in the step in which the wait begins. */
  private whenChanged(still: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (!still()) return resume(Effect.void)
      const wake = () => resume(Effect.void)
      this.resumes.push(wake)
      return Effect.sync(() => {
        this.resumes = this.resumes.filter((other) => other !== wake)
      })
    })
  }

  /** Something has changed: who waits looks again. */
  resume(): void {
    const resumes = this.resumes
    this.resumes = []
    for (const resume of resumes) resume()
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

/** Where effects run: there is always a place. */
class Anywhere extends Host {
  readonly free = Number.POSITIVE_INFINITY

  override admit(permit: Permit): void {
    // Who has it wait says what wakes him.
    ;(permit.owner as { readonly resume: () => void }).resume()
  }
}

export const anywhere: Host = new Anywhere()
