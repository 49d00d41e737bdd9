/**
 * Whether values that were kept as text are about.
 */

let read = false

/** A value was read that was kept as text. */
export const noteText = (): void => {
  read = true
}

/** Whether any ever was: where none was, no value has to be searched for one. */
export const hasReadTexts = (): boolean => read
