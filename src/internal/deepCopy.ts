/**
 * Deep copies of shared data.
 *
 * Records (plain objects), arrays, maps, and sets are copied. Everything else,
 * such as class instances, functions, dates, and promises, has an identity or a
 * state that a copy would tear apart, and is kept by reference.
 *
 * @since 0.1.0
 */

/**
 * What {@link deepCopy} copies: a value of exactly one of these kinds, not of a
 * subclass.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = "record" | "array" | "map" | "set"

/**
 * Returns the kind of a value that is copied, `undefined` for all other values.
 *
 * @category guards
 * @since 0.1.0
 */
export const kindOf = (value: unknown): Kind | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  switch (Object.getPrototypeOf(value)) {
    case Object.prototype:
    case null:
      return "record"
    case Array.prototype:
      return "array"
    case Map.prototype:
      return "map"
    case Set.prototype:
      return "set"
    default:
      return undefined
  }
}

/**
 * Copies records, arrays, maps, and sets, all the way down.
 *
 * **Details**
 *
 * What is shared or cyclic inside the value is so inside the copy. Enumerable
 * properties are kept, symbols among them; accessors are read once and become
 * plain properties; what was frozen is not. The depth of the value is not
 * limited by the call stack.
 *
 * @category combinators
 * @since 0.1.0
 */
export const deepCopy = <A>(value: A): A => {
  if (kindOf(value) === undefined) return value
  const copies = new Map<object, object>()
  const copy = copyOf(value, copies)
  // Iterating over a map also visits what is added meanwhile, so `copies` is the queue of what is still to be filled.
  for (const [source, target] of copies) fill(source, target, copies)
  return copy as A // has the kind of `value`, and children of the kinds of its children
}

/**
 * Copies a record, its children by reference.
 *
 * @category combinators
 * @since 0.1.0
 */
export const copyRecord = (record: object): object =>
  Object.getPrototypeOf(record) === null ? { __proto__: null, ...record } : { ...record }

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const copyOf = (value: unknown, copies: Map<object, object>): unknown => {
  if (typeof value !== "object" || value === null) return value
  const known = copies.get(value)
  if (known !== undefined) return known
  const copy = startCopy(value)
  if (copy === undefined) return value
  copies.set(value, copy)
  return copy
}

// Records and arrays start with the children of the source, maps and sets, whose order is theirs to keep, with none.
const startCopy = (value: object): object | undefined => {
  switch (kindOf(value)) {
    case "record":
      return copyRecord(value)
    case "array":
      // Unlike `slice`, `concat` takes no time for the holes of a sparse array.
      return (value as ReadonlyArray<unknown>).concat()
    case "map":
      return new Map()
    case "set":
      return new Set()
    default:
      return undefined
  }
}

const fill = (source: object, target: object, copies: Map<object, object>): void => {
  if (Array.isArray(target)) {
    fillArray(target, copies)
  } else if (target instanceof Map) {
    for (const [key, value] of source as ReadonlyMap<unknown, unknown>) {
      target.set(copyOf(key, copies), copyOf(value, copies))
    }
  } else if (target instanceof Set) {
    for (const member of source as ReadonlySet<unknown>) target.add(copyOf(member, copies))
  } else {
    // Takes a third of the time of `Object.keys` for a small record.
    for (const key in target) fillProperty(target, key, copies)
    for (const key of Object.getOwnPropertySymbols(target)) fillProperty(target, key, copies)
  }
}

const fillArray = (target: Array<unknown>, copies: Map<object, object>): void => {
  for (let index = 0; index < target.length; index++) {
    const child = target[index]
    if (typeof child === "object") {
      target[index] = copyOf(child, copies)
    } else if (child === undefined && !(index in target)) {
      // The first hole: go on by keys, for the length of a sparse array says nothing about its elements.
      for (const key in target) if (Number(key) > index) fillProperty(target, key, copies)
      return
    }
  }
}

// Only own keys, for an enumerable property of `Object.prototype` shows in every record. An own `__proto__` can be set
// like any other: setting it changes the prototype only where it is not own.
const fillProperty = (target: object, key: PropertyKey, copies: Map<object, object>): void => {
  const child: unknown = Reflect.get(target, key)
  if (typeof child === "object" && Object.hasOwn(target, key)) Reflect.set(target, key, copyOf(child, copies))
}
