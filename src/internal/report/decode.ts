/**
 * A report from JSON, checked: what does not fit says where.
 */
import * as Duration from "effect/Duration"
import type * as Outcome from "../../Outcome.ts"
import type * as Report from "../../Report.ts"
import { InvalidReport } from "../../ReportError.ts"
import { checkEnding, Counting } from "./checks.ts"
import { counts, formatName, formatVersion } from "./encode.ts"
import { decodeCause } from "./failures.ts"
import { Place } from "./place.ts"
import type { Codec, Schemas } from "./schemas.ts"
import { decode } from "./values.ts"

export type Header = Omit<Report.Any, "outcomes"> & { readonly kept: number }

export const placeAt =
  (place: Place | undefined) =>
  (key: string): Place =>
    place === undefined ? new Place(key) : place.at(key)

/** Reads the outcomes of one report, which share what they have in common. */
export class Decoder {
  readonly #schemas: Schemas
  readonly #paths = new Map<string, ReadonlyArray<string>>()

  constructor(schemas: Schemas) {
    this.#schemas = schemas
  }

  header(json: unknown, place: Place | undefined): Header {
    const at = placeAt(place)
    const fields = isRecord(json) ? json : {}
    if (fields["format"] !== formatName) {
      const value = isRecord(json) ? fields["format"] : json
      throw new InvalidReport({ reason: "Foreign", place: String(at("format")), expected: `"${formatName}"`, value })
    }
    const version = fields["version"]
    if (typeof version === "number" && version > formatVersion) {
      throw new InvalidReport({
        reason: "Future",
        place: String(at("version")),
        expected: `${formatVersion} or less; a newer version of this library has written it`,
        value: version
      })
    }
    if (version !== formatVersion) throw at("version").invalid(String(formatVersion), version)
    const numbers = Object.fromEntries(counts.map((name) => [name, count(fields[name], at(name))])) as {
      readonly [K in (typeof counts)[number]]: number
    }
    const { failed, interrupted, notStarted, skipped, succeeded, total } = numbers
    if (succeeded + failed + skipped + interrupted + notStarted !== total) {
      const expected = `${succeeded + failed + skipped + interrupted + notStarted}, the sum of the other counts`
      throw at("total").invalid(expected, total)
    }
    const endedBy = decode(fields["endedBy"], at("endedBy"))
    if (!isRecord(endedBy)) throw at("endedBy").invalid("an object with a _tag", endedBy)
    text(endedBy["_tag"], at("endedBy").at("_tag"))
    checkEnding(endedBy, at("endedBy"))
    return {
      shared: this.#value(fields["shared"], this.#schemas.shared, at("shared")),
      pipeline: stamp(decode(fields["pipeline"], at("pipeline")), at("pipeline")),
      ...numbers,
      cost: number(decode(fields["cost"], at("cost")), at("cost")),
      exhausted: bool(fields["exhausted"], at("exhausted")),
      duration: Duration.millis(millis(fields["duration"], at("duration"))),
      // What a later version may add is kept as it is.
      endedBy: endedBy as unknown as Report.EndedBy,
      kept: count(fields["kept"], at("kept"))
    }
  }

  outcome(json: unknown, place: Place): Outcome.Any {
    if (!isRecord(json)) throw place.invalid("an outcome", json)
    const item = {
      index: count(json["index"], place.at("index")),
      key: text(json["key"], place.at("key")),
      params: this.#value(json["params"], this.#schemas.params, place.at("params"))
    }
    if (json["_tag"] === "NotStarted") {
      const reason = json["reason"] === undefined ? undefined : text(json["reason"], place.at("reason"))
      return { _tag: "NotStarted", ...item, reason }
    }
    const path = this.#path(json["path"], place.at("path"))
    const started = {
      ...item,
      attempts: count(json["attempts"], place.at("attempts")),
      startedAfter: Duration.millis(millis(json["startedAfter"], place.at("startedAfter"))),
      duration: Duration.millis(millis(json["duration"], place.at("duration"))),
      path,
      ...("timings" in json ? { timings: timings(json["timings"], place.at("timings")) } : {})
    }
    const handler = json["handler"] === null ? undefined : json["handler"]
    const step = (): string | undefined => (handler === undefined ? undefined : text(handler, place.at("handler")))
    switch (json["_tag"]) {
      case "Succeeded": {
        const codec = this.#schemas.outputOf(path.at(-1))
        return {
          _tag: "Succeeded",
          ...started,
          action: text(json["action"], place.at("action")),
          output: this.#value(json["output"], codec, place.at("output")),
          reused: json["reused"] === true
        }
      }
      case "Failed": {
        const codec = this.#schemas.errorOf(step())
        const cause = decodeCause(json["cause"], codec, place.at("cause"))
        return { _tag: "Failed", ...started, handler: step(), cause }
      }
      case "Skipped": {
        const reason = text(json["reason"], place.at("reason"))
        return { _tag: "Skipped", ...started, handler: text(handler, place.at("handler")), reason }
      }
      case "Interrupted": {
        const interrupted = { _tag: "Interrupted", ...started, handler: step() } as const
        return json["reason"] === undefined
          ? interrupted
          : { ...interrupted, reason: text(json["reason"], place.at("reason")) }
      }
      default:
        throw place.at("_tag").invalid("Succeeded, Failed, Skipped, Interrupted or NotStarted", json["_tag"])
    }
  }

