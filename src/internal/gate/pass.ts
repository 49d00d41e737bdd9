/**
 * Effects behind gates, outside of batches or inside of them.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { CurrentItem } from "../currentItem.ts"
import { Item } from "../item.ts"
import type { Verdict } from "./aimd.ts"
import { anywhere, Held, Holding } from "./holding.ts"
import { leave, Passage } from "./passage.ts"
import type { Permit } from "./permit.ts"
import type { Policy } from "./policy.ts"
import { judge } from "./verdict.ts"

/** The innermost permit that an effect with this context runs under. */
export const heldIn = (context: Context.Context<never>): Holding | undefined => {
  const held = Context.get(context, Held)
  if (held !== undefined) return held
  const item = Context.get(context, CurrentItem)
  return item instanceof Item ? item.held : undefined
}

/** Runs an effect behind a gate. */
export const pass = <A, E, R>(
  policy: Policy,
  params: unknown,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiber(({ context }) => {
      const keeper = policy.keeperIn(context)
      // The cost first: nobody would forget the lane of a key that cannot enter.
      const cost = policy.costOf(params)
      const lane = policy.laneOf(keeper, params)
      const outer = heldIn(context)
      const passage = Passage.within(outer, lane, cost)
      const permit = passage?.permit ?? keeper.enter(lane, cost)
      const run = Effect.provideService(effect, Held, new Holding(permit, outer))
      const begun = permit.state === "held" ? run : Effect.andThen(passed(permit), run)
      return Effect.onExit(restore(begun), (exit) => {
        const { bug, verdict } = judge(policy, permit, exit, context)
        const thrown: Effect.Effect<void> = bug === undefined ? Effect.void : Effect.failCause(bug)
        // Who is interrupted does not wait; the effect around it has its place as soon as there is one.
        if (passage !== undefined && !(Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause))) {
          return Effect.andThen(
            // Also where it is interrupted before it begins.
            Effect.onExit(restore(restored(passage, verdict)), () => Effect.sync(() => passage.end(verdict))),
            thrown
          )
        }
        leave(permit, verdict)
        return thrown
      })
    })
  )

const passed = (permit: Permit): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const { lane, passage } = permit
    const onward = () => resume(Effect.void)
    const standInLine = () => lane.keeper.wait(permit, anywhere)
    permit.owner = { resume: passage === undefined ? onward : () => passage.admitted() }
    if (passage === undefined) standInLine()
    else passage.pass(standInLine, onward)
    return Effect.sync(() => leave(permit, "unknown"))
  })

const restored = (passage: Passage, verdict: Verdict): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    passage.endAndRestore(verdict, () => resume(Effect.void))
  })
