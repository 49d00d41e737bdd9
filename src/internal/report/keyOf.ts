/**
 * The key of an item, also where the caller's function for it throws: a report
 * that cannot be read because of one item is of no use.
 */
import { messageOf } from "./failure.ts"

export const keyOf = (outcome: { readonly index: number; readonly key: string }): string => {
  try {
    return outcome.key
  } catch (thrown) {
    return `(item ${outcome.index} has no key: ${messageOf(thrown)})`
  }
}
