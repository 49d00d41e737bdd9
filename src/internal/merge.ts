/**
 * Three-way merge of shared data.
 *
 * An item that works on its own copy hands it back as a set of changes against
 * the copy it started from. They are applied to the value as it is by then.
 * None of the three values is changed; the result is made of their parts.
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import { copyRecord, kindOf } from "./deepCopy.ts"
import { builtInText, makeIdentityKey } from "./key.ts"
import { disown } from "./tags.ts"

/**
 * Two changes of one value that exclude each other.
 *
 * @category models
 * @since 0.1.0
 */
export type MergeConflict = {
  /** The dotted path to the value, `""` for the root. */
  readonly key: string
  readonly base: unknown
  readonly mine: unknown
  readonly theirs: unknown
}

/**
 * Functions that decide what becomes of a top-level key that both sides changed.
 *
 * @category models
 * @since 0.1.0
 */
export type Mergers = Readonly<Record<string, (base: never, mine: never, theirs: never) => unknown>>

/**
 * What {@link merge3} answers.
 *
 * @category models
 * @since 0.1.0
 */
export type MergeResult =
  | { readonly _tag: "Merged"; readonly value: unknown }
  | { readonly _tag: "Conflict"; readonly conflict: MergeConflict }

/**
 * Applies what `mine` changed since `base` to `theirs`.
 *
 * **Details**
 *
 * A value that only one side changed is taken from that side, a deletion like
 * any other change. Where both sides changed it, in this order: the merger of
 * the top-level key decides; records and maps are merged entry by entry; a set
 * gains and loses the members that `mine` added and deleted; of arrays that
 * both only grew, the tail of `mine` follows `theirs`; equal values agree; all
 * else is a conflict. Where `base` is absent or `null`, it counts as empty.
 *
 * Answers `theirs` itself where `mine` changed nothing.
 *
 * **Gotchas**
 *
 * Equal scalars agree: a counter that both sides took from 0 to 1 becomes 1. It
 * takes a merger to add them up.
 *
 * Class instances are compared by reference, except for values with Effect's
 * `Equal`, dates, URLs, regular expressions, and binary data.
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge3 = (base: unknown, mine: unknown, theirs: unknown, mergers: Mergers | undefined): MergeResult => {
  // The three values as the only entry of three records, so that the root needs no rules of its own.
  const root = makeFrame(undefined, "", { base: { "": base }, mine: { "": mine }, theirs: { "": theirs } })
  const run: Run = { mergers, path: [root], pairs: makePairs(), frames: makePairs(), changed: false }
  for (let frame = run.path.at(-1); frame !== undefined; frame = run.path.at(-1)) {
    if (frame.next < frame.keys.length) {
      const conflict = mergeEntry(run, frame, frame.keys[frame.next++])
      if (conflict !== undefined) return { _tag: "Conflict", conflict }
    } else {
      run.path.pop()
      frame.done = true
      if (frame.parent !== undefined && frame.result !== undefined) put(frame.parent, frame.key, frame.result)
    }
  }
  // Cycles are copied before it is known whether anything in them changed.
  return { _tag: "Merged", value: run.changed && root.result !== undefined ? entryOf(root.result, "") : theirs }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The three values of one entry, or something of each of them. */
interface Sides<out A> {
  readonly base: A
  readonly mine: A
  readonly theirs: A
}

/** One call of {@link merge3}; its path is explicit, since data may be deeper than the call stack. */
interface Run {
  readonly mergers: Mergers | undefined
  readonly path: Array<Frame>
  readonly pairs: Pairs<object>
  readonly frames: Pairs<Frame>
  changed: boolean
}

/** Three records, or three maps, on the way of being merged. */
interface Frame extends Sides<object> {
  readonly parent: Frame | undefined
  readonly key: unknown
  readonly keys: ReadonlyArray<unknown>
  next: number
  done: boolean
  /** A copy of `theirs`, made for the first change. */
  result: object | undefined
}

