import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Option, Redacted, Result, Schema } from "effect"
import { makeIdentityKey, stableKey } from "../../src/internal/key.ts"

const assertSame = (left: unknown, right: unknown) => assert.strictEqual(stableKey(left), stableKey(right))

const assertDistinct = (values: ReadonlyArray<unknown>) =>
  assert.strictEqual(new Set(values.map((value) => stableKey(value))).size, values.length)

const reversed = (json: Schema.Json): Schema.Json => {
  if (Array.isArray(json)) return json.map(reversed)
  if (typeof json !== "object" || json === null) return json
  return Object.fromEntries(
    Object.entries(json)
      .map(([key, value]) => [key, reversed(value)] as const)
      .toReversed()
  )
}

const canonical = (json: Schema.Json): string =>
  JSON.stringify(json, (_key, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
      : value
  )

const nested = (levels: number, leaf: unknown) => {
  let value = leaf
  for (let level = 0; level < levels; level++) value = { next: value }
  return value
}

const linked = (members: ReadonlyArray<object>) => {
  members.forEach((member, index) => Object.assign(member, { next: members[(index + 1) % members.length] }))
  return members[0]
}

class Point {
  readonly x: number
  constructor(x: number) {
    this.x = x
  }
  toJSON() {
    return "point"
  }
}

class Place {
  readonly x = 1
}

class Secret {
  readonly #value: number
  constructor(value: number) {
    this.#value = value
  }
  toString() {
    return `Secret ${this.#value}`
  }
}

describe("key", () => {
  describe("stableKey", () => {
    // Keys of MurmurHash3_x86_128, computed with the Python package mmh3 from the canonical texts in UTF-16LE.
    it.each([
      ["", "s0:", "9ab528a28fa74249d457d096d457d096"],
      ["abc", "s3:abc", "016f4ba112982830a6925aa240c1b05f"],
      [{ url: "https://example.com/page/123" }, "{3:urls28:https://…", "c5177a449a7e987eaded3b376db404f2"]
    ])("answers the same key for %j (%s) in every version", (params, _text, key) => {
      assert.strictEqual(stableKey(params), key)
    })

    it("answers the same key for nested params in every version", () => {
      const params = { tags: ["a", 1.5, true, null], at: new Date(0), seen: new Map([["b", new Set([2n])]]) }

      assert.strictEqual(stableKey(params), "c75c56e2b15ddc79bb9a5aa16c379016")
      assert.strictEqual(
        stableKey([new Uint16Array([1, 513]), /a/g, new URL("http://a/"), new Point(3)]),
        "e3b77044a347bd27d72a1acdc1048738"
      )
    })

    it.prop("answers 32 lower-case hexadecimal digits", [Schema.Json], ([json]) => {
      assert.match(stableKey(json), /^[0-9a-f]{32}$/)
    })

    it.prop("does not depend on the order of properties", [Schema.Json], ([json]) => {
      assertSame(reversed(json), json)
    })

    it.prop("survives a round trip through JSON", [Schema.Json], ([json]) => {
      assertSame(JSON.parse(JSON.stringify(json)), json)
    })

    it.prop("differs where the JSON differs", [Schema.Json, Schema.Json], ([left, right]) => {
      assert.strictEqual(stableKey(left) === stableKey(right), canonical(left) === canonical(right))
    })

    it.prop("does not depend on insertion order", [Arbitrary.array(Arbitrary.schema(Schema.Json))], ([members]) => {
      const entries = members.map((member) => [JSON.stringify(member), member] as const)

      assertSame(new Set(members), new Set(members.toReversed()))
      assertSame(new Map(entries), new Map([...new Map(entries)].toReversed()))
    })

    it("tells primitive types apart", () => {
      assertDistinct([1, "1", 1n, true, "true", null, "null", undefined, "undefined", NaN, Infinity, -Infinity, "", 0])
      assertDistinct([Symbol("a"), "a", Symbol("b"), Symbol.iterator, Symbol(), function a() {}, function b() {}])
    })

    it("tells kinds of objects apart", () => {
      const at = new Date(0)

      assertDistinct([{}, [], new Map(), new Set(), /a/, /a/g, "/a/"])
      assertDistinct([new Date(NaN), at, at.toISOString(), at.getTime()])
      assertDistinct([new Map([["a", 1]]), { a: 1 }, [["a", 1]], new Set(["a", 1]), [undefined], [null], [[]]])
      assertDistinct([new URL("http://a"), new URL("http://b"), "http://a/"])
      assertDistinct([Option.none(), {}, { value: 1 }, Option.some(1), Result.succeed(1), Result.fail(1)])
      assertDistinct([Object(1), Object(2), Object("1"), 1])
    })

    it("does not run neighbours together", () => {
      assertDistinct([["ab", "c"], ["a", "bc"], ["abc"], ["a", "b", "c"], [["a"], "b", "c"], [12], [1, 2], ["s1:a"]])
      assertDistinct([{ a: "b", c: "d" }, { a: "b1:cs1:d" }, { a: { b: 1 } }, { a: { b: 1 }, b: 1 }, { ab: 1 }])
      assertDistinct([
        new Map([
          ["a", "b"],
          ["c", "d"]
        ]),
        new Map([
          ["a", "d"],
          ["c", "b"]
        ])
      ])
    })

    it("takes undefined properties for absent and -0 for 0", () => {
      assertSame({ a: undefined, b: 1 }, { b: 1 })
      assertSame([-0], [0])
      assertSame(Object.assign(Object.create(null), { a: 1 }), { a: 1 })
      assertDistinct([new Map([["a", undefined]]), new Map()])
    })

    it("knows binary data by its content", () => {
      const bytes = Uint8Array.of(1, 2, 3)

      assertSame(bytes, Uint8Array.of(0, 1, 2, 3).subarray(1))
      assertSame(bytes, Buffer.from(bytes))
      assertDistinct([bytes, bytes.buffer, Int8Array.from(bytes), new DataView(bytes.buffer), [1, 2, 3], "1,2,3"])
      assertSame(new DataView(bytes.buffer, 1), new DataView(Uint8Array.of(2, 3).buffer))
      assertDistinct([Uint8Array.of(1, 2), Uint8Array.of(12), Uint8Array.of(1, 2).buffer, BigInt64Array.of(1n)])
    })

    it("knows an instance by its class and properties", () => {
      assertSame(new Point(1), new Point(1))
      assertDistinct([new Point(1), new Point(2), new Place(), { x: 1 }, "point"])
    })

    it("knows an instance without properties by its own toString", () => {
      assertSame(new Secret(1), new Secret(1))
      assertDistinct([new Secret(1), new Secret(2), "Secret 1"])
    })

    it("knows a secret by its value, whose key tells nothing of it in another process", () => {
      const secrets = ["alice", "bob", { user: "alice" }, undefined].map((value) => ({ token: Redacted.make(value) }))
      assertDistinct([...secrets, { token: "alice" }, { token: { user: "alice" } }])
      assertSame({ token: Redacted.make("alice") }, secrets[0])
      assertSame({ token: Redacted.make({ user: "alice" }, { label: "other" }) }, secrets[2])

      const wiped = Redacted.make("gone")
      Redacted.wipeUnsafe(wiped)
      assertSame(wiped, Redacted.make(undefined))
    })

    it("knows an error by its class, name, message, and properties", () => {
      class Traced extends Error {
        override toString() {
          return `${this.stack}`
        }
      }
      const withCode = Object.assign(new Error("a"), { code: 1 })

      assertSame(new Error("a"), new Error("a"))
      assertSame(new Traced("a"), new Traced("a"))
      assertDistinct([new Error("a"), new Error("b"), new TypeError("a"), withCode, { name: "Error", message: "a" }])
    })

    it("does not depend on what is shared", () => {
      const shared = { a: [1] }

      assertSame({ x: shared, y: shared }, { x: { a: [1] }, y: { a: [1] } })
    })

    it("reads an own __proto__ like any property", () => {
      assertDistinct([JSON.parse(`{"__proto__":1}`), JSON.parse(`{"__proto__":2}`), {}])
    })
  })

  describe("stableKey of graphs", () => {
    it("needs no stack for 100,000 levels", () => {
      assertSame(nested(100_000, 1), nested(100_000, 1))
      assertDistinct([nested(100_000, 1), nested(100_000, 2), nested(99_999, 1)])
    })

    it("takes linear time for shared children", () => {
      const doubled = (levels: number) => {
        let value: unknown = 1
        for (let level = 0; level < levels; level++) value = { left: value, right: value }
        return value
      }

      assertDistinct([doubled(60), doubled(61)])
    })

    it("knows a cycle by its content", () => {
      const ring = (...names: ReadonlyArray<string>) => linked(names.map((name) => ({ name })))

      assertSame(ring("a", "b", "c"), ring("a", "b", "c"))
      assertSame(ring("a"), ring("a", "a"))
      assertDistinct([ring("a", "b", "c"), ring("a", "c", "b"), ring("b", "c", "a"), ring("a", "b"), { name: "a" }])
    })

    it("sees what is far away in a cycle", () => {
      const ring = (last: string) => linked([...Array.from({ length: 100 }, () => ({ name: "" })), { name: last }])

      assertDistinct([ring("a"), ring("b"), ring("")])
      assertDistinct([
        linked([..."a-----b----"].map((name) => ({ name }))),
        linked([..."a----b-----"].map((name) => ({ name })))
      ])
    })

    it("does not depend on the insertion order of sets in a cycle", () => {
      const complete = (size: number, order: <A>(array: Array<A>) => Array<A>) => {
        const people = Array.from({ length: size }, (_, name) => ({ name, friends: new Set<unknown>() }))
        for (const { friends } of people) for (const friend of order([...people])) friends.add(friend)
        return people[0]
      }

      assertSame(
        complete(20, (people) => people),
        complete(20, (people) => people.toReversed())
      )
      assertDistinct([complete(20, (people) => people), complete(21, (people) => people)])
    })

    it("ends soon for long rings of equal members", () => {
      const ring = (length: number) => linked(Array.from({ length }, (_, index) => ({ name: index === 0 })))

      assertDistinct([ring(20_000), ring(20_001)])
    })
  })

  describe("makeIdentityKey", () => {
    it("tells instances, functions, and symbols of equal names apart", () => {
      const keyOf = makeIdentityKey()
      const parts = () => [new Point(1), () => 1, Symbol("a")]

      const values = [...parts(), ...parts(), { date: new Date(0) }]

      assert.strictEqual(new Set(values.map((value) => keyOf({ value }))).size, values.length)
      assert.strictEqual(keyOf({ value: values[0] }), keyOf({ value: values[0] }))
      assert.strictEqual(keyOf({ date: new Date(0) }), keyOf({ date: new Date(0) }))
    })
  })
})
