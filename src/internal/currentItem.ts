/**
 * The item that the current fiber runs for.
 */
import * as Context from "effect/Context"

export interface CurrentItem {
  readonly index: number
  readonly key: string
  readonly handler: string
  readonly attempt: number
}

export const CurrentItem = Context.Reference<CurrentItem>("parallel-batch-pipeline/CurrentItem", {
  defaultValue: () => ({ index: -1, key: "", handler: "", attempt: 0 })
})
