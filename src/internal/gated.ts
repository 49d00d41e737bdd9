/**
 * Items at gates: that of a step, and that of the whole batch.
 *
 * Where nobody has to wait, this counts and answers. Who has to wait gets an
 * effect, which gives the place of his worker back meanwhile.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { AnyEffect } from "./definition.ts"
import type { Ending } from "./ending.ts"
import type { Verdict } from "./gate/aimd.ts"
import { CircuitRejection } from "./gate/circuits.ts"
import type { Holding } from "./gate/holding.ts"
import type { Lane } from "./gate/lane.ts"
import { leave, Passage } from "./gate/passage.ts"
import type { Host, Permit } from "./gate/permit.ts"
import { judge, verdictOf } from "./gate/verdict.ts"
import type { Item } from "./item.ts"
import type { Tenant, Waiting } from "./places.ts"
import type { Run } from "./run.ts"

/** Takes the item to the gates that it has not passed; answers what it has to wait for, if anything. */
export const approach = (run: Run, item: Item, tenant: Tenant): Effect.Effect<void> | undefined => {
  const { step } = item
  const gate = run.options.gate
  if (gate !== undefined && item.entry === undefined) {
    const lane = gate.laneOf(run.gates.keeperOf(gate), item.params)
    const cost = gate.costOf(item.params)
    if (lane.keeper.isRefused(lane)) return sendAway(item, lane)
    const passage = Passage.within(item.around, lane, cost)
    const permit = (item.entry = passage?.permit ?? lane.keeper.enter(lane, cost))
    const waits = passing(run, item, permit, passage, tenant)
    if (waits !== undefined) return waits
  }
  if (step?.gate === undefined || item.permit !== undefined) return undefined
  const params = item.paramsOf(step)
  const lane = step.gate.laneOf(run.gates.keeperOf(step.gate), params)
  const cost = step.gate.costOf(params)
  if (lane.keeper.isRefused(lane)) return sendAway(item, lane)
  const own = item.entry === undefined ? undefined : item.heldByBatch
  const passage = Passage.within(item.heldByBatch, lane, cost, own)
  const permit = (item.permit = passage?.permit ?? lane.keeper.enter(lane, cost))
  if (passage !== undefined || own === undefined || permit.state === "held") {
    return passing(run, item, permit, passage, tenant)
  }
  // Nobody waits at a gate while he holds the place of another one, and none of the batch.
  return passing(run, item, permit, new Passage(permit, own, [own]), tenant)
}

/** Nothing begins any more: has those go that the gate of the batch has not let in. */
export const turnAway = ({ active, options }: Run): void => {
  if (options.gate === undefined) return
  for (const { fiber, item } of Array.from(active)) {
    if (fiber === undefined || item?.entry?.state !== "waiting" || !item.isUntouched) continue
    item.cancelled = true
    fiber.interruptUnsafe()
  }
}

const passing = (
  { host }: Run,
  item: Item,
  permit: Permit,
  passage: Passage | undefined,
  tenant: Tenant
): Effect.Effect<void> | undefined => {
  if (permit.state === "held") return undefined
  const admitted = (inLine: () => void): Effect.Effect<void> =>
    Effect.callback<void>((resume) => {
      const { keeper } = permit.lane
      permit.owner = {
        tenant,
        resume: () => {
          keeper.begin(permit)
          resume(Effect.void)
        },
        refused: () => resume(sendAway(item, permit.lane))
      }
      keeper.wait(permit, host)
      inLine()
    })
  const passed = Effect.suspend(() => {
    host.give(tenant, true)
    return passage === undefined ? admitted(() => {}) : passage.through(admitted)
  })
  return Effect.onExit(passed, (exit) => {
    if (Exit.isSuccess(exit)) return Effect.void
    leave(permit, "unknown")
    return Effect.sync(() => {
      if (tenant.parted) host.left(tenant)
    })
  })
}

/** An item has ended; how it stays, or `undefined` where its request is made again: it was only told when to come back. */
export const endingAt = (run: Run, item: Item, ending: Ending): Ending | undefined => {
  // Those with a policy have asked at each attempt.
  if (!run.gates.any || item.step?.plain !== true || ending === "succeeded" || !Cause.isCause(ending)) return ending
  return afterAttempt(run, item, ending)
}

