/**
 * Content keys for parameter sets.
 *
 * A key depends on what a value contains and on nothing else: not on property
 * order, insertion order, sharing, machine, process, or version. Keys are kept
 * in journals and reports, so the text written here must never change.
 *
 * Every container becomes a text in which its child containers stand as
 * digests. So a child that is shared is digested once, and no depth of nesting
 * needs the call stack.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import { kindOf } from "./deepCopy.ts"

/**
 * Returns the key of a value: 32 lower-case hexadecimal digits (128 bits).
 *
 * **Details**
 *
 * Properties that are `undefined` count as absent, `-0` counts as `0`. A class
 * instance is known by its class name and its own enumerable string properties,
 * an error also by its name and message; `toJSON` is never called. An instance
 * without such properties is known by its own `toString`, if it has one: boxed
 * primitives and Temporal dates need it. Functions and symbols are known by
 * their names.
 *
 * **Gotchas**
 *
 * What only private fields hold takes no part. A minifier that renames classes
 * changes the keys of their instances. A `Redacted` is known by its value, but in
 * another process by another key: what is kept of a secret must not tell it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const stableKey = (params: unknown): string => keyOf(params, atomText)

/**
 * Returns whether a key is such a hash, which says nothing to a reader.
 *
 * @category guards
 * @since 0.1.0
 */
export const isHash = (key: string): boolean => /^[0-9a-f]{32}$/.test(key)

/**
 * Returns a function that answers the same key for values of equal content and
 * of the very same class instances, functions, and symbols.
 *
 * @see {@link stableKey} for keys that outlive the process
 * @category combinators
 * @since 0.1.0
 */
export const makeIdentityKey = (): ((value: unknown) => string) => {
  const identities = new Map<unknown, number>()
  const identityText = (value: unknown): string | undefined => {
    if (kindOf(value) !== undefined) return undefined
    const isObject = typeof value === "object" && value !== null
    if (!isObject && typeof value !== "function" && typeof value !== "symbol") return atomText(value)
    const content = isObject ? builtInText(value) : undefined
    if (content !== undefined) return content
    const identity = identities.get(value) ?? identities.size
    identities.set(value, identity)
    return `@${identity};`
  }
  return (value) => keyOf(value, identityText)
}

/**
 * Returns the content of a date, regular expression, URL, or piece of binary
 * data, `undefined` for all other objects.
 *
 * @category combinators
 * @since 0.1.0
 */
