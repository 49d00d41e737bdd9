/**
 * The state of a gate on one clock.
 *
 * It is a synchronous core: where nobody has to wait, `enter` and `leave` count,
 * and there is no fiber, timer or closure. Who has to wait stands in the lane of
 * his key. A lane in which somebody waits is always in exactly one place, where
 * what it misses will find it: in a heap for a time, in a heap for one of the
 * places of the gate, at its own next `leave`, or with the hosts and other gates
 * that have no place for what it would admit. So an event costs O(log n) for the lanes that
 * it concerns, and nothing for all others.
 */
import type { Aimd, Verdict } from "./aimd.ts"
import type { Circuits } from "./circuits.ts"
import { Heap } from "./heap.ts"
import { Idle } from "./idle.ts"
import { Lane } from "./lane.ts"
import { Dependents, type Host } from "./line.ts"
import { Permit } from "./permit.ts"
import type { Timer } from "./timer.ts"

/** The limits of a gate; `Infinity` where there is none. */
export interface Limits {
  readonly concurrency: number
  readonly perKey: number
  readonly units: number
  readonly window: number | undefined
  readonly fair: boolean
  /** Whether there is more than one lane. */
  readonly keyed: boolean
}

export class Keeper {
  /** Gates are taken in this order wherever one is taken while another is held. */
  readonly order: number
  readonly limits: Limits
  readonly timer: Timer
  /** The lane of a gate without keys. */
  readonly only: Lane
  running = 0
  waiting = 0
  /** Permits that have not left. */
  users = 0
  circuits: Circuits | undefined = undefined
  readonly adaptive: Aimd | undefined
  readonly lanes = new Map<string, Lane>()
  /** The lanes that nobody uses. */
  readonly idle = new Idle(this)
  /** From when on nothing is left to know of any of these. */
  emptyAt = 0
  /** Lanes that wait for a time, and lanes whose next one misses only a place of the gate. */
  private readonly timed = new Heap<Lane>()
  private readonly ready = new Heap<Lane>()
  /** Lines, of other gates too, that miss a place of this one, whatever the key, for what was put aside. */
  readonly dependents = new Dependents()
  private turns = 0
  private admitting = false

  constructor(order: number, limits: Limits, makeTimer: (wake: () => void) => Timer, adaptive: Aimd | undefined) {
    this.order = order
    this.limits = limits
    this.adaptive = adaptive
    this.timer = makeTimer(() => this.wake())
    this.only = new Lane("", this, limits.window)
  }

  /** How many may run at once, as things stand. */
  get concurrency(): number {
    return this.adaptive === undefined ? this.limits.concurrency : this.adaptive.limit
  }

  /** How many keys are remembered. */
  get keys(): number {
    return this.lanes.size
  }

  laneOf(key: string): Lane {
    const known = this.lanes.get(key)
    if (known !== undefined) return known
    this.idle.forget(2)
    const lane = new Lane(key, this, this.limits.window)
    this.lanes.set(key, lane)
    return lane
  }

  /** The lane of a key that is in use. */
  readonly laneAt = (key: string): Lane => (this.limits.keyed ? this.laneOf(key) : this.only)

  /** A permit that asks for nothing yet. Whoever has it, also outside, has to leave. */
  permitFor(lane: Lane, cost: number): Permit {
    lane.users++
    this.users++
    return new Permit(lane, cost)
  }

  /** Asks for a start: the permit is held where nothing stands against it, and else still `outside`. */
  enter(lane: Lane, cost: number): Permit {
    const permit = this.permitFor(lane, cost)
    // Who came before goes first.
    if (lane.waiting > 0 || this.ready.size > 0 || this.isFull(lane)) return permit
    let now = 0
    if (lane.starts !== undefined || lane.closedUntil !== 0) {
      now = this.timer.now()
      if (lane.openAt(now, cost, this.limits.units) > now) return permit
    } else if (this.adaptive !== undefined) now = this.timer.now()
    this.hold(permit, now)
    return permit
  }

