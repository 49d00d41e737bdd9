import { assert, describe, it } from "@effect/vitest"
import { BaseHandler, Pipeline } from "parallel-batch-pipeline"

describe("bad input of the classes", () => {
  it("a handler cannot be connected to nothing, and needs a request", async () => {
    // @ts-expect-error: who writes JavaScript may forget it
    class Bare extends BaseHandler<object, void> {}
    const bare = new Bare()
    assert.throws(
      () => bare.connectTo(undefined as never),
      TypeError,
      "connectTo of Bare needs a handler, got undefined"
    )
    const thrown = await new Pipeline(bare).run({}).catch(String)
    assert.include(thrown, "Bare needs the method handleRequest")
  })
})