export const builtInText = (value: object): string | undefined => {
  if (value instanceof Date) return `d${value.getTime()};`
  if (value instanceof RegExp) return `R${quote(String(value))}`
  if (value instanceof URL) return `U${quote(value.href)}`
  if (value instanceof ArrayBuffer) return `b${quote("[object ArrayBuffer]")}${quote(new Uint8Array(value).join())}`
  return ArrayBuffer.isView(value) ? viewText(value) : undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type AtomText = (value: unknown) => string | undefined

const keyOf = (value: unknown, atomTextOf: AtomText): string => {
  const atom = atomTextOf(value)
  if (atom !== undefined) return digest(atom)
  const shapes = makeShapes(atomTextOf)
  const root = shapeOf(shapes, value as object) // whatever has no atom text is an object
  const cyclic = digestAll(shapes, root)
  if (cyclic.length === 0) return root.digest
  // The root's digest alone sees no farther into a cycle than there were rounds.
  const digests = Array.from(new Set(refine(cyclic))).sort()
  return digest(`@${root.digest}${digests.join("")}`)
}

/** A container: its text, cut where a child container's digest goes. */
interface Shape {
  readonly value: object
  readonly parts: Array<string | Shape>
  /** The parts that make one entry where the order of entries does not count, else `0`. */
  arity: 0 | 1 | 2
  expanded: boolean
  next: number
  digest: string
}

/** The shapes of one call, by container. */
interface Shapes {
  readonly atomTextOf: AtomText
  readonly known: Map<object, Shape>
}

const makeShapes = (atomTextOf: AtomText): Shapes => ({ atomTextOf, known: new Map() })

const shapeOf = ({ known }: Shapes, value: object): Shape => {
  let shape = known.get(value)
  if (shape === undefined) {
    shape = { value, parts: [], arity: 0, expanded: false, next: 0, digest: "?" }
    known.set(value, shape)
  }
  return shape
}

// Depth first with an explicit path. Answers the shapes that lead into a cycle: they have no digest yet.
const digestAll = (shapes: Shapes, root: Shape): ReadonlyArray<Shape> => {
  const cyclic: Array<Shape> = []
  const path = [root]
  expand(shapes, root)
  for (let shape = path.at(-1); shape !== undefined; shape = path.at(-1)) {
    const child = nextUnexpanded(shape)
    if (child !== undefined) {
      expand(shapes, child)
      path.push(child)
    } else {
      path.pop()
      if (shape.parts.every(isKnown)) shape.digest = digest(textOf(shape))
      else cyclic.push(shape)
    }
  }
  return cyclic
}

const isKnown = (part: string | Shape): boolean => typeof part === "string" || part.digest !== "?"

const nextUnexpanded = (shape: Shape): Shape | undefined => {
  while (shape.next < shape.parts.length) {
    const part = shape.parts[shape.next++]
    if (typeof part === "object" && !part.expanded) return part
  }
  return undefined
}

// Color refinement: each round, a shape sees one step farther. It ends when a round tells no more shapes apart.
// Following every path instead takes factorial time in a dense graph, and numbering the shapes as they are met would
// depend on the insertion order of sets. The limit keeps a long ring of equal shapes from taking quadratic time.
const refine = (cyclic: ReadonlyArray<Shape>): ReadonlyArray<string> => {
  const limit = 4 + 100_000 / cyclic.length
  let digests: ReadonlyArray<string> = []
  let classes = 1
  for (let round = 0; round < limit; round++) {
    digests = cyclic.map((shape) => digest(textOf(shape)))
    cyclic.forEach((shape, index) => {
      shape.digest = digests[index] ?? "?"
    })
    const distinct = new Set(digests).size
    if (distinct === classes) return digests
    classes = distinct
  }
  return [...digests, String(cyclic.length)]
}

const textOf = ({ arity, parts }: Shape): string => {
  let text = ""
  if (arity === 0) {
    for (const part of parts) text += partText(part)
    return text
  }
  const entries: Array<string> = []
  for (let index = 1; index < parts.length; index += arity) {
    let entry = ""
    for (const part of parts.slice(index, index + arity)) entry += partText(part)
    entries.push(entry)
  }
  return partText(parts[0] ?? "") + entries.sort().join("")
}

const partText = (part: string | Shape): string => (typeof part === "string" ? part : `#${part.digest}`)

const expand = (shapes: Shapes, shape: Shape): void => {
  const { parts, value } = shape
  shape.expanded = true
  let text = openText(value)
  if (value instanceof Map) {
    shape.arity = 2
    parts.push(text)
    for (const [key, member] of value) parts.push(partOf(shapes, key), partOf(shapes, member))
    return
  }
  if (value instanceof Set) {
    shape.arity = 1
    parts.push(text)
    for (const member of value) parts.push(partOf(shapes, member))
    return
  }
  if (Array.isArray(value)) {
    for (const item of value) text = append(shapes, shape, text, item)
  } else if (Redacted.isRedacted(value)) {
    salt ??= crypto.randomUUID()
    text = append(shapes, shape, `X${quote(salt)}`, secretOf(value))
  } else {
    for (const key of Object.keys(value).sort()) {
      const property: unknown = Reflect.get(value, key)
      if (property !== undefined) text = append(shapes, shape, text + quote(key), property)
    }
  }
  parts.push(text)
}

const append = (shapes: Shapes, shape: Shape, text: string, value: unknown): string => {
  const part = partOf(shapes, value)
  if (typeof part === "string") return text + part
  shape.parts.push(text, part)
  return ""
}

const partOf = (shapes: Shapes, value: unknown): string | Shape =>
  shapes.atomTextOf(value) ?? shapeOf(shapes, value as object) // as in `keyOf`

const quote = (text: string): string => `${text.length}:${text}`

// Every text announces its kind and its end, so no two sequences of values run together into the same text.
const atomText = (value: unknown): string | undefined => {
  switch (typeof value) {
    case "string":
      return `s${quote(value)}`
    case "number":
      return `n${value};`
    case "boolean":
      return value ? "t" : "f"
    case "bigint":
      return `i${value};`
    case "undefined":
      return "u"
    case "symbol":
      return `y${quote(value.description ?? "")}`
    case "function":
      return `F${quote(String(value.name))}`
    case "object":
      return value === null ? "z" : objectAtomText(value)
  }
}

const objectAtomText = (value: object): string | undefined => {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || Array.isArray(value)) return undefined
  const text = builtInText(value)
  const isContainer = value instanceof Error || Object.keys(value).length > 0 || Redacted.isRedacted(value)
  if (text !== undefined || isContainer) return text
  return opaqueText(value)
}

// By elements, not by bytes: the order of the bytes is the machine's.
const viewText = (view: ArrayBufferView): string => {
  const elements = view instanceof DataView ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : view
  // A view that is no `DataView` is a typed array. The tag, since a `Buffer` is a `Uint8Array` too.
  return `b${quote(Object.prototype.toString.call(view))}${quote((elements as Uint8Array).join())}`
}