  /** Waits for a start, or for a place again; the host is told. That may be before this returns. */
  wait(permit: Permit, host: Host): void {
    const lane = permit.lane
    permit.state = "waiting"
    permit.turn = ++this.turns
    lane.push(permit, host)
    this.waiting++
    this.reconsider(lane)
  }

  /** Gives the permit back, or gives up waiting for it. */
  leave(permit: Permit, verdict: Verdict): void {
    const { lane, state } = permit
    if (state === "left") return
    if (verdict === "success") lane.strikes = 0
    permit.state = "left"
    lane.users--
    this.users--
    if (state === "held") {
      if (this.adaptive !== undefined) this.adaptive.observe(verdict, permit.at!, this.timer.now(), this.running)
      this.free(lane)
    } else if (state === "waiting") {
      lane.take(permit)
      this.waiting--
      this.reconsider(lane)
      // Where it was to be taken again, nobody waits for that any more.
      ;(permit.owner as { readonly left?: () => void } | undefined)?.left?.()
    } else {
      this.rest(lane)
      // Its place is needed no more for what it was put aside for.
      if (state === "aside") lane.release(permit)
    }
  }

  /** Leaves the line as if it had never come. */
  stepBack(permit: Permit): void {
    const { lane, state } = permit
    if (state !== "waiting") return
    permit.state = "outside"
    lane.take(permit)
    this.waiting--
    this.reconsider(lane)
  }

  /** Gives the place back, or stops waiting for it again, and keeps the start. */
  putAside(permit: Permit): void {
    const { lane, state } = permit
    if (state !== "held" && state !== "waiting") return
    permit.state = "aside"
    if (state === "held") return this.free(lane)
    lane.take(permit)
    this.waiting--
    this.reconsider(lane)
  }

  /**
   * Says what a start has really cost: it counts as if it had been known when it was made, so not at all where that start
   * has left the window.
   */
  settle(permit: Permit, actual: number): void {
    const by = actual - permit.cost
    permit.cost = actual
    if (by === 0 || permit.entry === -1) return
    const lane = permit.lane
    lane.starts!.change(permit.entry, by)
    if (lane.waiting > 0) this.reconsider(lane)
  }

  /** No start of this key before that time. */
  close(lane: Lane, until: number): void {
    if (until <= lane.closedUntil) return
    lane.closedUntil = until
    this.emptyAt = Math.max(this.emptyAt, until)
    if (lane.waiting > 0) this.reconsider(lane)
    else this.rest(lane)
  }

  /** Nobody with this key goes through before that time; those who wait are told. */
  refuse(lane: Lane, until: number): void {
    if (until <= lane.refusedUntil) return
    lane.refusedUntil = until
    this.emptyAt = Math.max(this.emptyAt, until)
    // Whoever is told leaves the line himself.
    for (const { owner } of lane.all()) (owner as { readonly refused?: () => void }).refused?.()
    this.rest(lane)
  }

  /** Whether nobody with this key goes through now. */
  isRefused(lane: Lane): boolean {
    return lane.refusedUntil !== 0 && lane.refusedUntil > this.timer.now()
  }

  /** Something is known of the lane that is not to be forgotten before that time. */
  keep(lane: Lane, until: number): void {
    if (until <= lane.keptUntil) return
    lane.keptUntil = until
    this.emptyAt = Math.max(this.emptyAt, until)
  }

  /** Something about the lane has changed. */
  reconsider(lane: Lane): void {
    this.consider(lane)
    this.admit()
  }

  /** Whether a permit that was put aside could be held again. */
  hasPlaceFor(permit: Permit): boolean {
    return permit.state !== "aside" || !this.isFull(permit.lane)
  }

  isFull(lane: Lane): boolean {
    return this.running >= this.concurrency || lane.running >= this.limits.perKey
  }

