/**
 * JSON Lines: a report in pieces, so that none of its texts is ever whole.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Outcome from "../../Outcome.ts"
import type * as Report from "../../Report.ts"
import { InvalidReport } from "../../ReportError.ts"
import { Counting } from "./checks.ts"
import { Decoder, type Header, parse, placeAt } from "./decode.ts"
import { encodeLines } from "./encode.ts"
import { Place } from "./place.ts"
import type { Schemas } from "./schemas.ts"

/** Each piece is some lines. */
export const write = (report: Report.Any, schemas: Schemas): Stream.Stream<string> =>
  Stream.suspend(() =>
    Stream.mapArray(Stream.fromIterable(encodeLines(report, schemas), { chunkSize: 64 }), (lines) => [lines.join("")])
  )

/** Reads the report, of which only the outcomes themselves are kept. */
export const read = <E, R>(
  input: Stream.Stream<string | Uint8Array, E, R>,
  schemas: Schemas
): Effect.Effect<Report.Any, E | InvalidReport, R> =>
  Effect.suspend(() => {
    const decoder = new Decoder(schemas)
    const outcomes: Array<Outcome.Any> = []
    let header: Header | undefined
    let counting: Counting | undefined
    let line = 0
    const take = (source: string): void => {
      line++
      if (source.trim() === "") return
      const place = new Place(`line ${line}: `)
      if (header === undefined) {
        header = decoder.header(parse(source, line), place)
        counting = new Counting(header, placeAt(place))
      } else if (outcomes.length < header.kept) {
        const outcome = decoder.outcome(parse(source, line), place)
        counting?.add(outcome, place)
        outcomes.push(outcome)
      } else throw new Place(`line ${line}`).invalid(`the end, after ${header.kept} outcomes`, source)
    }
    const lines = Stream.splitLines(texts(input))
    return Effect.flatMap(
      Stream.runForEachArray(lines, (sources) => expecting(() => sources.forEach(take))),
      () =>
        expecting(() => {
          if (header === undefined) throw truncated(1, "a report", "nothing")
          const { kept, ...report } = header
          if (outcomes.length < kept) throw truncated(line + 1, `${kept} outcomes`, outcomes.length)
          counting?.end()
          return { ...report, outcomes }
        })
    )
  })

/** What cannot be read is an error; everything else that is thrown is a bug. */
export const expecting = <A>(f: () => A): Effect.Effect<A, InvalidReport> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(f())
    } catch (thrown) {
      if (thrown instanceof InvalidReport) return Effect.fail(thrown)
      throw thrown
    }
  })

const truncated = (line: number, expected: string, value: unknown): InvalidReport =>
  new InvalidReport({ reason: "Truncated", place: `line ${line}`, expected, value })

const texts = <E, R>(input: Stream.Stream<string | Uint8Array, E, R>): Stream.Stream<string, E | InvalidReport, R> =>
  Stream.suspend(() => {
    const decoder = new TextDecoder("utf-8", { fatal: true })
    let read = 0
    const textOf = (piece: string | Uint8Array): string => {
      if (typeof piece === "string") return piece
      const from = read
      read += piece.length
      try {
        return decoder.decode(piece, { stream: true })
      } catch {
        throw new InvalidReport({
          reason: "Syntax",
          place: `bytes ${from} to ${read}`,
          expected: "UTF-8",
          value: "other bytes"
        })
      }
    }
    return Stream.mapEffect(input, (piece) => expecting(() => textOf(piece)))
  })
