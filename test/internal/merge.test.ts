import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Option, Schema } from "effect"
import { isDeepStrictEqual } from "node:util"
import { deepCopy } from "../../src/internal/deepCopy.ts"
import { type Mergers, merge3 } from "../../src/internal/merge.ts"

const Leaf = Schema.Literals([0, 1, 2])
const Tags = Schema.Array(Leaf)
const Fields = { a: Schema.optionalKey(Leaf), list: Schema.optionalKey(Tags) }
const Stats = Schema.Struct(Fields)
const Entry = Schema.Struct({ key: Schema.Literals(["x", "y"]), value: Stats })
const Sources = Schema.Struct({ ...Fields, stats: Schema.optionalKey(Stats), entries: Schema.Array(Entry) })
// A set or map schema discards too much where there are few different members.
const Value = Arbitrary.map(Arbitrary.schema(Sources), ({ entries, ...rest }) => ({
  ...rest,
  map: new Map(entries.map(({ key, value }) => [key, value])),
  set: new Set(entries.map(({ value }) => value))
}))

const conflict = (key: string, base: unknown, mine: unknown, theirs: unknown) =>
  ({ _tag: "Conflict", conflict: { key, base, mine, theirs } }) as const

const merged = (base: unknown, mine: unknown, theirs: unknown, mergers?: Mergers): unknown => {
  const result = merge3(base, mine, theirs, mergers)
  assert(result._tag === "Merged")
  return result.value
}

const conflictKey = (base: unknown, mine: unknown, theirs: unknown, mergers?: Mergers): string | undefined => {
  const result = merge3(base, mine, theirs, mergers)
  return result._tag === "Conflict" ? result.conflict.key : undefined
}

const assertEqual = (actual: unknown, expected: unknown) => {
  if (!isDeepStrictEqual(actual, expected)) assert.deepStrictEqual(actual, expected)
}

type Case = [name: string, base: unknown, mine: unknown, theirs: unknown, expected: unknown]

const map = (entries: object) => new Map<string, unknown>(Object.entries(entries))
const records = (...ids: ReadonlyArray<number>) => new Set(ids.map((id) => ({ id, at: new Date(id) })))

