/** A pipeline that contains itself needs no stack, however often it is within itself. */
import { assert, describe, it } from "@effect/vitest"
import { Handler, type HandlerParams, Pipeline, type SharedData } from "parallel-batch-pipeline"

/** Answers `again` until it was called so often, then `end`. */
class Again extends Handler<HandlerParams, void> {
  readonly #count: number

  constructor(count: number) {
    super()
    this.#count = count
  }

  protected handleRequest(): void {}

  protected override processResults(shared: SharedData): string {
    return (shared["n"] = ((shared["n"] as number) ?? 0) + 1) === this.#count ? "end" : "again"
  }
}

class After extends Handler<HandlerParams, void> {
  protected handleRequest(): void {}

  protected override processResults(shared: SharedData): string {
    shared["after"] = ((shared["after"] as number) ?? 0) + 1
    return "after"
  }
}

const recursive = (count: number) => {
  const step = new Again(count)
  const pipeline = new Pipeline(new Pipeline(step))
  step.connectTo(pipeline, "again")
  return pipeline
}

describe("a pipeline that contains itself", () => {
  it("ends after 20,000 rounds without a successor", async () => {
    const shared: SharedData = {}

    assert.strictEqual(await new Pipeline(recursive(20_000)).run(shared), "end")
    assert.deepStrictEqual(shared, { n: 20_000 })
  })

  it("ends after 20,000 rounds with a successor that it might have gone on to", async () => {
    const pipeline = recursive(20_000)
    pipeline.connectTo(new After(), "end")
    const shared: SharedData = {}

    assert.strictEqual(await new Pipeline(pipeline).run(shared), "after")
    assert.deepStrictEqual(shared, { n: 20_000, after: 1 })
  })

  it("goes on behind itself as often as it was within itself", async () => {
    const pipeline = recursive(3)
    pipeline.connectTo(new After(), "end").connectTo(new After(), "after")
    pipeline.connectTo(new After(), "after")
    const shared: SharedData = {}

    assert.strictEqual(await new Pipeline(pipeline).run(shared), "after")
    assert.deepStrictEqual(shared, { n: 3, after: 4 })
  })

  it("finds its own params in each round", async () => {
    const seen: Array<unknown> = []
    class Seen extends Again {
      protected override handleRequest(): void {
        seen.push(this.getParams())
      }
    }
    const step = new Seen(3)
    const pipeline = new Pipeline(step)
    pipeline.setParams({ region: "eu" })
    step.connectTo(pipeline, "again")

    assert.strictEqual(await new Pipeline(pipeline).run({}), "end")
    assert.deepStrictEqual(seen, [{ region: "eu" }, { region: "eu" }, { region: "eu" }])
  })
})
