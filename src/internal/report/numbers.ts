/**
 * Which numbers of failures that say the same are told apart: those that take few
 * values, as the status of a response does, and not ids, ports or durations.
 *
 * It is decided for a whole group of failures, so nothing depends on their order.
 */
import { few } from "./templates.ts"

/** What a number is folded to. */
export const folded = "<n>"

/** A message without what is particular to one item, and the numbers that were folded, in order. */
export interface Template {
  readonly text: string
  readonly numbers: ReadonlyArray<string>
}

/** There are more statuses than that, and a reader wants to see those that come. */
const fewStatuses = 2 * few

/** So many numbers of a message are looked at. */
const mostPlaces = 8

/** Where a number stands in the text of a group, and which values it takes there. */
interface Place {
  readonly at: number
  readonly isStatus: boolean
  readonly isMeasure: boolean
  /** `undefined`: too many, or not known of all. */
  values: Set<string> | undefined
}

/**
 * The message that each of the failures of one group has, with the numbers that tell them apart in it. `text`: what they
 * say together, which differs from their templates where words were merged as well.
 */
export const tellApart = (text: string, failures: ReadonlyArray<Template>): ((failure: Template) => string) => {
  const places = placesOf(text)
  if (places.length === 0) return () => text
  const sources = new Map<string, ReadonlyArray<number>>()
  const valueAt = ({ numbers, text: template }: Template, place: number): string | undefined => {
    let indexes = sources.get(template)
    if (indexes === undefined) sources.set(template, (indexes = align(text, template)))
    return numbers[indexes[place]!]
  }
  for (const failure of failures) {
    let open = 0
    places.forEach((place, index) => {
      if (place.values === undefined) return
      const value = valueAt(failure, index)
      if (value === undefined || place.values.add(value).size > fewStatuses) place.values = undefined
      else open++
    })
    if (open === 0) return () => text
  }
  const kept = choose(places, failures, valueAt)
  if (kept.length === 0) return () => text
  return (failure) => {
    let [message, end] = ["", 0]
    for (const index of kept) {
      const { at } = places[index]!
      message += text.slice(end, at) + valueAt(failure, index)!
      end = at + folded.length
    }
    return message + text.slice(end)
  }
}

const placesOf = (text: string): ReadonlyArray<Place> => {
  const places: Array<Place> = []
  for (let at = text.indexOf(folded); at >= 0; at = text.indexOf(folded, at + 1)) {
    if (places.length === mostPlaces) break
    const before = text.slice(Math.max(0, at - 40), at)
    const behind = text.slice(at + folded.length, at + folded.length + 40)
    const isWhole = before === "" && (behind === "" || behind.startsWith(" from <"))
    const hasUnit = unitBehind.test(behind)
    places.push({
      at,
      isStatus: !hasUnit && (isWhole || statusBefore.test(before) || phraseBehind.test(behind)),
      isMeasure: hasUnit || portBefore.test(before),
      values: new Set()
    })
  }
  return places
}

const statusBefore =
  /(?:status(?:[ _-]?(?:code|text))?|\bhttp(?:\/<n>)?(?: error)?|\bresponse(?: code)?|\b(?:answered|replied|responded|returned)(?: with)?)["']?(?: (?:of|is|was))?[ :=(]{1,3}["']?$/i
const phraseBehind =
  /^[ :(]{1,2}(?:Bad Gateway|Bad Request|Conflict|Forbidden|Gateway Time-?out|Gone|Internal Server Error|Method Not Allowed|Not Found|Not Implemented|Payload Too Large|Request Time-?out|Service (?:Temporarily )?Unavailable|Too Many Requests|Unauthorized|Unprocessable)\b/i
const portBefore = /[\w>\]]:$/
const unitBehind =
  /^[ -]?(?:%|(?:[num]?s|[µμ]s|milli\w*|micro\w*|nano\w*|sec\w*|min\w*|h(?:ou)?rs?|h|d|days?|[kmgt]?i?b|bytes?)(?![a-z]))/i

const status = /^[1-5]\d\d$/
const errorStatus = /^[45]\d\d$/
/** Longer ones are ids, sizes and times. */
const short = /^-?\d{1,5}$/

/** The places whose numbers tell the failures apart, in their order: as many as leave the kinds few. */
const choose = (
  places: ReadonlyArray<Place>,
  failures: ReadonlyArray<Template>,
  valueAt: (failure: Template, place: number) => string | undefined
): ReadonlyArray<number> => {
  const fitting = places.flatMap(({ isMeasure, isStatus, values }, index) => {
    if (values === undefined) return []
    const all = Array.from(values)
    if (isStatus && all.every((value) => status.test(value))) return [{ index, most: fewStatuses }]
    if (isMeasure || all.length > few || !all.every((value) => short.test(value))) return []
    // A number that comes once is more likely one of an item.
    const isEnough = failures.length >= 2 * all.length
    const looksLikeStatus = failures.length > all.length && all.every((value) => errorStatus.test(value))
    return isEnough || looksLikeStatus ? [{ index, most: few }] : []
  })
  let kinds: ReadonlyArray<string> = failures.map(() => "")
  let count = 1
  const kept: Array<number> = []
  for (const { index, most } of fitting.toSorted((a, b) => b.most - a.most || a.index - b.index)) {
    const next = failures.map((failure, row) => `${kinds[row]} ${valueAt(failure, index)}`)
    const { size } = new Set(next)
    if (size > Math.max(most, count)) continue
    kinds = next
    count = size
    kept.push(index)
  }
  return kept.sort((a, b) => a - b)
}

/** For each number in a text the one of a template that it stands for; -1 where words that were merged have taken it. */
const align = (text: string, template: string): ReadonlyArray<number> => {
  const [tokens, others] = [text.split(" "), template.split(" ")]
  if (tokens.length !== others.length) return []
  let from = 0
  return tokens.flatMap((token, position) => {
    const [here, there] = [countIn(token), countIn(others[position]!)]
    const first = from
    from += there
    return Array.from({ length: here }, (_, index) => (here === there ? first + index : -1))
  })
}

export const countIn = (text: string): number => text.split(folded).length - 1
