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
import { anywhere, heldFrom } from "./gate/holding.ts"
import type { Lane } from "./gate/lane.ts"
import type { Host } from "./gate/line.ts"
import { leave, Passage } from "./gate/passage.ts"
import type { Permit } from "./gate/permit.ts"
import type { Policy } from "./gate/policy.ts"
import { Respite } from "./gate/respite.ts"
import { type Judgement, judge, verdictOf } from "./gate/verdict.ts"
import type { Item } from "./item.ts"
import type { Entrance, Places, Tenant, Waiting } from "./places.ts"
import type { Run } from "./run.ts"

/** Takes the item to the gates that it has not passed; answers what it has to wait for, if anything. */
export const approach = (run: Run, item: Item, tenant: Tenant): Effect.Effect<void> | undefined => {
  const { step } = item
  const gate = run.options.gate
  if (gate !== undefined && item.entry === undefined) {
    // Between a start and its request, nothing else is waited for.
    if (step === undefined && run.pace.isDue()) return run.pace.turn
    const cost = gate.costOf(item.params)
    const lane = gate.laneOf(run.gates.keeperOf(gate), item.params)
    if (lane.keeper.isRefused(lane)) return sendAway(item, lane)
    const passage = Passage.within(item.around, lane, cost)
    const permit = (item.entry = passage?.permit ?? lane.keeper.enter(lane, cost))
    const waits = passing(run, item, permit, passage, tenant, step === undefined ? run.places.entrance : run.places)
    if (waits !== undefined) return waits
  }
  if (step?.gate === undefined || item.permit !== undefined) return undefined
  const params = item.paramsOf(step)
  const cost = step.gate.costOf(params)
  const lane = step.gate.laneOf(run.gates.keeperOf(step.gate), params)
  if (lane.keeper.isRefused(lane)) return sendAway(item, lane)
  const own = item.entry === undefined ? undefined : item.heldByBatch
  const passage = Passage.within(item.heldByBatch, lane, cost, own)
  const permit = (item.permit = passage?.permit ?? lane.keeper.enter(lane, cost))
  if (passage !== undefined || own === undefined || permit.state === "held") {
    return passing(run, item, permit, passage, tenant, run.places)
  }
  // Nobody waits at a gate while he holds the place of another one, and none of the batch.
  return passing(run, item, permit, Passage.withOwn(permit, own), tenant, run.places)
}

/** Nothing begins any more: has those go that wait at a gate for their first call. */
export const turnAway = (run: Run): void => {
  for (const { fiber, item } of run.active) {
    if (fiber === undefined || item?.isUntouched !== true) continue
    item.cancelled = true
    fiber.interruptUnsafe()
  }
}

/** Nothing begins for now: those that are at the gate of the batch keep their turn, and stand in nobody's way. */
export const holdBack = (run: Run): void => {
  for (const item of atEntrance(run)) (item.entry!.owner as AtGate | undefined)?.stepBack?.()
}

/** The items that have come to the gate of the batch, which has not let them in. */
const atEntrance = ({ active, options }: Run): ReadonlyArray<Item> =>
  options.gate === undefined
    ? []
    : Array.from(active).flatMap(({ fiber, item }) =>
        fiber !== undefined && item?.step === undefined && item?.entry?.started === false ? [item] : []
      )

/** What waits at a gate. */
interface AtGate extends Waiting {
  readonly refused: () => void
  /** Leaves the line for a while, where it keeps others from what it has put aside. */
  readonly stepBack: (() => void) | undefined
}

