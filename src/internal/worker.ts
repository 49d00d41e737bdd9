/**
 * One worker: a single fiber that takes item after item through the graph. It is a state machine inside one
 * `Effect.whileLoop`: `advance` goes on until there is an effect to wait for, the fiber runs it, and `receive` takes its
 * value. Finished effects stay inside `advance`: nothing is allocated for a step.
 *
 * A failure, or what `advance` throws, leaves the loop and becomes the end of the
 * item, and the loop is entered again.
 *
 * The hand-off between two handlers (processResults, route, prepareInputs of the
 * next) is one synchronous step. Whatever an item has to wait for, it waits for
 * behind it, before the request.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { request } from "./attempts.ts"
import { decode } from "./decode.ts"
import type { AnyEffect, Promised } from "./definition.ts"
import { type Ending, endingAfter, exitOf, invalidParams } from "./ending.ts"
import { approach, depart, endingAt, giveBack } from "./gated.ts"
import { enter, processed } from "./handOff.ts"
import type { Item } from "./item.ts"
import type { AnyOutcome } from "./outcome.ts"
import { type Driver, Parking } from "./parking.ts"
import type { Tenant } from "./places.ts"
import type { Run } from "./run.ts"
import { end, pending } from "./source.ts"
import { childrenOf, isExit, isPromiseLike, isSync } from "./tags.ts"

export class Worker implements Driver, Tenant {
  readonly effect: Effect.Effect<void, never, unknown>
  left = false
  /** Whether it takes no more items. */
  parted = false
  queued = false
  private readonly run: Run
  private readonly parking = new Parking(this)
  fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  /** The item in hand, and how it ends, where that is known. */
  item: Item | undefined = undefined
  ending: Ending | undefined = undefined
  finalizing: Item | undefined = undefined
  /** The effect to wait for, and what it is. */
  pending: AnyEffect = Effect.void
  private waiting: "input" | "params" | "turn" | "gate" | "outputs" | "finalizers" | "published" | undefined = undefined
  /** What a request has come to, where that is still to be processed within the item. */
  private settled: "fulfilled" | "rejected" | undefined = undefined
  private value: unknown = undefined
  /** The outcome that is being published, where it has to be published again if that is interrupted. */
  private outcome: AnyOutcome | undefined = undefined
  /** The time, where nothing was waited for since it was read. */
  private now: number | undefined = undefined
  /** How often the pace had been checked when it was read. */
  private checks = 0

  constructor(run: Run) {
    this.run = run
    const loop: AnyEffect = Effect.whileLoop({
      while: () => this.advance(),
      body: () => this.pending,
      step: (value) => this.receive(value)
    })
    const resilient: Effect.Effect<unknown, never, unknown> = Effect.catchCause(loop, (cause) => {
      this.failed(cause)
      return resilient
    })
    this.effect = Effect.onExit(
      Effect.withFiber((fiber) => {
        this.fiber = fiber
        return Effect.asVoid(resilient)
      }),
      () => this.leave()
    )
  }

  /** Goes on until there is an effect to wait for (`true`) or nothing left to do (`false`). */
  private advance(): boolean {
    const advanced = this.parking.leave()
    if (advanced !== undefined) return advanced
    const within = this.run.options.within
    for (;;) {
      if (this.item === undefined && !this.take()) return this.waiting !== undefined
      if (within === undefined ? this.walk() : within(this.item!, this.walk)) return true
    }
  }

  /**
   * Goes on with the item until there is an effect to wait for (`true`) or it has ended (`false`).
   *
   * Only what every step does stands here. V8 inlines up to a budget, and with the beginning and the end of an item
   * in this loop, a step took a fifth longer.
   */
  private readonly walk = (): boolean => {
    const run = this.run
    for (;;) {
      const item = this.item
      if (item === undefined) return false
      if (this.ending !== undefined) {
        if (this.conclude(item, this.ending)) return true
      } else if (item.step === undefined) {
        if (this.begin(item)) return true
      } else if (this.settled !== undefined) {
        this.process(item)
      } else if (!item.isStarting && run.pace.isDue() && !item.step.atomic) {
        return this.wait("turn", this.parking.turnOf(run.pace))
      } else {
        const step = item.step
        if (step.gate !== undefined || run.gates.atEntrance) {
          const passed = approach(run, item, this)
          if (passed !== undefined) return this.wait("gate", passed)
        }
        if (step.promised !== undefined && run.direct) {
          if (this.await(item, step.promised)) return true
        } else {
          const effect = request(item, step, run, this)
          if (this.left) return false
          if (!isExit(effect)) return this.perform(item, effect, "outputs")
          if (effect._tag === "Success") this.finish(item, effect.value)
          else this.ending = effect.cause
        }
      }
    }
  }

  /**
   * The time; while nothing is waited for, as it was when the pace was last checked. That is every step, unless steps
   * take less than 0.1 ms. Reading the clock twice was a sixth of the time of a cheap item.
   */
  private time(): number {
    const checks = this.run.pace.checks
    if (this.now === undefined || this.checks !== checks) {
      this.now = this.run.now()
      this.checks = checks
    }
    return this.now
  }

  private process(item: Item): void {
    const { settled, value } = this
    this.settled = undefined
    this.value = undefined
    if (settled === "fulfilled") this.finish(item, value)
    else this.ending = Cause.fail(item.step!.promised!.catch(value))
  }

  /** Takes the next item; `false` where there is none, or none yet. */
  private take(): boolean {
    const run = this.run
    for (;;) {
      if (run.places.away > 0) run.places.serveFirst()
      if (run.stopped || this.left || this.parted) return false
      const ready = run.takeReady()
      if (ready !== undefined) return this.takeUp(ready)
      if (run.draining || run.workers > run.capacity || run.places.isFull) return this.part()
      const params = run.options.source.next()
      if (params === end) return this.part()
      if (params === pending) {
        run.hungry++
        this.wait("input", run.options.source.pull)
        return false
      }
      const item = run.admit(params, this.time())
      if (item !== undefined) return this.takeUp(item)
      // Many that do not run may stand one after the other.
      if (run.pace.isDue()) {
        this.wait("turn", run.pace.turn)
        return false
      }
    }
  }

  private takeUp(item: Item): true {
    this.item = item
    this.ending = item.ending
    return true
  }

  private part(): false {
    this.parted = true
    this.run.part()
    return false
  }

  /** Begins the item, up to its first request; `true` where there is something to wait for. */
  private begin(item: Item): boolean {
    const passed = this.run.gates.atEntrance ? approach(this.run, item, this) : undefined
    if (passed !== undefined) return this.wait("gate", passed)
    const decoding = decode(item, this.run.options)
    if (decoding === undefined) this.ending = enter(item, this.run.options.graph.start, undefined, this.run)
    else if (!isExit(decoding)) return this.perform(item, decoding, "params")
    else if (decoding._tag === "Failure") this.ending = invalidParams(item, decoding.cause)
    return false
  }

  /** Ends the item; `true` where there is something to wait for. */
  private conclude(item: Item, given: Ending): boolean {
    const ending = given === "succeeded" ? given : endingAt(this.run, item, given)
    this.ending = ending
    if (ending === undefined || this.left) return false
    if (item.cancelled) item.abort(this.run.options.within)
    const children = childrenOf(this.fiber!)
    const scope = item.openScope
    if (children !== undefined || scope !== undefined) {
      if (ending !== "succeeded" && Cause.isCause(ending) && !item.cancelled) this.run.failWith(ending)
      giveBack(item, "unknown")
      if (this.left) return false
    }
    if (children !== undefined) return this.wait("finalizers", Effect.exit(Fiber.interruptAll(children)))
    if (scope !== undefined) return this.wait("finalizers", Effect.exit(Scope.close(scope, exitOf(ending))))
    const now = this.time()
    // Cleared first: the outcome may end the batch, and with it this worker, before `settle` returns.
    this.item = undefined
    this.ending = undefined
    const outcome = this.run.settle(item, ending, now)
    const publishing = outcome === undefined ? undefined : this.run.options.publish?.(outcome)
    if (publishing !== undefined && this.run.options.delivered === undefined) this.outcome = outcome
    // Last: the outcome may have ended the batch, and those that wait at a gate may end it before this returns.
    if (item.entry !== undefined || item.permit !== undefined) depart(item, ending)
    return publishing !== undefined && !this.left && this.wait("published", publishing)
  }

  /** Has the fiber run an effect of the item, in the context of the item. */
  private perform(item: Item, effect: AnyEffect, waiting: "params" | "outputs"): true {
    const context = isSync(effect) ? this.run.present.context : item.contextIn(this.run.context)
    const fiber = this.fiber!
    if (fiber.context !== context) fiber.setContext(context as never)
    this.now = undefined
    this.pending = effect
    this.waiting = waiting
    return true
  }

  private wait(waiting: "input" | "turn" | "gate" | "finalizers" | "published", effect: AnyEffect): true {
    // What the batch waits for runs in the context of the batch, not in that of the last item.
    if (this.fiber!.context !== this.run.context) this.fiber!.setContext(this.run.context as never)
    this.now = undefined
    this.waiting = waiting
    this.pending = effect
    return true
  }

  private receive(value: unknown): void {
    if (this.parking.isLeft) return
    const waiting = this.waiting
    this.waiting = undefined
    switch (waiting) {
      case "outputs":
        if (this.run.options.within === undefined) return this.finish(this.item!, value)
        this.settled = "fulfilled"
        this.value = value
        return
      case "input":
        return this.fed()
      case "params":
        this.item!.decoded = value as ReadonlyArray<unknown>
        return
      case "finalizers":
        this.ending = endingAfter(this.ending!, value as Exit.Exit<void, unknown>)
        return
      case "published":
        this.outcome = undefined
    }
  }

  /** A failure has left the loop. */
  failed(cause: Cause.Cause<unknown>): void {
    if (this.left) return
    const waiting = this.waiting
    const item = this.item
    this.waiting = undefined
    if (waiting === "input") this.fed()
    // A batch that drains asks for no more input, and how that fails is nothing to it.
    if (item === undefined && this.run.draining) return
    if (item === undefined || this.ending !== undefined) return this.run.breakDown(cause)
    this.ending = waiting === "params" ? invalidParams(item, cause) : cause
  }

  private fed(): void {
    this.run.hungry--
    this.run.demand()
  }

  /** Ends a step, and begins the next one. */
  private finish(item: Item, outputs: unknown): void {
    if (this.left) return
    if (item.permit !== undefined) item.heard = "success"
    const next = processed(item, outputs)
    // The caller's code may have ended the batch, and with it this item.
    if (this.left) return
    if (next._tag !== "Next") {
      this.ending = next
      return
    }
    if (next.change !== "none") item.cell.apply(next)
    const details = this.run.details
    if (details !== undefined) details.stepEnded(item, item.step!.name, next.action)
    const target = next.stop === undefined ? item.step!.next(next.action) : undefined
    item.action = next.action
    const done = next.stop === undefined ? "succeeded" : next
    this.ending = target === undefined ? done : enter(item, target, outputs, this.run)
    if (this.ending === undefined && item.permit !== undefined) giveBack(item, "success")
  }

  /** The fiber ends: by itself with nothing in hand, or because the batch was stopped. */
  private leave(): Effect.Effect<void> {
    this.left = true
    if (this.waiting === "input") this.run.hungry--
    if (this.outcome !== undefined) this.run.unpublished.push(this.outcome)
    const item = this.item
    if (item === undefined) return Effect.void
    // Where the batch was not stopped, the item has interrupted the fiber that it ran on.
    const ending = this.ending ?? (this.run.stopped ? undefined : Cause.interrupt(this.fiber!.id))
    // Taken out of hand: where this runs inside a continuation of a promise, that must not go on with the item.
    this.item = undefined
    item.abort(this.run.options.within)
    const scope = item.openScope
    if (scope === undefined) return Effect.sync(() => this.account(item, ending))
    this.finalizing = item
    const exit = ending === undefined ? Exit.interrupt() : exitOf(ending)
    return Effect.map(Effect.exit(Scope.close(scope, exit)), (closed) => {
      this.account(item, ending === undefined ? undefined : endingAfter(ending, closed))
    })
  }

  /** The fiber has ended. Where the worker did not see it, something that is no effect was inside of a request. */
  ended(exit: Exit.Exit<unknown, unknown>): void {
    if (!this.left) {
      this.left = true
      if (this.item !== undefined)
        this.account(this.item, this.ending ?? (Exit.isFailure(exit) ? exit.cause : undefined))
    }
    if (!this.parted) this.run.part()
    this.run.retire(this)
  }

  private account(item: Item, ending: Ending | undefined): void {
    this.finalizing = undefined
    const now = this.run.now()
    const outcome = ending === undefined ? this.run.interrupt(item, now) : this.run.settle(item, ending, now)
    if (outcome !== undefined) this.run.unpublished.push(outcome)
    if (this.run.gates.any) depart(item, ending)
  }

  /** Calls a request that answers a promise, or a value; `true` where it is a promise. */
  private await(item: Item, promised: Promised): boolean {
    if (!this.run.mayCall(item)) {
      this.ending = Cause.interrupt()
      return false
    }
    item.attempts++
    item.attempt = 1
    let answer: unknown
    try {
      answer = promised.takesSignal
        ? promised.handleRequest(item.inputs, item.signal)
        : promised.handleRequest(item.inputs)
    } catch (cause) {
      this.ending = Cause.fail(promised.catch(cause))
      return false
    }
    if (!isPromiseLike(answer)) {
      this.finish(item, answer)
      return false
    }
    if (this.left) {
      // Nobody waits for it any more.
      Promise.resolve(answer).catch(() => {})
      return false
    }
    this.now = undefined
    this.waiting = undefined
    this.pending = this.parking.effect
    // Only a real promise is sure to answer later, and only once.
    const settled = answer instanceof Promise ? answer : Promise.resolve(answer)
    settled.then(this.fulfilled, this.rejected)
    return true
  }

  private readonly fulfilled = (value: unknown): void => {
    this.settled = "fulfilled"
    this.value = value
    this.parking.go()
  }

  private readonly rejected = (cause: unknown): void => {
    this.settled = "rejected"
    this.value = cause
    this.parking.go()
  }

  /** As `advance`; in the continuation of a promise, which is within the item already, unless `outside`. */
  goOn(outside: boolean): boolean {
    this.waiting = undefined
    return (!outside && this.walk()) || this.advance()
  }
}
