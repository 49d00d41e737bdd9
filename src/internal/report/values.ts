/**
 * Plain data as JSON and back, unchanged: also what JSON has no form for, such as
 * dates, collections, and `undefined`.
 *
 * Such a value is written as an object with the key `"$"`, which says what it is.
 * What is no plain data is kept as its text.
 */
import * as Duration from "effect/Duration"
import { RenderedValue } from "../../ReportError.ts"
import type { Place } from "./place.ts"
import * as Text from "./text.ts"
import { noteText } from "./texts.ts"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/** Deeper values are kept as text, so that no value needs more stack than there is. */
const deepest = 500

/** Answers `undefined` where a part of the value is no plain data. */
export const encodePlain = (value: unknown): Json | undefined => {
  const writer = new Writer()
  const json = writer.write(value, 0)
  return writer.isFaithful ? json : undefined
}

/** What is no plain data becomes its text. */
export const encodeAny = (value: unknown): Json => new Writer().write(value, 0)

class Writer {
  isFaithful = true
  readonly #around = new Set<unknown>()

  write(value: unknown, depth: number): Json {
    switch (typeof value) {
      case "string":
      case "boolean":
        return value
      case "number":
        return Number.isFinite(value) && !Object.is(value, -0) ? value : tagged("Number", show(value))
      case "bigint":
        return tagged("BigInt", String(value))
      case "undefined":
        return { $: "Undefined" }
      case "object":
        if (value === null) return null
        if (this.#around.has(value)) return this.#text("a value that contains itself")
        return depth < deepest
          ? this.#writeObject(value, depth)
          : this.#text(`more than ${deepest} values in each other`)
    }
    return this.#textOf(value)
  }

  #writeObject(value: object, depth: number): Json {
    this.#around.add(value)
    try {
      return this.#contentOf(value, (part) => this.write(part, depth + 1)) ?? this.#textOf(value)
    } catch {
      // A getter or a proxy of the caller threw.
      return this.#text("a value that cannot be read")
    } finally {
      this.#around.delete(value)
    }
  }

  #contentOf(value: object, write: (part: unknown) => Json): Json | undefined {
    if (Array.isArray(value)) return Array.from(value, write)
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Object.prototype || prototype === null) return recordOf(value, write)
    if (value instanceof RenderedValue) {
      const json = unread.get(value)
      if (json === undefined) return this.#text(value.text)
      this.isFaithful = false
      return { $: "Schema", value: json }
    }
    if (Duration.isDuration(value)) return tagged("Duration", durationText(value))
    switch (prototype) {
      case Date.prototype:
        return tagged("Date", Number.isNaN((value as Date).getTime()) ? null : (value as Date).toISOString())
      case Map.prototype:
        return tagged(
          "Map",
          Array.from(value as Map<unknown, unknown>, ([key, entry]) => [write(key), write(entry)])
        )
      case Set.prototype:
        return tagged("Set", Array.from(value as Set<unknown>, write))
      case URL.prototype:
        return tagged("URL", (value as URL).href)
      case RegExp.prototype:
        return tagged("RegExp", [(value as RegExp).source, (value as RegExp).flags])
      case Uint8Array.prototype:
        return tagged("Bytes", toBase64(value as Uint8Array))
      case ArrayBuffer.prototype:
        return tagged("ArrayBuffer", toBase64(new Uint8Array(value as ArrayBuffer)))
    }
    return ArrayBuffer.isView(value) ? bytesOf(value, prototype as object) : undefined
  }

  #textOf(value: unknown): Json {
    return this.#text(Text.head(Text.show(value), 10_000))
  }

  #text(text: string): Json {
    this.isFaithful = false
    return tagged("Text", text)
  }
}

/** Typed arrays by the name of their class, as bytes in the order of nearly every machine. */
const arrays = {
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array
}

const bytesOf = (view: ArrayBufferView, prototype: object): Json | undefined => {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  const name = (prototype.constructor as { readonly name?: unknown } | undefined)?.name
  // Its bytes are all that there is to it, and it is not known everywhere.
  if (name === "Buffer" && view instanceof Uint8Array) return tagged("Bytes", toBase64(bytes))
  const kind = Object.entries(arrays).find(([, constructor]) => constructor.prototype === prototype)
  return kind === undefined ? undefined : tagged(kind[0], toBase64(bytes))
}

const tagged = (kind: string, value: Json): Json => ({ $: kind, value })

const show = (value: number): string => (Object.is(value, -0) ? "-0" : String(value))

const recordOf = (value: object, write: (part: unknown) => Json): Json => {
  const entries = Object.entries(value).map(([key, part]) => [key, write(part)] as const)
  return Object.hasOwn(value, "$") ? tagged("Object", entries) : Object.fromEntries(entries)
}

