/**
 * What the answer of a server says, where it was thrown as it is. Its fields are
 * getters, so that no text of an object shows them.
 */

/** Whatever a value of the caller throws when it is read. */
export const read = (value: unknown, key: string): unknown => {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return undefined
  try {
    return (value as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

/** What a text field says; `undefined` where it says nothing. */
export const readText = (value: unknown, key: string): string | undefined => {
  const text = read(value, key)
  return typeof text === "string" && text !== "" ? text : undefined
}

/** `503 Service Unavailable from http://host/path`; `undefined` where it is no response. The body is never read. */
export const responseText = (value: unknown): string | undefined => {
  const status = read(value, "status")
  if (typeof status !== "number" || !isResponse(value)) return undefined
  const [said, url] = [readText(value, "statusText"), readText(value, "url")]
  return `${status}${said === undefined ? "" : ` ${said}`}${url === undefined ? "" : ` from ${url}`}`
}

/** Of the fields of other clients these are told, or say nothing of what has happened; one with more shows its fields. */
const told = new Set(["headers", "ok", "redirected", "status", "statusText", "type", "url"])

const isResponse = (value: unknown): boolean => {
  try {
    if (Object.prototype.toString.call(value) === "[object Response]") return true
    if (value instanceof Error || readText(value, "_tag") !== undefined || readText(value, "message") !== undefined)
      return false
    return typeof read(value, "url") === "string" && Object.keys(value as object).every((key) => told.has(key))
  } catch {
    return false
  }
}
