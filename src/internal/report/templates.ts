/**
 * Merges messages that differ only in what looks like data because it takes so
 * many values: names of hosts and users, ids of any kind.
 *
 * Nothing here depends on the order of the messages, and all of it takes about as
 * long as reading them a few times.
 */

/** From more different messages than this on, what they differ in is taken for data. */
export const few = 5

/** Where no word is left that says what the message is about, it takes more. */
const fewWithoutWords = 50

/** From so many on that are still left, several words of a message may be data. */
const crowd = 20

interface Row {
  readonly tokens: ReadonlyArray<string>
  /** The messages that it stands for. */
  readonly from: ReadonlyArray<string>
}

/** Answers for each message the one that it is merged into. */
export const mergeTemplates = (messages: Iterable<string>): ReadonlyMap<string, string> => {
  const byLength = new Map<number, Array<Row>>()
  for (const message of Array.from(messages).sort()) {
    const tokens = message.split(" ")
    const rows = byLength.get(tokens.length)
    if (rows === undefined) byLength.set(tokens.length, [{ tokens, from: [message] }])
    else rows.push({ tokens, from: [message] })
  }
  const merged = new Map<string, string>()
  for (const rows of byLength.values()) {
    for (const row of mergeSingle(mergeColumns(mergeSingle(rows)))) {
      const text = row.tokens.join(" ")
      for (const message of row.from) merged.set(message, text)
    }
  }
  return merged
}

type Rows = ReadonlyArray<Row>

interface Bucket {
  readonly position: number
  readonly rows: Array<Row>
}

/** Merges rows that differ in one token, until there are none. */
const mergeSingle = (given: Rows): Rows => {
  let rows = given
  for (let round = 0; round < 8 && rows.length > few; round++) {
    const buckets = bucketsOf(rows)
    if (buckets.length === 0) break
    const taken = new Set<Row>()
    const next: Array<Row> = []
    for (const { position, rows } of buckets) {
      const free = rows.filter((row) => !taken.has(row))
      if (free.length <= leastOf(rows[0]!, position)) continue
      for (const row of free) taken.add(row)
      next.push(mergeAt(free, new Set([position])))
    }
    if (taken.size === 0) break
    rows = sorted([...next, ...rows.filter((row) => !taken.has(row))])
  }
  return rows
}

/** The sets of rows that are the same but for one token, the largest first. */
const bucketsOf = (rows: Rows): ReadonlyArray<Bucket> => {
  const hashes = rows.map(({ tokens }) => hashOf(tokens))
  return variedOf(rows)
    .flatMap(({ position }) => {
      const buckets = new Map<number, Bucket>()
      rows.forEach((row, index) => {
        const key = without(hashes[index]!, row.tokens[position]!, position)
        const bucket = buckets.get(key)
        if (bucket === undefined) buckets.set(key, { position, rows: [row] })
        // Two may have one hash by chance.
        else if (isSame(bucket.rows[0]!, row, position)) bucket.rows.push(row)
      })
      return Array.from(buckets.values()).filter(({ rows }) => rows.length > few)
    })
    .sort((a, b) => b.rows.length - a.rows.length || a.position - b.position)
}

/** Where rows differ in more than one token: a place that takes nearly as many values as there are rows holds data. */
const mergeColumns = (rows: Rows): Rows => {
  if (rows.length <= crowd) return rows
  const varied = variedOf(rows)
  // What takes few values is a word, and says what the others are about.
  const word = varied.filter(({ values }) => values <= few).sort((a, b) => a.values - b.values)[0]
  if (word !== undefined) {
    const groups = Map.groupBy(rows, ({ tokens }) => tokens[word.position]!)
    return Array.from(groups.values()).flatMap(mergeColumns)
  }
  const data = new Set(varied.filter(({ values }) => values * 2 > rows.length).map(({ position }) => position))
  const places = new Set(varied.map(({ position }) => position))
  if (data.size === 0 || !hasWord(rows[0]!, places)) return rows
  const groups = Map.groupBy(rows, ({ tokens }) => tokens.filter((_, position) => !data.has(position)).join(" "))
  return sorted(Array.from(groups.values(), (group) => (group.length === 1 ? group[0]! : mergeAt(group, data))))
}

const leastOf = (row: Row, position: number): number => (hasWord(row, new Set([position])) ? few : fewWithoutWords)

/** Whether words are left where there is no data. */
const hasWord = ({ tokens }: Row, data: ReadonlySet<number>): boolean =>
  tokens.some((token, position) => !data.has(position) && /\p{L}/u.test(token.replaceAll(/<[a-z…]{1,6}>/g, "")))

const mergeAt = (rows: Rows, positions: ReadonlySet<number>): Row => ({
  tokens: rows[0]!.tokens.map((token, position) =>
    positions.has(position) ? placeholder(rows.map(({ tokens }) => tokens[position]!)) : token
  ),
  from: rows.flatMap(({ from }) => from)
})

/** What the tokens have in common at both ends stays, up to where a word begins or ends. */
const placeholder = (tokens: ReadonlyArray<string>): string => {
  const [first] = tokens as readonly [string]
  let [before, behind, shortest] = [first.length, first.length, first.length]
  for (const token of tokens) {
    shortest = Math.min(shortest, token.length)
    let start = 0
    while (start < before && token[start] === first[start]) start++
    before = start
    let end = 0
    while (end < behind && token.at(-1 - end) === first.at(-1 - end)) end++
    behind = end
  }
  if (before === first.length && shortest === first.length) return first
  const prefix = first.slice(0, before).replace(/<?[\p{L}\p{N}\p{Cs}…]*$/u, "")
  behind = Math.min(behind, shortest - prefix.length)
  const suffix = first.slice(first.length - behind).replace(/^[\p{L}\p{N}\p{Cs}…]*>?/u, "")
  return `${prefix}<…>${suffix}`
}

/** The positions at which rows differ, and in how many values. */
const variedOf = (rows: Rows): ReadonlyArray<{ readonly position: number; readonly values: number }> =>
  rows[0]!.tokens
    .map((_, position) => ({ position, values: new Set(rows.map(({ tokens }) => tokens[position])).size }))
    .filter(({ values }) => values > 1)

const sorted = (rows: Array<Row>): Rows =>
  rows
    .map((row) => ({ row, text: row.tokens.join(" ") }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ row }) => row)

const isSame = (a: Row, b: Row, but: number): boolean =>
  a.tokens.every((token, position) => position === but || token === b.tokens[position])

/** A sum over the tokens, so that one of them is taken away at no cost. */
const hashOf = (tokens: ReadonlyArray<string>): number =>
  tokens.reduce((sum, token, position) => (sum + partOf(token, position)) % modulus, 0)

const without = (hash: number, token: string, position: number): number =>
  (hash - partOf(token, position) + modulus) % modulus

const modulus = 2 ** 50

const partOf = (token: string, position: number): number => {
  let [low, high] = [position + 1, ~position]
  for (let index = 0; index < token.length; index++) {
    const code = token.charCodeAt(index)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b)
  }
  return ((high >>> 14) * 2 ** 32 + (low >>> 0)) % modulus
}
