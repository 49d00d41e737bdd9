/**
 * Decodes the params of an item for all of its handlers, before the first runs.
 */
import * as Effect from "effect/Effect"
import type { AnyEffect } from "./definition.ts"
import type { Item } from "./item.ts"
import type { RunOptions } from "./runOptions.ts"
import { isExit } from "./tags.ts"

/** Answers `undefined` once the item has its params, a failure, or an effect whose value is the decoded params. */
export const decode = (item: Item, { decodeParams, graph }: RunOptions): AnyEffect | undefined => {
  if (!decodeParams || graph.decoders.length === 0 || item.decoded !== undefined) return undefined
  const decoded: Array<unknown> = []
  for (const decoder of graph.decoders) {
    const decoding = decoder.decode(item.params)
    if (!isExit(decoding)) return Effect.forEach(graph.decoders, (other) => other.decode(item.params))
    if (decoding._tag === "Failure") return decoding
    decoded.push(decoding.value)
  }
  item.decoded = decoded
  return undefined
}