  private hold(permit: Permit, now: number): void {
    const lane = permit.lane
    permit.state = "held"
    lane.running++
    this.running++
    if (permit.started) return
    permit.started = true
    permit.pauses = lane.pauses
    if (this.adaptive !== undefined) permit.at = now
    if (lane.starts !== undefined) {
      permit.entry = lane.starts.add(now, permit.cost)
      this.emptyAt = Math.max(this.emptyAt, now + lane.starts.window)
    }
  }

  private free(lane: Lane): void {
    lane.running--
    this.running--
    if (lane.waiting > 0) this.consider(lane)
    else this.rest(lane)
    // Those who have started before come first.
    lane.offer()
    if (this.waiting > 0) this.admit()
  }

  private rest(lane: Lane): void {
    if (lane.users === 0 && !lane.rested && this.limits.keyed) this.idle.add(lane)
  }

  /** Puts the lane where what it misses will find it. */
  private consider(lane: Lane): void {
    lane.expectedBy?.expectNoMore(lane)
    if (lane.waiting === 0) {
      lane.considered = undefined
      this.stand(lane, "nowhere", 0)
      return this.rest(lane)
    }
    const next = (lane.considered = lane.findNext())
    if (next === undefined) return this.stand(lane, "nowhere", 0)
    if (lane.running >= this.limits.perKey) return this.stand(lane, "nowhere", 0)
    const now = this.timer.now()
    // A place that is taken again is no start.
    const at = next.started ? now : lane.openAt(now, next.cost, this.limits.units)
    if (at > now) {
      // Where all wait for the same, nobody could go instead of the next one. Without this, a batch with a rate for each of
      // 1,000 keys took up to twice the time.
      if (lane.hasLines) next.line!.host.expect(lane)
      return this.stand(lane, "for a time", at)
    }
    this.stand(lane, "for a place", next.class === 2 && this.limits.fair ? this.roundOf(lane) : next.rank)
  }

  /** Round robin: a lane goes behind all others when it gets in line, and keeps its turn while it stands there. */
  private roundOf(lane: Lane): number {
    return lane.stands === "for a place" && lane.rank > 0 ? lane.rank : ++this.turns
  }

  private stand(lane: Lane, stands: Lane["stands"], rank: number): void {
    if (lane.stands !== stands) {
      if (lane.stands !== "nowhere") this.heapOf(lane.stands).remove(lane)
      lane.stands = stands
    }
    if (stands !== "nowhere") this.heapOf(stands).put(lane, rank)
    const first = this.timed.first
    if (first === undefined) this.timer.clear()
    else this.timer.set(first.rank)
  }

  private heapOf(stands: "for a time" | "for a place"): Heap<Lane> {
    return stands === "for a time" ? this.timed : this.ready
  }

  /** Admits while there are places. Whoever is admitted may call back at once; then this one goes on. */
  private admit(): void {
    if (this.admitting) return
    this.admitting = true
    try {
      for (let lane = this.ready.first; lane !== undefined; lane = this.ready.first) {
        if (this.running >= this.concurrency) return
        const next = lane.findNext()
        // The host of the one it was put here for, its key, or another gate that it needs, may have filled up since.
        if (next === undefined || next !== lane.considered || lane.running >= this.limits.perKey) this.consider(lane)
        else this.pass(lane, next)
      }
    } finally {
      this.admitting = false
    }
  }

  private pass(lane: Lane, permit: Permit): void {
    const host = permit.line!.host
    lane.take(permit)
    this.waiting--
    this.hold(permit, this.timer.now())
    for (const other of permit.takeAlso()) if (other.state === "aside") other.lane.keeper.hold(other, 0)
    // The turn of the lane is over.
    this.stand(lane, "nowhere", 0)
    if (lane.waiting > 0) this.consider(lane)
    host.admit(permit)
  }

  private wake(): void {
    const now = this.timer.now()
    for (let lane = this.timed.first; lane !== undefined && lane.rank <= now; lane = this.timed.first) {
      this.consider(lane)
    }
    const first = this.timed.first
    if (first !== undefined) this.timer.set(first.rank)
    this.admit()
  }
}