/** An attempt has failed; its cause, or `undefined` where the other side only said when to come back. */
export const afterAttempt = (run: Run, item: Item, cause: Cause.Cause<unknown>): Cause.Cause<unknown> | undefined => {
  const gate = item.step?.gate ?? run.options.gate
  const permit = item.step?.gate === undefined ? item.entry : item.permit
  if (gate === undefined || permit === undefined) return cause
  const { bug, closed, verdict } = judge(
    gate,
    permit.lane,
    Exit.failCause(cause),
    run.context as Context.Context<never>
  )
  const again = closed && !gate.countAttempts
  if (item.permit !== undefined) giveBack(item, verdict)
  else if (!again) hear(permit, verdict)
  else {
    // The start was for nothing: the item comes to the gate of the batch once more.
    leave(permit, verdict)
    item.entry = undefined
  }
  if (!again) return bug === undefined ? cause : Cause.combine(cause, bug)
  item.attempt--
  return undefined
}

/** A request within the permit, which stays, has failed. */
const hear = (permit: Permit, verdict: Verdict): void => {
  const { adaptive, running, timer } = permit.lane.keeper
  adaptive?.observe(verdict, permit.at, timer.now(), running)
}

/** The item ends: it is not let in. */
const sendAway = (item: Item, { key }: Lane): Effect.Effect<never> => {
  item.refuse(`The circuit of its gate is open${key === "" ? "" : ` for ${JSON.stringify(key)}`}`)
  return Effect.interrupt
}

/** Makes a call through the circuit of the gate, where that has one. */
export const throughCircuit = (run: Run, item: Item, call: AnyEffect): AnyEffect => {
  const gate = item.step?.gate ?? run.options.gate
  const permit = item.permit ?? item.entry
  const circuits = permit?.lane.keeper.circuits
  if (gate === undefined || permit === undefined || circuits === undefined) return call
  return circuits.call(
    permit.lane.key,
    call,
    (error) => gate.closesFor(error, run.context as Context.Context<never>) !== undefined
  )
}

/** Where a circuit let a call not through: what the item does instead, before it comes to the gate again. */
export const rejection = (
  run: Run,
  item: Item,
  tenant: Tenant,
  cause: Cause.Cause<unknown>
): Effect.Effect<void> | undefined => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  const permit = item.permit ?? item.entry
  if (!(error instanceof CircuitRejection) || permit === undefined) return undefined
  const { key, keeper } = permit.lane
  // The call was not made, so it was no start.
  keeper.settle(permit, 0)
  leave(permit, "unknown")
  if (item.permit === permit) item.permit = undefined
  else item.entry = undefined
  if (error.openMillis === undefined) return rest(run, item, tenant, keeper.circuits!.probed(key))
  keeper.refuse(permit.lane, keeper.timer.now() + error.openMillis)
  return sendAway(item, permit.lane)
}

/** A request of the item has ended. */
export const giveBack = (item: Item, verdict: Verdict): void => {
  const permit = item.permit
  item.permit = undefined
  if (permit !== undefined) leave(permit, verdict)
}

/** The item has ended, or was interrupted. */
export const depart = (item: Item, ending: Ending | undefined): void => {
  const verdict =
    ending === undefined ? "unknown" : ending !== "succeeded" && Cause.isCause(ending) ? verdictOf(ending) : "success"
  giveBack(item, verdict)
  // What was too much, its gate has heard when it happened, and that may be the gate of the step.
  if (item.entry !== undefined) leave(item.entry, verdict === "success" ? verdict : "unknown")
}

/** Waits for something else than a gate, without a place: between two attempts, or for a circuit. */
export const rest = (run: Run, item: Item, tenant: Tenant, wait: Effect.Effect<void>): Effect.Effect<void> => {
  const { host } = run
  const entry = item.entry === undefined ? undefined : item.heldByBatch
  const back = Effect.suspend(() => {
    host.give(tenant, false)
    entry?.want(false)
    return Effect.andThen(wait, entry === undefined ? host.back(tenant) : both(host, entry, tenant))
  })
  return Effect.onExit(back, (exit) =>
    Effect.sync(() => {
      if (Exit.isFailure(exit) && tenant.parted) host.left(tenant)
    })
  )
}

/** Waits for the place at the gate of the batch and one of the batch itself, and holds neither without the other. */
const both = (host: Host, entry: Holding, tenant: Tenant): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const waiting: Waiting = { tenant, resume: () => resume(Effect.void) }
    entry.wantAt(host, waiting)
    return Effect.sync(() => entry.want(false))
  })