describe("merge3", () => {
  const key = Symbol("key")

  describe("laws", () => {
    it.prop("answers theirs itself where mine changed nothing", [Value, Value], ([base, theirs]) => {
      assert.strictEqual(merged(base, deepCopy(base), theirs), theirs)
      assert.strictEqual(merged(base, deepCopy(base), base), base)
    })

    it.prop("answers mine where theirs is the base", [Value, Value], ([base, mine]) => {
      assertEqual(merged(base, mine, deepCopy(base)), mine)
      assertEqual(merged(base, mine, base), mine)
    })

    it.prop("changes none of the three", [Value, Value, Value], (sides) => {
      const before = deepCopy(sides)
      merge3(...sides, undefined)

      assertEqual(sides, before)
    })

    it.prop("finds a conflict no matter who was first", [Value, Value, Value], ([base, mine, theirs]) => {
      assert.strictEqual(merge3(base, mine, theirs, undefined)._tag, merge3(base, theirs, mine, undefined)._tag)
    })

    it.prop("merges changes of different keys in either order", [Value, Value, Value], ([base, left, right]) => {
      const start = { left: base, right: base }
      const mine = { ...deepCopy(start), left }
      const theirs = { ...deepCopy(start), right }

      assertEqual(merged(start, mine, theirs), { left, right })
      assertEqual(merged(start, theirs, mine), { left, right })
    })

    // Each item starts at the value after `seen` commits.
    const Items = Schema.Array(Schema.Struct({ seen: Schema.Literals([0, 1, 2, 3]), tail: Tags }))

    it.prop("keeps every element that many items append", [Items], ([items]) => {
      const commits = [{ list: [9] }]
      items.forEach(({ seen, tail }, index) => {
        const base = commits[Math.min(seen, index)]
        const mine = deepCopy(base)
        mine?.list.push(...tail)

        commits.push(merged(base, mine, commits.at(-1)) as { list: Array<number> })
      })

      assert.deepStrictEqual(commits.at(-1)?.list, [9, ...items.flatMap(({ tail }) => tail)])
    })

    it.prop("loses no count with a merger", [Items], ([items]) => {
      const mergers: Mergers = { n: (base: number, mine: number, theirs: number) => theirs + mine - base }
      const commits: Array<unknown> = [{ n: 0 }]
      items.forEach(({ seen }, index) => {
        const base = commits[Math.min(seen, index)] as { readonly n: number }

        commits.push(merged(base, { n: base.n + 1 }, commits.at(-1), mergers))
      })

      assert.deepStrictEqual(commits.at(-1), { n: items.length })
    })
  })

  describe("records", () => {
    it.each<Case>([
      ["nested entries", { r: { a: 1, b: 1 } }, { r: { a: 2, b: 1 } }, { r: { a: 1, b: 3 } }, { r: { a: 2, b: 3 } }],
      ["new entries", { r: {} }, { r: { a: [1] } }, { r: { b: {} } }, { r: { a: [1], b: {} } }],
      ["deletions", { a: 1, b: 1, c: 1 }, { b: 1, c: 1 }, { a: 1, c: 1 }, { c: 1 }],
      ["the same deletion", { a: 1, b: 1 }, { b: 1 }, { b: 1 }, { b: 1 }],
      ["a new undefined", { n: 1 }, { n: 1, a: undefined }, { n: 2 }, { n: 2, a: undefined }],
      ["a deleted undefined", { n: 1, a: undefined }, { n: 1 }, { n: 2, a: undefined }, { n: 2 }],
      ["records made by both", {}, { r: { a: 1 } }, { r: { b: 1 } }, { r: { a: 1, b: 1 } }],
      ["sets made by both", { s: null }, { s: new Set([1]) }, { s: new Set([2]) }, { s: new Set([1, 2]) }],
      ["symbols", { [key]: 1, n: 1 }, { [key]: 2, n: 1 }, { [key]: 1, n: 2 }, { [key]: 2, n: 2 }],
      ["NaN", { n: NaN, m: [NaN] }, { n: NaN, m: [NaN] }, { n: 1, m: [1] }, { n: 1, m: [1] }],
      ["equal changes", { n: 1, l: [1], d: 0 }, { n: 2, l: [], d: 0 }, { n: 2, l: [], d: 1 }, { n: 2, l: [], d: 1 }]
    ])("merges %s", (_name, base, mine, theirs, expected) => {
      assertEqual(merged(base, mine, theirs), expected)
    })

    it.each<Case>([
      ["a deletion and a change", { a: { n: 1 } }, { a: {} }, { a: { n: 2 } }, conflict("a.n", 1, undefined, 2)],
      ["a change and a deletion", { a: 1 }, { a: 2 }, {}, conflict("a", 1, 2, undefined)],
      ["two types", { r: 5 }, { r: { a: 1 } }, { r: { b: 1 } }, conflict("r", 5, { a: 1 }, { b: 1 })],
      ["symbols", { [key]: 1 }, { [key]: 2 }, { [key]: 3 }, conflict("Symbol(key)", 1, 2, 3)],
      ["elements", { l: [1, 2] }, { l: [1, 3] }, { l: [1, 2, 3] }, conflict("l", [1, 2], [1, 3], [1, 2, 3])],
      ["a removed element", [undefined], [], [undefined, 2], conflict("", [undefined], [], [undefined, 2])],
      ["an appended and a changed element", [1], [1, 2], [3], conflict("", [1], [1, 2], [3])],
      ["an array and a set", [], [1], new Set([1]), conflict("", [], [1], new Set([1]))],
      ["map entries", map({ a: { n: 1 } }), map({ a: { n: 2 } }), map({ a: { n: 3 } }), conflict("a.n", 1, 2, 3)],
      ["roots", 1, 2, 3, conflict("", 1, 2, 3)],
      ["roots of two types", {}, 1, { a: 1 }, conflict("", {}, 1, { a: 1 })]
    ])("finds the conflict between %s", (_name, base, mine, theirs, expected) => {
      assertEqual(merge3(base, mine, theirs, undefined), expected)
    })

    it("shares with theirs what mine did not change", () => {
      const base = { stats: { n: 0 }, other: {} }
      const theirs = { stats: { n: 1 }, other: {} }

      const value = merged(base, { ...deepCopy(base), mine: 1 }, theirs) as typeof theirs

      assert.isTrue(value.stats === theirs.stats && value.other === theirs.other)
    })

    it("merges an own __proto__ as an entry", () => {
      const value = merged({}, JSON.parse(`{"__proto__":{"a":1}}`), { n: 1 })

      assert.strictEqual(Object.getPrototypeOf(value), Object.prototype)
      assert.strictEqual(JSON.stringify(value), `{"n":1,"__proto__":{"a":1}}`)
    })
  })

  describe("other values", () => {
    it.each<Case>([
      ["appended tails", [{ n: 1 }], [{ n: 1 }, 2], [{ n: 1 }, 3], [{ n: 1 }, 3, 2]],
      ["equal tails", [], ["ok"], ["ok"], ["ok", "ok"]],
      ["elements that mine changed", [1, 2], [3, 2], [1, 2], [3, 2]],
      ["elements that theirs changed", [1, 2], [1, 2], [2], [2]],
      ["a hole filled", { l: Array(1), n: 1 }, { l: [7], n: 1 }, { l: Array(1), n: 2 }, { l: [7], n: 2 }],
      ["maps", map({ a: {}, b: 1, c: 1 }), map({ a: { m: 1 }, b: 1 }), map({ a: {}, c: 1 }), map({ a: { m: 1 } })],
      ["sets", new Set([1, 2, 3]), new Set([1, 3, 4]), new Set([1, 2, 5]), new Set([1, 5, 4])],
      ["sets of records", records(1, 2), records(1, 3), records(1, 2, 4), records(1, 4, 3)],
      ["an equal set of records", [records(1)], [records(1)], [], []],
      ["an unequal set of records", [records(1)], [records(2)], [records(1)], [records(2)]],
      ["a smaller set", [records(1, 2)], [records(1)], [records(1, 2)], [records(1)]],
      ["equal maps", [map({ a: 1 })], [map({ a: 1 })], [], []],
      ["unequal maps", [map({ a: 1 })], [map({ b: 1 })], [map({ a: 1 })], [map({ b: 1 })]]
    ])("merges %s", (_name, base, mine, theirs, expected) => {
      assertEqual(merged(base, mine, theirs), expected)
    })

    it("takes map keys of equal content for the same key, the second of them for the second", () => {
      const of = (...values: ReadonlyArray<number>) => new Map(values.map((value) => [{ id: 1 }, value]))

      assertEqual(merged(of(1, 1, 1), of(1, 2, 1), of(1, 1, 5, 6)), of(1, 2, 5, 6))
      assert.strictEqual(conflictKey(of(1), of(2), of(3)), "[object Object]")
    })

    it.each<[string, (n: number) => unknown]>([
      ["dates", (n) => new Date(n)],
      ["URLs", (n) => new URL(`http://${n}`)],
      ["regular expressions", (n) => RegExp(`${n}`)],
      ["binary data", (n) => Uint8Array.of(n)],
      ["Effect's data types", (n) => Option.some(n)]
    ])("compares %s by content", (_name, of) => {
      assertEqual(merged([of(1)], [of(2)], [of(2)]), [of(2)])
      assertEqual(merged([of(1)], [of(1)], [of(2), 1]), [of(2), 1])
      assert.strictEqual(conflictKey([of(1)], [of(2)], [of(3)]), "")
    })

    it("compares other instances by reference", () => {
      class Day extends Date {}
      const [base, mine, theirs] = [1, 2, 2].map((n) => [Promise.resolve(n)])

      assert.strictEqual(merged(base, mine, [...base!]), mine)
      assert.strictEqual(conflictKey(base, mine, theirs), "")
      assert.instanceOf((merged([new Date(1)], [new Day(1)], [new Date(1)]) as [Date])[0], Day)
    })

    it("compares again what was changed in place", () => {
      const base = [{ n: 1 }]
      const [mine, theirs] = [deepCopy(base), deepCopy(base)]
      assert.strictEqual(merged(base, mine, theirs), theirs)
      mine[0]!.n = 2

      assert.deepStrictEqual(merged(base, mine, theirs), [{ n: 2 }])
    })
  })

  describe("mergers", () => {
    const sum: Mergers = { n: (base: number, mine: number, theirs: number) => theirs + mine - base }

    it("decide for a top-level key that both sides changed, also to the same value", () => {
      assert.deepStrictEqual(merged({ n: 1 }, { n: 2 }, { n: 4 }, sum), { n: 5 })
      assert.deepStrictEqual(merged({ n: 0 }, { n: 1 }, { n: 1 }, sum), { n: 2 })
      assertEqual(merged(map({ n: 0 }), map({ n: 1 }), map({ n: 1 }), sum), map({ n: 2 }))
    })

    it("are not asked where one side changed nothing", () => {
      const never: Mergers = { r: () => assert.fail() }

      assert.deepStrictEqual(merged({ r: { a: 1 } }, { r: { a: 1 } }, { r: { a: 2 } }, never), { r: { a: 2 } })
      assert.deepStrictEqual(merged({ r: { a: 1 } }, { r: { a: 2 } }, { r: { a: 1 } }, never), { r: { a: 2 } })
    })

    it("do not decide for nested keys, nor for keys they inherit", () => {
      assert.strictEqual(conflictKey({ r: { n: 1 } }, { r: { n: 2 } }, { r: { n: 3 } }, sum), "r.n")
      assert.strictEqual(conflictKey({ valueOf: 1 }, { valueOf: 2 }, { valueOf: 3 }, sum), "valueOf")
    })

    it("get undefined for what is not there", () => {
      const list: Mergers = { n: (...sides: ReadonlyArray<unknown>) => sides }

      assert.deepStrictEqual(merged({ n: 1 }, {}, { n: 2 }, list), { n: [1, undefined, 2] })
      assert.deepStrictEqual(merged({}, { n: 1 }, { n: 2 }, list), { n: [undefined, 1, 2] })
    })

    it("may throw", () => {
      assert.throws(() => merge3({ n: 1 }, { n: 2 }, { n: 3 }, { n: () => assert.fail("no") }), "no")
    })
  })

  describe("graphs", () => {
    type Node = { n: number; m?: number; self?: Node; readonly child: { up?: Node; m?: number } }
    const makeNode = (n: number): Node => {
      const node: Node = { n, child: {} }
      node.self = node.child.up = node
      return node
    }

    it("merges cycles", () => {
      const [mine, theirs] = [makeNode(1), makeNode(1)]
      mine.child.m = 3
      theirs.m = 4

      const value = merged(makeNode(1), mine, theirs) as Node

      assert.deepStrictEqual([value.m, value.child.m], [4, 3])
      assert.isTrue(value !== theirs && value.self === value && value.child.up === value)
      assert.isTrue(theirs.self === theirs && theirs.child.up === theirs)
    })

    it("answers theirs itself where a cycle did not change", () => {
      const theirs = Object.assign(makeNode(1), { m: 1 })

      const loop = makeNode(1)
      loop.self = Object.assign(makeNode(1), { self: loop })
      const longer = Object.assign(makeNode(1), { self: loop })

      assert.strictEqual(merged(makeNode(1), makeNode(1), theirs), theirs)
      assert.deepStrictEqual(merged([longer], [makeNode(1)], []), [])
    })

    it("keeps what is shared shared", () => {
      const of = (shared: object, rest?: object) => ({ a: shared, b: shared, ...rest })
      type Shared = ReturnType<typeof of>

      const changed = merged(of({ n: 1 }), of({ n: 2 }), of({ n: 1, m: 1 })) as Shared
      const kept = merged(of({ n: 1 }), of({ n: 1 }, { c: 1 }), of({ n: 2 })) as Shared

      assert.deepStrictEqual([changed.a, kept.a], [{ n: 2, m: 1 }, { n: 2 }])
      assert.deepStrictEqual([changed.a === changed.b, kept.a === kept.b], [true, true])
    })

    it("needs neither stack nor more than linear time for 100,000 levels", () => {
      const nested = (leaf: object, wrap: (value: object) => object) =>
        Array.from({ length: 100_000 }).reduce<object>((value) => wrap(value), leaf)
      for (const wrap of [(next: object) => ({ next }), (next: object) => [next]]) {
        const [base, mine] = [nested({ n: 1 }, wrap), nested({ n: 2 }, wrap)]

        assert.strictEqual(merge3(base, mine, nested({ n: 1 }, wrap), undefined)._tag, "Merged")
      }
    })
  })
})