const makeFrame = (parent: Frame | undefined, key: unknown, { base, mine, theirs }: Sides<object>): Frame => {
  const keys = keysOf(mine)
  for (const baseKey of keysOf(base)) if (entryOf(mine, baseKey) === Absent) keys.push(baseKey)
  return { parent, key, base, mine, theirs, keys, next: 0, done: false, result: undefined }
}

const mergeEntry = (run: Run, frame: Frame, key: unknown): MergeConflict | undefined => {
  const base = entryOf(frame.base, key)
  const mine = entryOf(frame.mine, key)
  const theirs = entryOf(frame.theirs, key)
  if (same(mine, base)) return undefined
  if (same(theirs, base)) return equal(mine, base) ? undefined : change(run, frame, key, mine)
  const merger = mergerOf(run, frame, key)
  if (merger === undefined) {
    const sides = { base: present(base) ?? emptyLike(mine), mine, theirs }
    if (areAll(sides, isRecord) || areAll(sides, isMap)) return descend(run, frame, key, sides)
    if (areAll(sides, isSet)) return change(run, frame, key, mergeSets(sides))
    if (areAll(sides, isArray) && startsWith(sides.mine, sides.base) && startsWith(sides.theirs, sides.base)) {
      return change(run, frame, key, appendTail(sides))
    }
  }
  if (equal(mine, base)) return undefined
  if (equal(theirs, base)) return change(run, frame, key, mine)
  const values = { base: present(base), mine: present(mine), theirs: present(theirs) }
  if (merger !== undefined) {
    // Whoever writes a merger knows the types of its key.
    const merged: unknown = merger(values.base as never, values.mine as never, values.theirs as never)
    if (!(merged instanceof Promise)) return change(run, frame, key, merged)
    disown(merged)
    throw new TypeError(`merge of ${String(key)} answered a promise, but it is synchronous`)
  }
  return equal(mine, theirs) ? undefined : { key: pathOf(frame, key), ...values }
}

const mergerOf = (run: Run, frame: Frame, key: unknown): Mergers[string] | undefined => {
  const isTopLevel = frame.parent !== undefined && frame.parent.parent === undefined
  if (!isTopLevel || typeof key !== "string" || run.mergers === undefined) return undefined
  return Object.hasOwn(run.mergers, key) ? run.mergers[key] : undefined
}

// Answers `undefined`, no conflict, to end `mergeEntry`.
const change = (run: Run, frame: Frame, key: unknown, value: unknown): undefined => {
  if (same(value, entryOf(frame.theirs, key))) return
  run.changed = true
  put(frame, key, value)
}

const descend = (run: Run, frame: Frame, key: unknown, sides: Sides<object>): undefined => {
  const pair = lookup(run.pairs, sides.mine, sides.theirs) ?? remember(run.pairs, sides.mine, sides.theirs, {})
  const known = lookup(run.frames, pair, sides.base)
  if (known === undefined) {
    const child = makeFrame(frame, key, areAll(sides, isMap) ? alignKeys(sides) : sides)
    remember(run.frames, pair, sides.base, child)
    run.path.push(child)
    return
  }
  const result = known.done ? known.result : resultOf(known)
  if (result !== undefined) put(frame, key, result)
}

const resultOf = (frame: Frame): object => {
  frame.result ??= frame.theirs instanceof Map ? new Map(frame.theirs) : copyRecord(frame.theirs)
  return frame.result
}

const put = (frame: Frame, key: unknown, value: unknown): void => {
  const result = resultOf(frame)
  if (result instanceof Map) {
    if (value === Absent) result.delete(key)
    else result.set(key, value)
    return
  }
  const property = key as PropertyKey // the keys of a record come from `keysOf`
  if (value === Absent) {
    Reflect.deleteProperty(result, property)
  } else if (property === "__proto__") {
    Object.defineProperty(result, property, { value, configurable: true, enumerable: true, writable: true })
  } else {
    Reflect.set(result, property, value)
  }
}

const appendTail = ({ base, mine, theirs }: Sides<ReadonlyArray<unknown>>): ReadonlyArray<unknown> =>
  mine.length === base.length ? theirs : theirs.concat(mine.slice(base.length))