/** Reads what `encodePlain` or `encodeAny` has written. `depth`: in how many values it stands. */
export const decode = (json: unknown, place: Place, depth = 0): unknown => {
  if (typeof json !== "object" || json === null) return json
  // What was written too deep is there as text, which stands in one more.
  if (depth > deepest + 1) throw place.invalid(`at most ${deepest} values in each other`, "more")
  if (Array.isArray(json)) return json.map((part, index) => decode(part, place.at(index), depth + 1))
  if (!Object.hasOwn(json, "$")) {
    return fromEntries(Object.entries(json).map(([key, part]) => [key, decode(part, place.at(key), depth + 1)]))
  }
  const { $: kind, value } = json as { readonly $: unknown; readonly value?: unknown }
  const read = typeof kind === "string" && Object.hasOwn(readers, kind) ? readers[kind] : undefined
  if (read === undefined) throw place.at("$").invalid("a kind of value that this version knows", kind)
  return read(value, place.at("value"), depth + 1)
}

/** What a schema has written and nothing has read, so that it is saved again as it was. */
const unread = new WeakMap<RenderedValue, Json>()

type Reader = (value: unknown, place: Place, depth: number) => unknown

const text = (value: unknown, place: Place): string => {
  if (typeof value === "string") return value
  throw place.invalid("a string", value)
}

const list = (value: unknown, place: Place): ReadonlyArray<unknown> => {
  if (Array.isArray(value)) return value
  throw place.invalid("an array", value)
}

const pairs = (value: unknown, place: Place): ReadonlyArray<readonly [unknown, unknown]> =>
  list(value, place).map((pair, index) => {
    if (Array.isArray(pair) && pair.length === 2) return [pair[0], pair[1]]
    throw place.at(index).invalid("a key and a value", pair)
  })

/** What the constructors say of a text that they do not take, with the place. */
const attempt = <A>(expected: string, value: unknown, place: Place, make: () => A): A => {
  try {
    return make()
  } catch {
    throw place.invalid(expected, value)
  }
}

const readers: Readonly<Record<string, Reader>> = {
  Undefined: () => undefined,
  Number: (value, place) => {
    const numbers: Record<string, number> = { NaN: Number.NaN, Infinity, "-Infinity": -Infinity, "-0": -0 }
    const number = numbers[String(value)]
    if (number === undefined) throw place.invalid("NaN, Infinity, -Infinity or -0", value)
    return number
  },
  BigInt: (value, place) => attempt("an integer as text", value, place, () => BigInt(text(value, place))),
  Date: (value, place) => {
    const date = new Date(value === null ? Number.NaN : text(value, place))
    if (value === null || !Number.isNaN(date.getTime())) return date
    throw place.invalid("a time such as 2000-01-01T00:00:00.000Z", value)
  },
  Duration: (value, place) => attempt("a duration", value, place, () => durationFrom(text(value, place))),
  Map: (value, place, depth) =>
    new Map(
      pairs(value, place).map(([key, entry], index) => [
        decode(key, place.at(index), depth),
        decode(entry, place.at(index), depth)
      ])
    ),
  Set: (value, place, depth) =>
    new Set(list(value, place).map((entry, index) => decode(entry, place.at(index), depth))),
  URL: (value, place) => attempt("a URL", value, place, () => new URL(text(value, place))),
  RegExp: (value, place) => {
    const [source, flags] = list(value, place)
    return attempt("a regular expression", value, place, () => new RegExp(text(source, place), text(flags, place)))
  },
  ArrayBuffer: (value, place) => attempt("base64", value, place, () => fromBase64(text(value, place)).buffer),
  ...Object.fromEntries(
    Object.entries(arrays).map(([name, constructor]): [string, Reader] => [
      name,
      (value, place) =>
        attempt("base64 of whole numbers", value, place, () => new constructor(fromBase64(text(value, place)).buffer))
    ])
  ),
  Bytes: (value, place) => attempt("base64", value, place, () => fromBase64(text(value, place))),
  Object: (value, place, depth) =>
    fromEntries(
      pairs(value, place).map(([key, part], index) => [
        text(key, place.at(index)),
        decode(part, place.at(index), depth)
      ])
    ),
  Schema: (value) => {
    noteText()
    const rendered = new RenderedValue({
      text: Text.safely(() => String(JSON.stringify(value)), "a value of a schema")
    })
    unread.set(rendered, value as Json)
    return rendered
  },
  Text: (value, place) => {
    noteText()
    return new RenderedValue({ text: text(value, place) })
  }
}

/** `Object.fromEntries` defines properties and does not assign them, so that `__proto__` is a key like any other. */
const fromEntries = (entries: ReadonlyArray<readonly [string, unknown]>): unknown => Object.fromEntries(entries)

const durationText = (value: Duration.Duration): string => {
  const millis = Duration.toMillis(value)
  if (!Number.isFinite(millis)) return String(millis)
  return Number.isInteger(millis) ? `${millis} millis` : `${Duration.toNanosUnsafe(value)} nanos`
}

const durationFrom = (value: string): Duration.Duration => {
  if (value === "Infinity") return Duration.infinity
  if (value === "-Infinity") return Duration.negativeInfinity
  const [, amount, unit] = /^(-?\d+) (millis|nanos)$/.exec(value) ?? []
  if (amount === undefined) throw new TypeError(value)
  return unit === "nanos" ? Duration.nanos(BigInt(amount)) : Duration.millis(Number(amount))
}

const toBase64 = (bytes: Uint8Array): string => {
  let binary = ""
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

const fromBase64 = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
