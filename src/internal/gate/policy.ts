/**
 * What a gate is, apart from any run: its options, checked, and the state that it
 * has on each clock.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import { format } from "effect/Formatter"
import { hasProperty } from "effect/Predicate"
import * as Random from "effect/Random"
import { InvalidCost, InvalidOptions } from "../../BatchError.ts"
import type { Told } from "../../GateOptions.ts"
import * as Check from "../options.ts"
import { Aimd, type Bounds } from "./aimd.ts"
import type { CircuitPolicy } from "./circuits.ts"
import { Keeper, type Limits } from "./keeper.ts"
import { Lane } from "./lane.ts"
import type { Permit } from "./permit.ts"
import { isLimited, retryAfterOf } from "./retryAfter.ts"
import { Timer } from "./timer.ts"

export interface Options {
  readonly concurrency?: number | "unbounded" | (Bounds & { readonly adapt: "aimd" }) | undefined
  readonly concurrencyPerKey?: number | undefined
  readonly rate?: { readonly limit: number; readonly window: Duration.Input } | undefined
  readonly key?: ((params: never) => string) | undefined
  readonly cost?: ((params: never) => number) | undefined
  readonly order?: "fifo" | "fair" | undefined
  readonly closeOn?: ((error: unknown, told: Told) => Duration.Input | undefined) | undefined
  readonly maxClose?: Duration.Input | undefined
  readonly jitter?: number | undefined
  readonly countAttempts?: boolean | undefined
  readonly breaker?: { readonly policy?: unknown } | undefined
}

const known = [
  "concurrency",
  "concurrencyPerKey",
  "rate",
  "key",
  "cost",
  "order",
  "closeOn",
  "maxClose",
  "jitter",
  "countAttempts",
  "breaker"
] as const satisfies ReadonlyArray<keyof Options>

let made = 0

/** The pause after an answer that says to come back at once; it doubles with each that follows, up to the last. */
const firstPauseMillis = 100
const lastPauseMillis = 30_000

export class Policy {
  /** Whether a request that closed the gate uses up an attempt. */
  readonly countAttempts: boolean
  /** Makes the circuits of the gate, where it has a breaker. */
  readonly circuits: CircuitPolicy | undefined
  private readonly order = ++made
  private readonly limits: Limits
  private readonly bounds: Bounds | undefined
  /** For how long an error closes a lane at most. */
  private readonly longest: number
  private readonly jitter: number
  private readonly key: ((params: unknown) => string) | undefined
  private readonly cost: ((params: unknown) => number) | undefined
  private readonly closeOn: Options["closeOn"]
  /** Time means nothing across clocks, so each has a state of its own. */
  private readonly keepers = new WeakMap<Clock.Clock, Keeper>()

  constructor(options: Options) {
    Check.object("options", options, "an object", "a gate")
    if (options.rate !== undefined)
      Check.object("rate", options.rate, 'an object such as { limit: 10, window: "1 second" }')
    Check.onlyKnown("a gate", options, known)
    const { concurrency, concurrencyPerKey, cost, key, rate } = options
    this.bounds = typeof concurrency === "object" ? boundsOf(concurrency) : undefined
    this.limits = {
      concurrency: typeof concurrency === "object" ? concurrency.max : Check.concurrency(concurrency ?? "unbounded"),
      perKey:
        concurrencyPerKey === undefined
          ? Number.POSITIVE_INFINITY
          : Check.positiveInteger("concurrencyPerKey", concurrencyPerKey),
      units: rate === undefined ? Number.POSITIVE_INFINITY : positive("rate.limit", rate.limit),
      window: rate === undefined ? undefined : windowOf(rate.window),
      fair: Check.oneOf("order", options.order ?? "fifo", ["fifo", "fair"]) === "fair",
      keyed: key !== undefined
    }
    this.countAttempts = options.countAttempts ?? false
    this.longest =
      options.maxClose === undefined
        ? Number.POSITIVE_INFINITY
        : Duration.toMillis(Check.duration("maxClose", options.maxClose))
    this.jitter = Check.share("jitter", options.jitter ?? 0.05)
    this.circuits = circuitsOf(options.breaker)
    Check.optionalFunction("key", key)
    Check.optionalFunction("cost", cost)
    Check.optionalFunction("closeOn", options.closeOn)
    needs("concurrencyPerKey", concurrencyPerKey, "key", key)
    needs("cost", cost, "rate", rate)
    if (cost === undefined && this.limits.units < 1) {
      throw new InvalidOptions({
        option: "rate.limit",
        value: rate!.limit,
        expected: "at least 1 where there is no cost"
      })
    }
    // The types of the options have checked what these are given.
    this.key = key as ((params: unknown) => string) | undefined
    this.cost = cost as ((params: unknown) => number) | undefined
    this.closeOn = options.closeOn
  }

  /** Whether it finds its own limit. */
  get adapts(): boolean {
    return this.bounds !== undefined
  }

  keeperIn(context: Context.Context<never>): Keeper {
    const clock = Context.get(context, Clock.Clock)
    let keeper = this.keepers.get(clock)
    if (keeper === undefined) {
      const adaptive = this.bounds === undefined ? undefined : new Aimd(this.bounds)
      keeper = new Keeper(this.order, this.limits, (wake) => new Timer(context, wake), adaptive)
      keeper.circuits = this.circuits?.make(keeper.laneAt)
      this.keepers.set(clock, keeper)
    }
    return keeper
  }