const startsWith = (array: ReadonlyArray<unknown>, prefix: ReadonlyArray<unknown>): boolean =>
  array.length >= prefix.length && everyIndex(prefix, (index) => equal(array[index], prefix[index]))

// `Array.prototype.every` skips holes.
const everyIndex = (array: ReadonlyArray<unknown>, predicate: (index: number) => boolean): boolean => {
  for (let index = 0; index < array.length; index++) if (!predicate(index)) return false
  return true
}

const mergeSets = (sides: Sides<ReadonlySet<unknown>>): ReadonlySet<unknown> => {
  const { base, mine, theirs } = alignMembers(sides)
  const added = Array.from(mine).filter((member) => !base.has(member) && !theirs.has(member))
  const deleted = Array.from(base).filter((member) => !mine.has(member) && theirs.has(member))
  if (added.length + deleted.length === 0) return sides.theirs
  const result = new Set([...theirs, ...added])
  for (const member of deleted) result.delete(member)
  return result
}

const pathOf = (frame: Frame, key: unknown): string => {
  const labels: Array<string> = []
  for (let at = frame, label = key; at.parent !== undefined; label = at.key, at = at.parent) {
    // `String` throws for a record without a prototype.
    labels.push(isRecord(label) ? "[object Object]" : String(label))
  }
  return labels.toReversed().join(".")
}

// ---- entries

const Absent = Symbol("Absent")

const present = (value: unknown): unknown => (value === Absent ? undefined : value)

const keysOf = (entries: object): Array<unknown> =>
  entries instanceof Map
    ? Array.from(entries.keys())
    : [...Object.keys(entries), ...Object.getOwnPropertySymbols(entries).filter((key) => isEnumerable(entries, key))]

const isEnumerable = (record: object, key: PropertyKey): boolean =>
  Object.prototype.propertyIsEnumerable.call(record, key)

const entryOf = (entries: object, key: unknown): unknown => {
  if (entries instanceof Map) return entries.has(key) ? entries.get(key) : Absent
  return Object.hasOwn(entries, key as PropertyKey) ? Reflect.get(entries, key as PropertyKey) : Absent // as in `put`
}

const isRecord = (value: unknown): value is object => kindOf(value) === "record"
const isArray = (value: unknown): value is ReadonlyArray<unknown> => kindOf(value) === "array"
const isMap = (value: unknown): value is ReadonlyMap<unknown, unknown> => kindOf(value) === "map"
const isSet = (value: unknown): value is ReadonlySet<unknown> => kindOf(value) === "set"

const areAll = <A>(sides: Sides<unknown>, is: (value: unknown) => value is A): sides is Sides<A> =>
  is(sides.mine) && is(sides.theirs) && is(sides.base)

const empties = { record: {}, array: [], map: new Map(), set: new Set() }

const emptyLike = (value: unknown): unknown => {
  const kind = kindOf(value)
  return kind === undefined ? undefined : empties[kind]
}

// ---- members and keys that are containers

// Every copy has its own containers as map keys and set members. Those of equal content stand for the same entry, so
// that of `base` and `mine` are exchanged for that of `theirs`.
const alignMembers = (sides: Sides<ReadonlySet<unknown>>): Sides<ReadonlySet<unknown>> => {
  if (!hasContainer(sides.base) && !hasContainer(sides.mine)) return sides
  const align = makeAligner()
  const theirs = new Set(align(sides.theirs))
  return { theirs, base: new Set(align(sides.base)), mine: new Set(align(sides.mine)) }
}

const alignKeys = (sides: Sides<ReadonlyMap<unknown, unknown>>): Sides<ReadonlyMap<unknown, unknown>> => {
  if (!hasContainer(sides.base.keys()) && !hasContainer(sides.mine.keys())) return sides
  const align = makeAligner()
  align(sides.theirs.keys())
  const rekey = (map: ReadonlyMap<unknown, unknown>) => {
    const keys = align(map.keys())
    return new Map(Array.from(map.values(), (value, index) => [keys[index], value]))
  }
  return { theirs: sides.theirs, base: rekey(sides.base), mine: rekey(sides.mine) }
}

