import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { isDeepStrictEqual } from "node:util"
import { copyRecord, deepCopy, kindOf } from "../../src/internal/deepCopy.ts"

/** Every container in the value, the value itself among them. */
const containersOf = (value: unknown, found = new Set<unknown>()): ReadonlySet<unknown> => {
  if (kindOf(value) === undefined || found.has(value)) return found
  found.add(value)
  const isIterable = value instanceof Map || value instanceof Set
  for (const child of isIterable ? value : Object.values(value as object)) {
    // The entries of a map are arrays made by its iterator.
    for (const part of value instanceof Map ? child : [child]) containersOf(part, found)
  }
  return found
}

const Tree = Schema.Struct({
  json: Schema.MutableJson,
  list: Schema.Array(Schema.Struct({ json: Schema.MutableJson })),
  map: Schema.ReadonlyMap(Schema.Json, Schema.MutableJson),
  set: Schema.ReadonlySet(Schema.MutableJson)
})

describe("deepCopy", () => {
  describe("deepCopy", () => {
    it.prop("equals the value", [Tree], ([tree]) => {
      // Chai cannot compare sets of records without a prototype, which `Schema.Json` generates.
      assert.isTrue(isDeepStrictEqual(deepCopy(tree), tree))
    })

    it.prop("shares no container with the value", [Tree], ([tree]) => {
      const originals = containersOf(tree)

      const copies = containersOf(deepCopy(tree))

      assert.isFalse(Array.from(copies).some((copy) => originals.has(copy)))
      assert.strictEqual(copies.size, originals.size)
    })

    it.each([1, "a", 1n, true, null, undefined, NaN, Symbol.iterator])("answers the primitive %s itself", (value) => {
      assert.strictEqual(Object.is(deepCopy(value), value), true)
    })

    it("keeps everything but plain containers by reference", () => {
      class Point {
        readonly x = 1
      }
      class List extends Array {}
      class Index extends Map {}
      const values = [new Point(), new List(), new Index(), new Date(), () => 1, Promise.resolve(), /a/, new Error()]

      const copy = deepCopy({ values, byKey: new Map<unknown, unknown>(values.map((value) => [value, value])) })

      values.forEach((value, index) => {
        assert.strictEqual(copy.values[index], value)
        assert.strictEqual(copy.byKey.get(value), value)
      })
    })

    it("keeps what is shared inside the value shared", () => {
      const shared = { n: 1 }

      const copy = deepCopy({ a: shared, b: [shared], c: new Map([[shared, shared]]), d: new Set([shared]) })

      assert.notStrictEqual(copy.a, shared)
      assert.strictEqual(copy.b[0], copy.a)
      assert.strictEqual(copy.c.get(copy.a), copy.a)
      assert.isTrue(copy.d.has(copy.a))
    })

    it("keeps cycles", () => {
      interface Loop {
        self?: Loop
        readonly list: Array<Loop>
        readonly map: Map<string, Loop>
        readonly set: Set<Loop>
      }
      const loop: Loop = { list: [], map: new Map(), set: new Set() }
      loop.self = loop.list[0] = loop
      loop.map.set("loop", loop)
      loop.set.add(loop)

      const copy = deepCopy(loop)

      assert.notStrictEqual(copy, loop)
      assert.deepStrictEqual([copy.self, copy.list[0], copy.map.get("loop"), ...copy.set], [copy, copy, copy, copy])
      assert.isTrue([copy.self, copy.list[0], copy.map.get("loop"), ...copy.set].every((value) => value === copy))
    })

    it("copies values under symbol keys", () => {
      const key = Symbol("key")
      const source = { [key]: { n: 1 } }

      const copy = deepCopy(source)

      assert.deepStrictEqual(copy, source)
      assert.notStrictEqual(copy[key], source[key])
    })

    it("thaws what is frozen", () => {
      const frozen = Object.freeze({ list: Object.freeze([1]) })

      const copy = deepCopy(frozen)

      assert.isFalse(Object.isFrozen(copy))
      assert.isFalse(Object.isFrozen(copy.list))
    })

    it("reads an accessor once, to a value", () => {
      let reads = 0
      const source = {
        get list() {
          return [++reads]
        }
      }

      const copy = deepCopy(source)

      assert.deepStrictEqual([copy.list, copy.list, reads], [[1], [1], 1])
    })

    it("keeps the length and the holes of a sparse array", () => {
      const sparse: Array<unknown> = [{ n: 0 }]
      sparse[2 ** 31] = sparse[0]

      const copy = deepCopy(sparse)

      assert.strictEqual(copy.length, 2 ** 31 + 1)
      assert.deepStrictEqual(Object.keys(copy), ["0", "2147483648"])
      assert.strictEqual(copy[2 ** 31], copy[0])
      assert.notStrictEqual(copy[0], sparse[0])
    })

    it("copies an own __proto__ as an own property", () => {
      const source: { readonly __proto__: object } = JSON.parse(`{"__proto__":{"n":1},"list":[{"__proto__":{}}]}`)

      const copy = deepCopy(source)

      assert.strictEqual(Object.getPrototypeOf(copy), Object.prototype)
      assert.isTrue(Object.hasOwn(copy, "__proto__"))
      assert.deepStrictEqual(JSON.stringify(copy), JSON.stringify(source))
      assert.notStrictEqual(copy.__proto__, source.__proto__)
    })

    it("keeps a record without a prototype as it is", () => {
      const source = Object.assign(Object.create(null), { child: { n: 1 } })

      const copy = deepCopy(source)

      assert.isNull(Object.getPrototypeOf(copy))
      assert.deepStrictEqual(copy.child, { n: 1 })
      assert.notStrictEqual(copy.child, source.child)
    })

    it("ignores what is inherited", () => {
      Reflect.set(Object.prototype, "inherited", { n: 1 })

      const copy = deepCopy({ own: 1 })
      Reflect.deleteProperty(Object.prototype, "inherited")

      assert.deepStrictEqual(Object.keys(copy), ["own"])
    })

    it("keeps the order of entries", () => {
      const map = new Map<unknown, unknown>([
        [{ n: 1 }, 1],
        ["b", 2],
        [{ n: 3 }, 3]
      ])

      assert.deepStrictEqual([...deepCopy(map)], [...map])
      assert.deepStrictEqual([...deepCopy(new Set([{ n: 1 }, 2, { n: 3 }]))], [{ n: 1 }, 2, { n: 3 }])
    })

    it.each<[string, (child: unknown) => object]>([
      ["records", (child) => ({ child })],
      ["arrays", (child) => [child]],
      ["maps", (child) => new Map([[1, child]])],
      ["sets", (child) => new Set([child])]
    ])("needs no stack for 100,000 levels of %s", (_kind, wrap) => {
      let value: unknown = null
      for (let level = 0; level < 100_000; level++) value = wrap(value)

      assert.notStrictEqual(deepCopy(value), value)
    })
  })

  describe("copyRecord", () => {
    it("keeps the children by reference", () => {
      const record = { child: {} }

      const copy: { readonly child?: unknown } = copyRecord(record)

      assert.notStrictEqual(copy, record)
      assert.strictEqual(copy.child, record.child)
    })
  })
})
