/**
 * Parameter sets that are read one after the other.
 */
import { type HandlerParams, present } from "./context.ts"

/** A lazy input, read in the context of the batch and not in that of the item that ended last. */
export const readIn = (params: Iterable<HandlerParams>): Iterable<HandlerParams> => {
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
const opened = (open: () => Iterator<HandlerParams>): Iterator<HandlerParams> => {
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
