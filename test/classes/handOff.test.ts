/** Between two handlers no other item touches the shared data, also where the second one overrides its lifecycle. */
import { assert, describe, it } from "@effect/vitest"
import { Handler, type HandlerParams, ParallelBatchPipeline, Pipeline, type SharedData } from "parallel-batch-pipeline"

class First extends Handler<HandlerParams, unknown> {
  protected async handleRequest({ n }: HandlerParams): Promise<unknown> {
    return n
  }
  protected override processResults(shared: SharedData, _: HandlerParams, n: unknown): string {
    shared["current"] = n
    return "next"
  }
}

class Second extends Handler<unknown, void> {
  wrong = 0
  protected override prepareInputs(shared: SharedData): void {
    if (shared["current"] !== this.getParams()["n"]) this.wrong++
    // As long as it takes until the event loop is to have a turn.
    const until = performance.now() + 1
    while (performance.now() < until);
  }
  protected async handleRequest(): Promise<void> {}
}

class Returning extends Second {
  protected override executeLifecycle(shared: SharedData): Promise<string> {
    return super.executeLifecycle(shared)
  }
}

class Awaiting extends Second {
  protected override async executeLifecycle(shared: SharedData): Promise<string> {
    const action = await super.executeLifecycle(shared)
    return action
  }
}

describe("the hand-off", () => {
  it.each([
    ["without an override", new Second()],
    ["to a lifecycle that is overridden", new Returning()],
    ["to a lifecycle that is overridden, and awaited", new Awaiting()]
  ])("is atomic %s", async (_, second) => {
    const first = new First()
    first.connectTo(second, "next")
    const params = () => Array.from({ length: 40 }, (_, n) => ({ n }))

    await new ParallelBatchPipeline(new Pipeline(first), { params }).run({})

    assert.strictEqual(second.wrong, 0)
  })
})
