/**
 * The key of an item, also where the caller's function for it throws: a report
 * that cannot be read because of one item is of no use.
 */
import { isHash } from "../key.ts"
import * as Text from "./text.ts"

export { keyText as keyOf } from "../outcome.ts"

/** `undefined` where the function for it throws, so that nothing is ever matched with such an item. */
export const keyIfAny = (read: () => string): string | undefined => Text.safely<string | undefined>(read, undefined)

/** The key for a reader, with the params where it is a hash. */
export const nameOf = (
  { key, params }: { readonly key: string; readonly params: unknown },
  longest: number = 40
): string => {
  const printed = Text.cutPath(Text.printable(key), longest)
  return isHash(key) ? `${printed} ${Text.cutPath(Text.printable(Text.show(params)), longest)}` : printed
}
