/**
 * What the compiler finds in a graph, and what it computes from it.
 */
import type * as Handler from "../Handler.ts"

/** The keys of the handlers that can follow on such an output. */
export type Accepts<HS, Output> = {
  [K in keyof HS]: [Output] extends [Handler.Previous<HS[K]>] ? K : never
}[keyof HS]

export type CheckedRoutes<HS, Rt> = {
  readonly [K in keyof Rt]: K extends keyof HS
    ? { readonly [A in keyof Rt[K]]: A extends Handler.Action<HS[K]> ? Accepts<HS, Handler.Output<HS[K]>> : never }
    : never
}

/** `never` for a handler that does not use the shared data: it fits beside every other. */
type OwnShared<H> = unknown extends Handler.Shared<H> ? never : Handler.Shared<H>

export type SharedOfAll<HS> = { [K in keyof HS]: OwnShared<HS[K]> }[keyof HS]

export type SameShared<HS> = {
  readonly [K in keyof HS]: [OwnShared<HS[K]>] extends [never]
    ? unknown
    : [SharedOfAll<HS>] extends [OwnShared<HS[K]>]
      ? unknown
      : never
}

type Intersection<U> = (U extends unknown ? (_: U) => void : never) extends (_: infer I) => void ? I : never

/** The intersection over all handlers. Boxed, so that a union among the params of one handler stays one. */
export type All<HS, What extends "Params" | "Decoded"> =
  Intersection<
    {
      [K in keyof HS]: { readonly box: What extends "Params" ? Handler.Params<HS[K]> : Handler.Decoded<HS[K]> }
    }[keyof HS]
  > extends { readonly box: infer P }
    ? P
    : never

type Unrouted<HS, Rt, K extends keyof HS> = Exclude<Handler.Action<HS[K]>, K extends keyof Rt ? keyof Rt[K] : never>

export type FinalAction<HS, Rt> = { [K in keyof HS]: Unrouted<HS, Rt, K> }[keyof HS]

export type FinalOutput<HS, Rt> = {
  [K in keyof HS]: [Unrouted<HS, Rt, K>] extends [never] ? never : Handler.Output<HS[K]>
}[keyof HS]
