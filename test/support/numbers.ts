/** The params of most tests. */
export interface N {
  readonly n: number
}

export const numbers = (count: number): ReadonlyArray<N> => Array.from({ length: count }, (_, n) => ({ n }))