  #value(json: unknown, codec: Codec | undefined, place: Place): unknown {
    if (codec === undefined || !isRecord(json) || json["$"] !== "Schema") return decode(json, place)
    return codec.decode(json["value"], place.at("value"))
  }

  /** Items on the same route share their path, as they do in a report that was just made. */
  #path(json: unknown, place: Place): ReadonlyArray<string> {
    const steps = texts(json, place)
    const id = JSON.stringify(steps)
    const known = this.#paths.get(id)
    if (known !== undefined) return known
    if (this.#paths.size < 1000) this.#paths.set(id, steps)
    return steps
  }
}

/** The whole of a text that `encodeReport` has written. */
export const decodeReport = (source: string, schemas: Schemas): Report.Any => {
  const json = parse(source, undefined)
  const decoder = new Decoder(schemas)
  const header = decoder.header(json, undefined)
  const { kept, ...report } = header
  const list = (json as Record<string, unknown>)["outcomes"]
  const place = new Place("outcomes")
  if (!Array.isArray(list)) throw place.invalid("an array", list)
  if (list.length !== kept) throw place.invalid(`${kept} outcomes`, list.length)
  const counting = new Counting(header, placeAt(undefined))
  const outcomes = list.map((json, index) => {
    const outcome = decoder.outcome(json, place.at(index))
    counting.add(outcome, place.at(index))
    return outcome
  })
  counting.end()
  return { ...report, outcomes }
}

/** `line`: where the text is one line of several. */
export const parse = (whole: string, line: number | undefined): unknown => {
  // Whoever reads a file without an encoding has a `Buffer`.
  const given = String(whole)
  // Some editors put a mark before the text.
  const source = (line ?? 1) === 1 && given.startsWith("\ufeff") ? given.slice(1) : given
  try {
    return JSON.parse(source)
  } catch (cause) {
    // The engine says where, in words that are its own.
    const message = String((cause as Error).message)
    const ends = /unterminated|unexpected end/i.test(message)
    const said = /position (\d+)/.exec(message)?.[1]
    // Of a short text it does not say where, but for its end.
    const position = said === undefined ? (ends ? source.length : undefined) : Number(said)
    const truncated = ends || (position !== undefined && position >= source.trimEnd().length)
    const places = [
      ...(line === undefined ? [] : [`line ${line}`]),
      ...(position === undefined ? [] : [`position ${position}`])
    ]
    const place = places.length === 0 ? "the beginning" : places.join(", ")
    const expected = truncated ? "more of the report; the rest is missing" : "JSON"
    const value = source.slice(Math.max(0, (position ?? 0) - 20), (position ?? 0) + 20)
    throw new InvalidReport({ reason: truncated ? "Truncated" : "Syntax", place, expected, value })
  }
}

const isRecord = (json: unknown): json is Record<string, unknown> =>
  typeof json === "object" && json !== null && !Array.isArray(json)

const text = (json: unknown, place: Place): string => {
  if (typeof json === "string") return json
  throw place.invalid("a string", json)
}

const bool = (json: unknown, place: Place): boolean => {
  if (typeof json === "boolean") return json
  throw place.invalid("true or false", json)
}

const count = (json: unknown, place: Place): number => {
  if (Number.isInteger(json) && (json as number) >= 0) return json as number
  throw place.invalid("an integer of at least 0", json)
}

const number = (json: unknown, place: Place): number => {
  if (typeof json === "number") return json
  throw place.invalid("a number", json)
}

const millis = (json: unknown, place: Place): number => {
  if (typeof json === "number" && json >= 0) return json
  throw place.invalid("milliseconds, at least 0", json)
}

const texts = (json: unknown, place: Place): ReadonlyArray<string> => {
  if (!Array.isArray(json)) throw place.invalid("an array of strings", json)
  return json.map((part, index) => text(part, place.at(index)))
}

const timings = (json: unknown, place: Place): ReadonlyArray<Outcome.StepTiming> => {
  if (!Array.isArray(json)) throw place.invalid("an array", json)
  return json.map((timing: unknown, index) => {
    const here = place.at(index)
    if (!Array.isArray(timing)) throw here.invalid("a step, its start and its duration", timing)
    return {
      step: text(timing[0], here.at(0)),
      startedAfter: Duration.millis(millis(timing[1], here.at(1))),
      duration: Duration.millis(millis(timing[2], here.at(2)))
    }
  })
}

const stamp = (json: unknown, place: Place): Report.Stamp => {
  if (!isRecord(json)) throw place.invalid("the name, version, steps and routes of a pipeline", json)
  const routes = json["routes"]
  if (!isRecord(routes)) throw place.at("routes").invalid("an object", routes)
  for (const [step, targets] of Object.entries(routes)) {
    if (!isRecord(targets)) throw place.at("routes").at(step).invalid("an object", targets)
    for (const [action, target] of Object.entries(targets)) text(target, place.at("routes").at(step).at(action))
  }
  return {
    name: text(json["name"], place.at("name")),
    version: json["version"] === undefined ? undefined : text(json["version"], place.at("version")),
    start: text(json["start"], place.at("start")),
    steps: texts(json["steps"], place.at("steps")),
    routes: routes as Report.Stamp["routes"]
  }
}
