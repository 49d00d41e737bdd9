/**
 * The places of a batch: as many as items may run at the same time.
 *
 * A worker whose item waits (at a gate, or between two attempts) gives its place
 * back meanwhile, and another worker takes an item. It keeps its item and its
 * fiber, so that an interruption, a finalizer, a span or a cancellation finds it
 * where it is. Nobody waits for a place while he has what another item of the
 * batch may need that has one: who has claimed permits around the batch keeps his
 * place. So places are never part of a deadlock.
 */
import * as Effect from "effect/Effect"
import { Fifo } from "./fifo.ts"
import { Host } from "./gate/line.ts"
import type { Permit } from "./gate/permit.ts"
import type { Run } from "./run.ts"

/** So many items may wait at gates, where the batch does not say otherwise; each keeps a few kB. */
const mostQueued = 10_000

/** A worker as seen from here. */
export interface Tenant {
  /** Whether it has no place, and takes none for a new item. */
  parted: boolean
  /** Whether it is a gate that it waits for, where it is away. */
  queued: boolean
}

/** Who waits, and how he is told that he may go on. */
export interface Waiting {
  readonly tenant: Tenant
  readonly resume: () => void
}

export class Places extends Host {
  /** Where those wait at the gate of the batch that have not begun. */
  readonly entrance: Entrance
  /** How many have given their place back, and wait. */
  away = 0
  /** How many of them wait at a gate. */
  private queued = 0
  private readonly run: Run
  /** Those that wait for nothing but a place. */
  private readonly returning = new Fifo<Waiting>()
  private readonly gone = new Set<Waiting>()
  private serving = false
  /** Whether there may be a place that nobody was offered. */
  private asked = false
  /** Whether one that has its place has nothing to do. */
  private spare = 0

  constructor(run: Run) {
    super()
    this.run = run
    this.entrance = new Entrance(run, this)
  }

  override get free(): number {
    return this.run.stopped ? 0 : this.run.concurrency + this.spare - (this.run.workers - this.run.hungry)
  }

  override admit(permit: Permit): void {
    const waiting = permit.owner as Waiting
    this.take(waiting.tenant)
    waiting.resume()
  }

  /**
   * Whether so many wait that no new item is taken. Those at gates have a bound of their own: a closed key may have many
   * items in a row, and must not keep the other keys from coming.
   */
  get isFull(): boolean {
    const { aside, concurrency, options } = this.run
    // Asked for each item, and nearly always nobody waits.
    if (this.away === 0 && aside.size === 0) return false
    if (options.parked !== undefined) return this.away + aside.size >= options.parked
    if (this.away - this.queued + aside.size >= 10 * concurrency) return true
    return this.queued >= Math.max(10 * concurrency, mostQueued)
  }

  /** Gives the place back: to wait at a gate, or for something else. */
  give(tenant: Tenant, queued: boolean): void {
    tenant.parted = true
    tenant.queued = queued
    this.away++
    if (queued) this.queued++
    this.run.part()
    this.run.demand()
  }

  private take(tenant: Tenant): void {
    tenant.parted = false
    this.run.workers++
    this.shut()
    this.left(tenant)
  }

  override shut(): void {
    super.shut()
    this.entrance.shut()
  }

  /** One of those who are away is so no more. */
  left(tenant: Tenant): void {
    const wasFull = this.isFull
    this.away--
    if (tenant.queued) this.queued--
    tenant.queued = false
    if (wasFull) this.run.demand()
  }

  /** Waits for a place again. */
  back(tenant: Tenant): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const waiting = { tenant, resume: () => resume(Effect.void) }
      this.returning.push(waiting)
      this.serve()
      return Effect.sync(() => {
        this.gone.add(waiting)
      })
    })
  }

  /** Lets those go on that miss nothing but a place. */
  serve(): void {
    this.asked = true
    if (this.serving || (this.away === 0 && !this.entrance.isWaitedAt)) return
    this.serving = true
    // Who goes on may give his place back before this returns.
    while (this.asked) {
      this.asked = false
      while (this.returning.length > 0 && this.free > 0) {
        const waiting = this.returning.shift()!
        if (this.gone.delete(waiting)) continue
        this.take(waiting.tenant)
        waiting.resume()
      }
      this.offer()
      this.entrance.serve()
    }
    this.serving = false
  }

  /** A worker has a place and nothing in hand: those that have begun come before what has not. */
  serveFirst(): void {
    this.spare = 1
    this.serve()
    this.spare = 0
  }
}

/**
 * The places of a batch as those see them that have not begun: there are none while nothing may begin. So they keep their
 * turn at the gate, and whoever stands behind them goes first.
 */
export class Entrance extends Host {
  private readonly run: Run
  private readonly places: Places
  /** Those that stood in the way of others, and wait outside, by their index. */
  private readonly outside = new Map<number, () => void>()

  constructor(run: Run, places: Places) {
    super()
    this.run = run
    this.places = places
  }

  /** Whether nothing may begin now. */
  get isShut(): boolean {
    return this.run.paused || this.run.draining
  }

  /** Whether some wait outside; they may have kept their places. */
  get isWaitedAt(): boolean {
    return this.outside.size > 0
  }

  override get free(): number {
    return this.isShut ? 0 : this.places.free
  }

  override admit(permit: Permit): void {
    this.places.admit(permit)
  }

  /** Does something once the item with this index may begin. */
  onceOpen(index: number, act: () => void): void {
    this.outside.set(index, act)
  }

  forget(index: number): void {
    this.outside.delete(index)
  }

  serve(): void {
    if (this.isShut) return
    this.offer()
    if (this.outside.size === 0) return
    const outside = Array.from(this.outside).sort(([a], [b]) => a - b)
    this.outside.clear()
    for (const [, wake] of outside) wake()
  }
}
