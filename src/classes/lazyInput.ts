/**
 * Parameter sets that are read one after the other.
 */
import { present } from "./context.ts"

export type Params = Iterable<unknown> | AsyncIterable<unknown>

/** A lazy input, read in the context of the batch and not in that of the item that ended last. */
export const readIn = (params: Params): Params => {
  if (Array.isArray(params) || !(Symbol.iterator in params)) return params
  const within = present()
  return {
    [Symbol.iterator]: () => {
      const iterator = within(() => opened(() => params[Symbol.iterator]()))
      const next = () => iterator.next()
      return {
        next: () => within(next),
        return: () => within(() => iterator.return?.() ?? { done: true, value: undefined })
      }
    }
  }
}

/** An input that cannot be opened fails when it is read, as any other that fails. */
const opened = (open: () => Iterator<unknown>): Iterator<unknown> => {
  try {
    return open()
  } catch (thrown) {
    return {
      next: () => {
        throw thrown
      }
    }
  }
}
