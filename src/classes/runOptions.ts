/**
 * The options of a single run, checked.
 */
import { hasProperty } from "effect/Predicate"
import { InvalidOptions } from "../BatchError.ts"
import * as Check from "../internal/options.ts"
import type { Names } from "../internal/spelling.ts"
import type { RunOptions } from "./BaseHandler.ts"
import type { BatchRunOptions } from "./BatchRunOptions.ts"

interface Spelling {
  readonly names: Readonly<Record<string, true>>
  readonly aliases: Readonly<Record<string, string>>
}

const names: Names<RunOptions> = { signal: true }
const aliases = { abortSignal: "signal" }

const ofHandlers: Spelling = {
  names,
  aliases: { ...aliases, redrive: "only a batch goes on from a report" }
}

const batchNames: Names<BatchRunOptions> = { ...names, redrive: true, rerun: true, allowChanges: true }
export const ofBatches: Spelling = { names: batchNames, aliases }

/** The signal of the options; throws `InvalidOptions`. */
export const signalOf = (
  handler: object,
  options: RunOptions | undefined,
  spelling = ofHandlers
): AbortSignal | undefined => {
  if (options === undefined) return undefined
  const owner = `a run of ${String(handler)}`
  const expected = "an object with the signal, { signal }"
  Check.object("options", options, expected, owner)
  if (isSignal(options)) throw new InvalidOptions({ option: "options", value: options, expected, owner })
  Check.spelling(owner, options, spelling.names, spelling.aliases)
  const { signal } = options
  if (signal === undefined || isSignal(signal)) return signal
  const hint = hasProperty(signal, "signal") ? " (controller.signal, not the controller)" : ""
  throw new InvalidOptions({ option: "signal", value: signal, expected: `an AbortSignal${hint}`, owner })
}

/** Also bad options reject, and are not thrown. */
export const withSignal = <A>(
  handler: object,
  options: RunOptions | undefined,
  run: (signal: AbortSignal | undefined) => Promise<A>,
  spelling = ofHandlers
): Promise<A> => {
  try {
    return run(signalOf(handler, options, spelling))
  } catch (thrown) {
    return Promise.reject(thrown)
  }
}

/** Not `instanceof`: there are other implementations than that of the platform. */
const isSignal = (u: unknown): u is AbortSignal => hasProperty(u, "aborted") && hasProperty(u, "addEventListener")
