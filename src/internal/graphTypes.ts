/**
 * What the compiler finds in a graph, and what it computes from it.
 */
import type * as Handler from "../Handler.ts"
import type { TypeId } from "./handler.ts"

/**
 * Any handler, where its types are to be computed. Unlike `Handler.Any` it says nothing that the compiler could infer
 * from: a handler that is made in place, inside of `Pipeline.make`, keeps its types.
 */
export interface UnknownHandler extends Pick<Handler.Any, "name" | "definition" | "pipe"> {
  readonly [TypeId]: unknown
}

/** A handler whose types are not known, in a graph made from data, can be any. */
export type Known<H> = H extends Handler.Any ? H : Handler.Any

/** The keys of the handlers that can follow on such an output. */
export type Accepts<HS, Output> = {
  [K in keyof HS]: [Output] extends [Handler.Previous<Known<HS[K]>>] ? K : never
}[keyof HS]

declare const expected: unique symbol

// No value has one of these. `never` would refuse as much, but of these an error shows the name and what was expected, as
// in `"sav" & LeadsToOneOf<"save">`.
interface LeadsToOneOf<Keys> {
  readonly [expected]: Keys
}
interface ActionIsOneOf<Actions> {
  readonly [expected]: Actions
}
interface HandlerIsOneOf<Keys> {
  readonly [expected]: Keys
}

/** Written out, and not by `Accepts`: an error would show that name with all handlers in it, and not the keys. */
type Targets<HS, Output> = {
  [K in keyof HS]: [Output] extends [Handler.Previous<Known<HS[K]>>] ? K : never
}[keyof HS] extends infer Keys
  ? Keys | LeadsToOneOf<Keys>
  : never

export type CheckedRoutes<HS, Rt> = {
  readonly [K in keyof Rt]: K extends keyof HS
    ? {
        readonly [A in keyof Rt[K]]: A extends Handler.Action<Known<HS[K]>>
          ? Targets<HS, Handler.Output<Known<HS[K]>>>
          : ActionIsOneOf<Handler.Action<Known<HS[K]>>>
      }
    : HandlerIsOneOf<keyof HS>
}

/** `never` for a handler that does not use the shared data: it fits beside every other. */
type OwnShared<H> = unknown extends Handler.Shared<H> ? never : Handler.Shared<H>

export type SharedOfAll<HS> = { [K in keyof HS]: OwnShared<Known<HS[K]>> }[keyof HS]

export type SameShared<HS> = {
  readonly [K in keyof HS]: [OwnShared<Known<HS[K]>>] extends [never]
    ? unknown
    : [SharedOfAll<HS>] extends [OwnShared<Known<HS[K]>>]
      ? unknown
      : never
}

type Intersection<U> = (U extends unknown ? (_: U) => void : never) extends (_: infer I) => void ? I : never

/** The intersection over all handlers. Boxed, so that a union among the params of one handler stays one. */
export type All<HS, What extends "Params" | "Decoded"> =
  Intersection<
    {
      [K in keyof HS]: {
        readonly box: What extends "Params" ? Handler.Params<Known<HS[K]>> : Handler.Decoded<Known<HS[K]>>
      }
    }[keyof HS]
  > extends { readonly box: infer P }
    ? P
    : never

type Unrouted<HS, Rt, K extends keyof HS> = Exclude<
  Handler.Action<Known<HS[K]>>,
  K extends keyof Rt ? keyof Rt[K] : never
>

/** With `infer`, here and below, the compiler writes down what it found, in errors and declarations, and not these names. */
export type FinalAction<HS, Rt> = { [K in keyof HS]: Unrouted<HS, Rt, K> }[keyof HS] extends infer A extends string
  ? A
  : never

export type FinalOutput<HS, Rt> = {
  [K in keyof HS]: [Unrouted<HS, Rt, K>] extends [never] ? never : Handler.Output<Known<HS[K]>>
}[keyof HS] extends infer O
  ? O
  : never