const opaqueText = (value: object): string | undefined => {
  const { _tag, toString } = value as { readonly _tag?: unknown; readonly toString?: unknown }
  return typeof toString !== "function" || toString === Object.prototype.toString || typeof _tag === "string"
    ? undefined
    : `O${openText(value)}${quote(String(value))}`
}

/** In the keys of secrets: they are kept in reports, and a digest alone could be turned back. */
let salt: string | undefined

const secretOf = (value: Redacted.Redacted<unknown>): unknown => {
  try {
    return Redacted.value(value)
  } catch {
    // It was wiped.
    return undefined
  }
}

const openText = (value: object): string => {
  const kind = Array.isArray(value) ? "[" : value instanceof Map ? "M" : value instanceof Set ? "S" : "{"
  const name = className(value)
  if (value instanceof Error) return `E${quote(name)}${quote(String(value.name))}${quote(String(value.message))}`
  return builtIns.has(name) ? kind : `C${quote(name)}${kind}`
}

const builtIns = new Set(["Object", "Array", "Map", "Set"])

// Effect's data types share a constructor-less prototype; their inherited tag stands in for the name.
const className = (value: object): string => {
  const prototype: { readonly constructor?: unknown; readonly _tag?: unknown } | null = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return "Object"
  const { _tag, constructor } = prototype
  if (typeof constructor === "function" && constructor !== Object) return String(constructor.name)
  return typeof _tag === "string" ? _tag : "Object"
}

// MurmurHash3_x86_128 by Austin Appleby (public domain), seed 0, over the UTF-16 code units in little-endian order.
const digest = (text: string): string => {
  const { length } = text
  let h1 = 0
  let h2 = 0
  let h3 = 0
  let h4 = 0
  let index = 0
  for (; index + 8 <= length; index += 8) {
    h1 ^= scramble(text.charCodeAt(index) | (text.charCodeAt(index + 1) << 16), C1, 15, C2)
    h1 = (Math.imul(rotate(h1, 19) + h2, 5) + 0x561ccd1b) | 0
    h2 ^= scramble(text.charCodeAt(index + 2) | (text.charCodeAt(index + 3) << 16), C2, 16, C3)
    h2 = (Math.imul(rotate(h2, 17) + h3, 5) + 0x0bcaa747) | 0
    h3 ^= scramble(text.charCodeAt(index + 4) | (text.charCodeAt(index + 5) << 16), C3, 17, C4)
    h3 = (Math.imul(rotate(h3, 15) + h4, 5) + 0x96cd1c35) | 0
    h4 ^= scramble(text.charCodeAt(index + 6) | (text.charCodeAt(index + 7) << 16), C4, 18, C1)
    h4 = (Math.imul(rotate(h4, 13) + h1, 5) + 0x32ac3b17) | 0
  }
  // A lane without code units left scrambles 0, which changes nothing.
  const bytes = length * 2
  h1 ^= scramble(pairAt(text, index), C1, 15, C2) ^ bytes
  h2 ^= scramble(pairAt(text, index + 2), C2, 16, C3) ^ bytes
  h3 ^= scramble(pairAt(text, index + 4), C3, 17, C4) ^ bytes
  h4 ^= scramble(pairAt(text, index + 6), C4, 18, C1) ^ bytes
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = avalanche(h2 + h1)
  h3 = avalanche(h3 + h1)
  h4 = avalanche(h4 + h1)
  h1 = avalanche(h1)
  h1 = (h1 + h2 + h3 + h4) | 0
  return hex(h1) + hex(h2 + h1) + hex(h3 + h1) + hex(h4 + h1)
}

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

const rotate = (lane: number, bits: number): number => (lane << bits) | (lane >>> (32 - bits))

const scramble = (lane: number, before: number, bits: number, after: number): number =>
  Math.imul(rotate(Math.imul(lane, before), bits), after)

const pairAt = (text: string, index: number): number => unitAt(text, index) | (unitAt(text, index + 1) << 16)

const unitAt = (text: string, index: number): number => (index < text.length ? text.charCodeAt(index) : 0)

const avalanche = (lane: number): number => {
  const once = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return twice ^ (twice >>> 16)
}

const hex = (lane: number): string =>
  hexByte(lane >>> 24) + hexByte((lane >>> 16) & 255) + hexByte((lane >>> 8) & 255) + hexByte(lane & 255)

// `toString(16).padStart(8, "0")` costs more than all the rest of a small key.
const hexBytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

const hexByte = (byte: number): string => hexBytes[byte] ?? ""
