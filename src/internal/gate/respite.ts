/**
 * The time in which a permit and what it is within need no places: between two
 * attempts, or while something else is waited for.
 *
 * Who comes back needs places of several gates, as who passes one from inside of
 * others does, and so claims what he is within as a passage does: the permit, and
 * those around it of the same gate and of gates made later are put aside, and
 * held again where there is a place for all of them. Without that, he would wait
 * for the place of one gate while he holds that of a later one.
 */
import { type Claim, claimAll, type Claimant, heldFrom, type Holding, inClaimOrder } from "./holding.ts"
import type { Host } from "./line.ts"

export class Respite implements Claimant {
  /** Whether it claims what others may be within as well. They wait for it, so it must not wait for what they have. */
  readonly shares: boolean
  private readonly own: Holding
  private readonly holdings: ReadonlyArray<Holding>
  private readonly claims: Array<Claim> = []
  private phase: "claiming" | "away" | "ended" = "claiming"
  private going = false
  private aside: () => void = () => {}

  constructor(own: Holding) {
    this.own = own
    this.holdings = inClaimOrder(heldFrom(own, own.keeper.order))
    this.shares = this.holdings.length > 1
  }

  isWithin(other: Claimant): boolean {
    return this.own.isWithin(other)
  }

  /** Puts all of them aside, and tells when that is done: who goes on within them may have to come to an end first. */
  begin(aside: () => void): void {
    this.aside = aside
    this.goOn()
  }

  /** Stands in line for the place again, together with one of a host and those of the others. */
  comeBack(host: Host, owner: { readonly resume: () => void }): void {
    this.own.permit.also = this.claims
      .filter(({ holding, wanted }) => wanted && holding.keeper !== this.own.keeper)
      .map(({ holding }) => holding.permit)
    this.own.wantAt(host, {
      ...owner,
      resume: () => {
        this.end(true)
        owner.resume()
      }
    })
  }

  /** Gives the claims back; the permit itself is needed again, or not. */
  end(wanted: boolean): void {
    if (this.phase === "ended") return
    this.phase = "ended"
    this.own.permit.also = []
    for (const holding of this.holdings) holding.forget(this)
    for (const claim of this.claims.splice(0)) {
      if (claim.holding === this.own) claim.wanted = wanted
      claim.holding.release(claim)
    }
  }

  goOn(): void {
    if (this.going) return
    this.going = true
    const isAside = this.phase === "claiming" && this.claimsAll()
    if (isAside) this.phase = "away"
    this.going = false
    if (isAside) this.aside()
  }

  private claimsAll(): boolean {
    return claimAll(
      this,
      this.holdings,
      this.claims,
      () => this.phase === "claiming",
      () => true
    )
  }
}
