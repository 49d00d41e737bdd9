/**
 * Finds the option that a misspelt name was meant to be.
 */

/** Names of options, each as a key so that TypeScript sees where one is missing. */
export type Names<Options extends object> = Readonly<Record<keyof Options, true>>

/**
 * The known name that this one was meant to be, if there is one. `aliases`: how others call what is known, or what takes
 * the place of a name that stands elsewhere, in words.
 */
export const meantBy = (
  name: string,
  known: Readonly<Record<string, true>>,
  aliases: Readonly<Record<string, string>>
): string | undefined => {
  if (Object.hasOwn(known, name)) return undefined
  const written = name.toLowerCase()
  for (const alias of Object.keys(aliases)) if (isClose(written, alias.toLowerCase())) return aliases[alias]
  return Object.keys(known).find((candidate) => isClose(written, candidate.toLowerCase()))
}

/** The longer a name, the less likely is another word beside it. */
const isClose = (name: string, known: string): boolean => {
  if (Math.abs(name.length - known.length) > 2) return false
  const edits = distance(name, known)
  if (known.length >= 8) return edits <= 2
  if (known.length >= 6) return edits <= 1
  // "model", "host" and "date" are one letter from "mode", "cost" and "gate", and stand in many a configuration.
  return edits <= 1 && Array.from(name).every((letter) => known.includes(letter))
}

/** How many letters are too many, too few or other ones; two that have changed places count as one. */
const distance = (a: string, b: string): number => {
  let before: ReadonlyArray<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(Math.min(changed, last[j]! + 1, row[j - 1]! + 1, swapped ? before[j - 2]! + 1 : changed))
    }
    before = last
    last = row
  }
  return last[b.length]!
}
