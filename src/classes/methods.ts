/**
 * Finds the methods of a class that were meant to be another: nobody would call
 * them, and the default would run in silence.
 */
import { meantBy } from "../internal/spelling.ts"

/** What a class may override. */
const names = [
  "prepareInputs",
  "handleRequest",
  "processResults",
  "handleError",
  "executeLifecycle",
  "prepareBatchParams",
  "processBatchResults"
]

/** The prototypes that were looked at, so that a class is looked at once. */
const checked = new WeakSet<object>()

/**
 * Looks at the prototypes below `base`. Where the method itself is overridden too, one with a similar name is a helper of
 * it.
 */
export const checkMethods = (handler: object, base: object): void => {
  const prototype: object = Object.getPrototypeOf(handler)
  if (checked.has(prototype)) return
  const isDefault = (name: string): boolean => Reflect.get(handler, name) === Reflect.get(base, name)
  // `handleRequest` is abstract, so that not every base has it.
  const missing = names.filter((name) => (name in base || name === "handleRequest") && isDefault(name))
  const known = Object.fromEntries(missing.map((name) => [name, true] as const))
  for (let own = prototype; own !== base && own !== null; own = Object.getPrototypeOf(own)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(own))) {
      const meant = typeof value === "function" ? meantBy(name, known, {}) : undefined
      if (meant === undefined) continue
      throw new TypeError(`${name} of ${String(handler)} is a method that nobody calls (did you mean ${meant}?)`)
    }
  }
  checked.add(prototype)
}
