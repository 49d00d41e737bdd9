/** A site whose pages can be down, for the tests of redrives. */
import { Effect, Schema } from "effect"
import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"

export interface Page {
  readonly id: number
}

export const Total = Schema.Struct({ ids: Schema.Array(Schema.Number) })

/** A pipeline over a site of which some pages are down, and what was asked of it. */
export const site = (...down: ReadonlyArray<number>) => {
  const broken = new Set(down)
  const asked: Array<number> = []
  const fetch = Handler.make("fetch", {
    shared: Total,
    handleRequest: ({ id }: Page) =>
      Effect.suspend(() => {
        asked.push(id)
        return broken.has(id) ? Effect.fail(`page ${id} is down` as const) : Effect.succeed(id * 10)
      }),
    processResults: ({ params, shared }) => Handler.next("fetched", { ids: [...shared.ids, params.id] })
  })
  const pipeline = Pipeline.make("site", { handlers: { fetch }, start: "fetch" })
  const run = (ids: ReadonlyArray<number>) =>
    Batch.run(pipeline, { params: ids.map((id) => ({ id })), shared: { ids: [] }, mode: "collect-all" })
  return { broken, asked, pipeline, run }
}

export const tagsOf = (entries: ReadonlyArray<{ readonly _tag: string }>) => entries.map(({ _tag }) => _tag)