const hasContainer = (members: Iterable<unknown>): boolean => {
  for (const member of members) if (kindOf(member) !== undefined) return true
  return false
}

// The first of equal containers stands for the first of them in every collection, the second for the second.
const makeAligner = (): ((members: Iterable<unknown>) => ReadonlyArray<unknown>) => {
  const keyOf = makeIdentityKey()
  const representatives = new Map<string, Array<unknown>>()
  return (members) => {
    const counts = new Map<string, number>()
    return Array.from(members, (member) => {
      if (kindOf(member) === undefined) return member
      const key = keyOf(member)
      const count = counts.get(key) ?? 0
      counts.set(key, count + 1)
      const equals = representatives.get(key) ?? []
      representatives.set(key, equals)
      if (count === equals.length) equals.push(member)
      return equals[count]
    })
  }
}

// ---- equality

const same = (left: unknown, right: unknown): boolean => left === right || (left !== left && right !== right)

// Not `Equal.equals`: it keeps its answers for objects that change afterwards, takes instances for equal whose state is
// in private fields, and overflows the stack.
const equal = (left: unknown, right: unknown): boolean => {
  const pending: Array<object> = []
  const seen = makePairs<true>()
  if (!compareLater(pending, left, right)) return false
  for (let that = pending.pop(), self = pending.pop(); self && that; that = pending.pop(), self = pending.pop()) {
    if (lookup(seen, self, that) === true) continue
    remember(seen, self, that, true)
    if (!equalButForChildren(self, that, pending)) return false
  }
  return true
}

const compareLater = (pending: Array<object>, left: unknown, right: unknown): boolean => {
  if (same(left, right)) return true
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false
  pending.push(left, right)
  return true
}

const equalButForChildren = (self: object, that: object, pending: Array<object>): boolean => {
  if (isArray(self) && isArray(that)) {
    const areEqual = (index: number) => compareLater(pending, self[index], that[index])
    return self.length === that.length && everyIndex(self, areEqual)
  }
  if (isSet(self) && isSet(that)) {
    const { mine, theirs } = alignMembers({ base: new Set(), mine: self, theirs: that })
    return mine.size === theirs.size && Array.from(mine).every((member) => theirs.has(member))
  }
  if (isMap(self) && isMap(that)) {
    return equalEntries(alignKeys({ base: new Map(), mine: self, theirs: that }), pending)
  }
  return isRecord(self) && isRecord(that)
    ? equalEntries({ mine: self, theirs: that }, pending)
    : equalInstances(self, that)
}

const equalEntries = ({ mine, theirs }: Pick<Sides<object>, "mine" | "theirs">, pending: Array<object>): boolean => {
  const keys = keysOf(mine)
  return (
    keys.length === keysOf(theirs).length &&
    keys.every((key) => compareLater(pending, entryOf(mine, key), entryOf(theirs, key)))
  )
}

const equalInstances = (self: object, that: object): boolean => {
  if (Object.getPrototypeOf(self) !== Object.getPrototypeOf(that)) return false
  if (Equal.isEqual(self) && Equal.isEqual(that)) return self[Equal.symbol](that)
  const text = builtInText(self)
  return text !== undefined && text === builtInText(that)
}

// ---- pairs

/** A map from pairs of objects. Nearly every object is in one pair only, which needs no map of its own. */
interface Pairs<V> {
  readonly first: Map<object, readonly [right: object, value: V]>
  readonly others: Map<object, Map<object, V>>
}

const makePairs = <V>(): Pairs<V> => ({ first: new Map(), others: new Map() })

const lookup = <V>({ first, others }: Pairs<V>, left: object, right: object): V | undefined => {
  const entry = first.get(left)
  return entry?.[0] === right ? entry[1] : others.get(left)?.get(right)
}

const remember = <V>({ first, others }: Pairs<V>, left: object, right: object, value: V): V => {
  if (!first.has(left)) {
    first.set(left, [right, value])
  } else {
    const more = others.get(left) ?? new Map<object, V>()
    others.set(left, more.set(right, value))
  }
  return value
}