  /** The lane of these params; throws what `key` throws. */
  laneOf(keeper: Keeper, params: unknown): Lane {
    if (this.key === undefined) return keeper.only
    const key = this.key(params)
    if (typeof key === "string") return keeper.laneOf(key)
    throw new TypeError(`key of a gate answered ${format(key)}, expected a string`)
  }

  laneNamed(keeper: Keeper, key: string): Lane {
    return this.key === undefined ? keeper.only : keeper.laneOf(key)
  }

  /** What these params cost; throws what `cost` throws, and `InvalidCost` where they could never start. */
  costOf(params: unknown): number {
    return this.cost === undefined ? 1 : checked(this.cost(params), this.limits.units)
  }

  /** For how long an error closes the gate. */
  closesFor(error: unknown, context: Context.Context<never>): Duration.Duration | undefined {
    const retryAfter = retryAfterOf(error, Context.get(context, Clock.Clock).currentTimeMillisUnsafe())
    if (this.closeOn === undefined) return retryAfter
    const input = this.closeOn(error, { limited: retryAfter !== undefined || isLimited(error), retryAfter })
    if (input === undefined) return undefined
    const duration = Check.pause(input)
    if (duration !== undefined) return duration
    throw new InvalidOptions({
      option: "closeOn",
      value: input,
      expected: "a function that answers a duration of at least 0, or undefined"
    })
  }

  /**
   * Closes the lane of a permit as an error says. Who says that it may be asked again at once (`Retry-After: 0`, or a date
   * that has passed, as those of a server whose clock is behind have) would be asked without end and without a pause.
   */
  closeAsTold({ lane, pauses }: Permit, duration: Duration.Duration, context: Context.Context<never>): void {
    if (Duration.toMillis(duration) > 0) {
      lane.strikes = 0
      return this.close(lane, Duration.toMillis(duration), context, this.longest)
    }
    // Those that were sent before the last pause count once, also where their answers come behind it.
    if (pauses < lane.pauses || lane.closedUntil > lane.keeper.timer.now()) return
    const millis = Math.min(firstPauseMillis * 2 ** lane.strikes, lastPauseMillis)
    lane.strikes++
    lane.pauses++
    this.close(lane, millis, context, this.longest)
  }

  /** Closes a lane; it opens a little later than told, so that not all who were told the same come back at once. */
  close(lane: Lane, told: number, context: Context.Context<never>, longest = Number.POSITIVE_INFINITY): void {
    const millis = Math.min(told, longest)
    const { closedUntil, keeper } = lane
    const now = keeper.timer.now()
    // Many that were told at the same time close it once.
    if (now + millis <= closedUntil) return
    const random = this.jitter === 0 ? 0 : Context.get(context, Random.Random).nextDoubleUnsafe()
    keeper.close(lane, now + Math.min(millis * (1 + this.jitter * random), longest))
  }
}

const checked = (cost: number, limit: number): number => {
  if (typeof cost === "number" && cost >= 0 && cost <= limit && cost !== Number.POSITIVE_INFINITY) return cost
  throw new InvalidCost({ cost, limit })
}

/** Says what a start has really cost, besides what it has cost before. */
export const settle = (permit: Permit, actual: number, before = 0): void =>
  permit.lane.keeper.settle(permit, before + checked(actual, Number.POSITIVE_INFINITY))

/** The policy of a gate that stands in an option. */
export const policyOf = (
  option: string,
  gate: { readonly policy?: unknown } | undefined,
  owner?: string
): Policy | undefined => {
  if (gate === undefined) return undefined
  if (gate?.policy instanceof Policy) return gate.policy
  throw new InvalidOptions({ option, value: gate, expected: "a gate, made by Gate.make", owner })
}

/** The policy of the options `gate` and `rate` of a class. */
export const gateOf = (
  owner: string,
  { gate, rate }: { readonly gate?: { readonly policy?: unknown } | undefined; readonly rate?: Options["rate"] }
): Policy | undefined => {
  if (rate === undefined) return policyOf("gate", gate, owner)
  if (gate === undefined) return new Policy({ rate })
  throw new InvalidOptions({ option: "rate", value: rate, expected: "left out where there is a gate", owner })
}

const circuitsOf = (breaker: { readonly policy?: unknown } | undefined): CircuitPolicy | undefined => {
  if (breaker === undefined) return undefined
  if (hasProperty(breaker.policy, "make")) return breaker.policy as CircuitPolicy
  throw new InvalidOptions({ option: "breaker", value: breaker, expected: "a breaker, made by Breaker.make" })
}

const boundsOf = (value: { readonly min: number; readonly max: number; readonly adapt: "aimd" }): Bounds => {
  Check.oneOf("concurrency.adapt", value.adapt, ["aimd"])
  const min = Check.positiveInteger("concurrency.min", value.min)
  const max = Check.positiveInteger("concurrency.max", value.max)
  if (min <= max) return { min, max }
  throw new InvalidOptions({ option: "concurrency.min", value: min, expected: `at most concurrency.max (${max})` })
}

const windowOf = (value: Duration.Input): number => {
  const millis = Duration.toMillis(Check.duration("rate.window", value))
  if (millis !== Number.POSITIVE_INFINITY) return millis
  throw new InvalidOptions({ option: "rate.window", value, expected: "a duration that ends" })
}

const positive = (option: string, value: number): number => {
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidOptions({ option, value, expected: "a number greater than 0" })
}

const needs = (option: string, value: unknown, other: string, needed: unknown): void => {
  if (value === undefined || needed !== undefined) return
  throw new InvalidOptions({ option, value, expected: `left out where there is no ${other}` })
}