const passing = (
  run: Run,
  item: Item,
  permit: Permit,
  passage: Passage | undefined,
  tenant: Tenant,
  host: Entrance | Places
): Effect.Effect<void> | undefined => {
  if (permit.state === "held") return undefined
  const { keeper } = permit.lane
  const { entrance } = run.places
  // Others within what it claims may have all places, and wait for it.
  const keepsPlace = passage?.shares === true
  const passed = Effect.callback<void>((resume) => {
    if (run.draining && item.isUntouched) {
      item.cancelled = true
      return resume(Effect.interrupt)
    }
    const onward = () => resume(Effect.void)
    const stepBack = () => {
      if (permit.state === "held") return
      passage!.stepBack()
      entrance.onceOpen(item.index, () => passage!.pass(standInLine, onward))
    }
    const standInLine = () => {
      // What it has put aside is for others while nothing may begin.
      if (passage !== undefined && host === entrance && entrance.isShut) stepBack()
      else keeper.wait(permit, keepsPlace ? anywhere : host)
    }
    const owner: AtGate = {
      tenant,
      resume: passage === undefined ? onward : () => passage.admitted(),
      refused: () => resume(sendAway(item, permit.lane)),
      stepBack: passage === undefined ? undefined : stepBack
    }
    permit.owner = owner
    if (!keepsPlace) run.places.give(tenant, true)
    if (passage === undefined) standInLine()
    else passage.pass(standInLine, onward)
  })
  return Effect.onExit(passed, (exit) => {
    if (Exit.isSuccess(exit)) return Effect.void
    entrance.forget(item.index)
    leave(permit, "unknown")
    return Effect.sync(() => {
      if (tenant.parted) run.places.left(tenant)
    })
  })
}

/** An item has ended; how it stays, or `undefined` where its request is made again: it was only told when to come back. */
export const endingAt = (run: Run, item: Item, ending: Ending): Ending | undefined => {
  if (!run.gates.any || ending === "succeeded" || !Cause.isCause(ending)) return ending
  // Those with a policy have asked at each attempt, unless the first one has thrown before there was an effect.
  const isAsked = (item.step?.plain !== true && item.permit === undefined) || item.heard !== undefined || isJudged(item)
  // What fails before the first attempt of a step says nothing of the other side.
  return !isAsked && item.attempt > 0 ? afterAttempt(run, item, ending) : ending
}

/** An attempt has failed; its cause, or `undefined` where the other side only said when to come back. */
export const afterAttempt = (run: Run, item: Item, cause: Cause.Cause<unknown>): Cause.Cause<unknown> | undefined => {
  const { gate, permit } = innermost(run, item)
  if (gate === undefined || permit === undefined) return cause
  const { bug, closed, verdict } = judgeOnce(run, item, gate, permit, cause)
  const again = closed && !gate.countAttempts
  // Where the start was for nothing, the item comes to the gate once more.
  if (again) giveUp(item, permit, verdict)
  // It is given back when it is known what becomes of the item: that may end the batch, and then no other may begin.
  else if (permit === item.permit) item.heard = verdict
  else hear(item, permit, verdict)
  if (!again) return bug === undefined ? cause : Cause.combine(cause, bug)
  item.attempt--
  // The next call may not be made, and then this was not about it.
  item.judged = undefined
  return undefined
}

/** Whether the gate has been asked about the last attempt: it may close for an error, and counts how often it did. */
const isJudged = (item: Item): boolean => item.judged?.attempts === item.attempts

const judgeOnce = (run: Run, item: Item, gate: Policy, permit: Permit, cause: Cause.Cause<unknown>): Judgement => {
  if (!isJudged(item)) {
    const judgement = judge(gate, permit, Exit.failCause(cause), run.context as Context.Context<never>)
    item.judged = { ...judgement, attempts: item.attempts }
  }
  return item.judged!
}

/** A request within the permit, which stays, has failed. What it says is about the time when it was made. */
const hear = ({ calledAt }: Item, permit: Permit, verdict: Verdict): void => {
  const { adaptive, running, timer } = permit.lane.keeper
  adaptive?.observe(verdict, calledAt ?? permit.at!, timer.now(), running)
}

/** The item ends: it is not let in. */
const sendAway = (item: Item, { key }: Lane): Effect.Effect<never> => {
  item.refuse(`The circuit of its gate is open${key === "" ? "" : ` for ${JSON.stringify(key)}`}`)
  return Effect.interrupt
}

/** The permits whose call a circuit has let through, and which has not ended. */
const letThrough = new WeakSet<Permit>()

/**
 * Makes a call through the circuit of the gate, where that has one. What runs within a call that the circuit has let through
 * is a part of it: where that is the probe, it would wait for its own end.
 */
