/**
 * Guards for the hot path. `Effect.isEffect` and `Exit.isExit` ask `key in value`, which costs about 40 ns where
 * values of many shapes pass by; reading the property costs 3 ns (a sixth of the time of a batch of cheap items).
 */
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { AnyEffect } from "./definition.ts"

export const isEffect = (u: unknown): u is AnyEffect =>
  typeof u === "object" && u !== null && (u as Record<string, unknown>)["~effect/Effect"] !== undefined

export const isExit = (effect: AnyEffect): effect is Exit.Exit<unknown, unknown> =>
  (effect as Effect.Effect<unknown> & Record<string, unknown>)["~effect/Exit"] !== undefined

/**
 * Whether it is an `Effect.sync`, which is a function to call. Effect has no public name for what an effect is; where its
 * own changed, such a step would take as long as others do.
 */
export const isSync = (effect: AnyEffect): boolean =>
  (effect as Effect.Effect<unknown> & Record<string, unknown>)["~effect/Effect/identifier"] === "Sync"

export const isPromiseLike = (u: unknown): u is PromiseLike<unknown> =>
  typeof u === "object" && u !== null && typeof (u as { readonly then?: unknown }).then === "function"

/** Nobody waits for a promise that is refused, and what it rejects with is not to be a failure of the process. */
export const disown = (u: unknown): void => {
  if (u instanceof Promise) u.catch(() => {})
}

/**
 * The fibers that an item has forked as children and that still run. The fiber of an item of its own would end them
 * with itself; a worker's goes on, so they are looked up where Effect keeps them, for which it has no public name.
 */
export const childrenOf = (
  fiber: Fiber.Fiber<unknown, unknown>
): Iterable<Fiber.Fiber<unknown, unknown>> | undefined => {
  const children = (fiber as unknown as { readonly _children: Set<Fiber.Fiber<unknown, unknown>> | undefined })
    ._children
  return children !== undefined && children.size > 0 ? children : undefined
}
