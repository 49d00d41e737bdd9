/**
 * Where in a saved report something stands.
 */
import { InvalidReport } from "../../ReportError.ts"
import { cut } from "./text.ts"

export class Place {
  readonly #around: Place | undefined
  readonly #key: string | number

  constructor(key: string | number, around?: Place | undefined) {
    this.#key = key
    this.#around = around
  }

  at(key: string | number): Place {
    return new Place(key, this)
  }

  invalid(expected: string, value: unknown): InvalidReport {
    return new InvalidReport({ reason: "Invalid", place: cut(String(this), 300), expected, value })
  }

  toString(): string {
    const around = this.#around === undefined ? "" : String(this.#around)
    if (typeof this.#key === "number") return `${around}[${this.#key}]`
    if (around === "") return this.#key
    if (around.endsWith(": ")) return around + this.#key
    return /^[\w$]+$/.test(this.#key) ? `${around}.${this.#key}` : `${around}[${JSON.stringify(this.#key)}]`
  }
}
