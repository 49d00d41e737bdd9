/**
 * The key of an item, also where the caller's function for it throws: a report
 * that cannot be read because of one item is of no use.
 */
import { describe } from "./failure.ts"
import * as Text from "./text.ts"

interface Keyed {
  readonly index: number
  readonly key: string
}

export const keyOf = (outcome: Keyed): string => {
  try {
    return outcome.key
  } catch (thrown) {
    return `(item ${outcome.index} has no key: ${describe("defect", thrown).message})`
  }
}

/** `undefined` where the function for it throws, so that nothing is ever matched with such an item. */
export const keyIfAny = (read: () => string): string | undefined => Text.safely<string | undefined>(read, undefined)

/** Whether nobody has named the items: a hash says nothing to a reader. */
export const isHash = (key: string): boolean => /^[0-9a-f]{32}$/.test(key)

/** The key for a reader, with the params where it is a hash. */
export const nameOf = (
  { key, params }: { readonly key: string; readonly params: unknown },
  longest: number = 40
): string => {
  const printed = Text.cutPath(Text.printable(key), longest)
  return isHash(key) ? `${printed} ${Text.cutPath(Text.printable(Text.show(params)), longest)}` : printed
}