export const throughCircuit = (run: Run, item: Item, call: AnyEffect): AnyEffect => {
  const { gate, permit } = innermost(run, item)
  const circuits = permit?.lane.keeper.circuits
  if (gate === undefined || permit === undefined || circuits === undefined || isLetThrough(item, permit)) return call
  const made = Effect.suspend(() => {
    letThrough.add(permit)
    return Effect.onExit(call, () => Effect.sync(() => letThrough.delete(permit)))
  })
  return circuits.call(permit.lane, made, (error) => judgeOnce(run, item, gate, permit, Cause.fail(error)).closed)
}

/** Whether the permit is within a call of the same key that the circuit has let through. */
const isLetThrough = ({ held }: Item, { lane }: Permit): boolean => {
  for (let holding = held; holding !== undefined; holding = holding.outer) {
    if (holding.permit.lane === lane && letThrough.has(holding.permit)) return true
  }
  return false
}

/** To make a call all the same, or what to wait for before the item comes to the gate again. */
type Rejection = "call" | Effect.Effect<void>

/** Where a circuit let a call not through: what the item does instead. */
export const rejection = (run: Run, item: Item, tenant: Tenant, cause: Cause.Cause<unknown>): Rejection | undefined => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  const { permit } = innermost(run, item)
  if (!(error instanceof CircuitRejection) || permit === undefined) return undefined
  const { keeper } = permit.lane
  // What is within other permits waits for no probe: that may need their places, or to claim what is around both.
  if (error.openMillis === undefined && item.around !== undefined && heldFrom(item.around, 0).length > 0) return "call"
  // The call was not made, so it was no start; at the gate of the batch that is one with those of other requests.
  if (permit === item.permit || item.attempts === item.earlier) keeper.settle(permit, 0)
  giveUp(item, permit, "unknown")
  if (error.openMillis === undefined) return rest(run, item, tenant, keeper.circuits!.probed(permit.lane))
  keeper.refuse(permit.lane, keeper.timer.now() + error.openMillis)
  return sendAway(item, permit.lane)
}

/** The gate that judges the requests of the item, and its permit: that of its step, or else that of the batch. */
const innermost = (
  { options }: Run,
  { entry, permit, step }: Item
): { readonly gate: Policy | undefined; readonly permit: Permit | undefined } =>
  step?.gate === undefined ? { gate: options.gate, permit: entry } : { gate: step.gate, permit }

/** Gives a permit back: the item has to come to that gate again. */
const giveUp = (item: Item, permit: Permit, verdict: Verdict): void => {
  if (permit === item.permit) item.permit = undefined
  else {
    item.entry = undefined
    item.bill = undefined
    item.earlier = item.attempts
  }
  leave(permit, verdict)
}

/** A request of the item has ended; what the gate is told of it, unless it has heard that. */
export const giveBack = (item: Item, verdict: Verdict): void => {
  if (item.permit === undefined) return
  const heard = item.heard ?? verdict
  item.heard = undefined
  giveUp(item, item.permit, heard)
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
  const { places } = run
  const entry = item.entry === undefined ? undefined : item.heldByBatch
  const respite = entry === undefined ? undefined : new Respite(entry)
  const keepsPlace = respite?.shares === true
  const back = Effect.suspend(() => {
    if (!keepsPlace) places.give(tenant, false)
    if (respite === undefined) return Effect.andThen(wait, places.back(tenant))
    return Effect.andThen(Effect.andThen(begun(respite), wait), over(respite, keepsPlace ? anywhere : places, tenant))
  })
  return Effect.onExit(back, (exit) =>
    Effect.sync(() => {
      if (Exit.isSuccess(exit)) return
      respite?.end(false)
      if (tenant.parted) places.left(tenant)
    })
  )
}

/** All that the item runs under has been put aside, as far as it will have to be taken again. */
const begun = (respite: Respite): Effect.Effect<void> =>
  Effect.callback<void>((resume) => respite.begin(() => resume(Effect.void)))

/** Waits for the place at the gate of the batch and one of the batch itself, and holds neither without the other. */
const over = (respite: Respite, host: Host, tenant: Tenant): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const waiting: Waiting = { tenant, resume: () => resume(Effect.void) }
    respite.comeBack(host, waiting)
  })
