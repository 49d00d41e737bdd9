/** Methods whose names are nearly those that a class may override. */
import { assert, describe, it } from "@effect/vitest"
import { BatchPipeline, Handler, ParallelBatchPipeline, Pipeline } from "parallel-batch-pipeline"

class Step extends Handler<object, void> {
  protected handleRequest(): void {}
}

describe("a misspelt method", () => {
  it.each([
    ["processResult", "processResults"],
    ["prepareInput", "prepareInputs"],
    ["handleErrors", "handleError"],
    ["executeLifeCycle", "executeLifecycle"]
  ])("%s is refused, also where a class between has it", async (name, meant) => {
    class Misspelt extends Step {}
    Object.assign(Misspelt.prototype, { [name]: () => {} })
    class Below extends Misspelt {}
    const expected = `TypeError: ${name} of Below is a method that nobody calls (did you mean ${meant}?)`
    const batch = new ParallelBatchPipeline(new Pipeline(new Below()), { params: () => [{}], mode: "collect-all" })

    assert.strictEqual(await new Below().run({}).catch(String), expected)
    assert.strictEqual(await batch.run({}).catch(String), expected)
    assert.strictEqual(await batch.runReport({}).catch(String), expected)
  })

  it("of a second handler fails its item", async () => {
    class Second extends Step {
      protected processResult(): string {
        return "done"
      }
    }
    const first = new Step()
    first.connectTo(new Second())

    const thrown = await new Pipeline(first).run({}).catch(String)
    assert.include(String(thrown), "processResult of Second")
  })

  it("handelRequest is the request that is missing", async () => {
    // @ts-expect-error: who writes JavaScript learns of it here
    class Misspelt extends Handler<object, void> {
      protected handelRequest(): void {}
    }

    assert.include(await new Misspelt().run({}).catch(String), "handelRequest of Misspelt")
  })

  it.each([
    ["prepareBatchParam", "prepareBatchParams"],
    ["processBatchResult", "processBatchResults"],
    ["handleRequests", "handleRequest"],
    ["processResult", "processResults"]
  ])("%s of a batch is refused", async (name, meant) => {
    class Misspelt extends BatchPipeline {}
    Object.assign(Misspelt.prototype, { [name]: () => [] })
    const batch = new Misspelt(new Pipeline(new Step()), { params: () => [] })

    const expected = `TypeError: ${name} of Misspelt is a method that nobody calls (did you mean ${meant}?)`
    assert.strictEqual(await batch.run({}).catch(String), expected)
    assert.strictEqual(await batch.runReport({}).catch(String), expected)
  })

  it("of a pipeline is refused", async () => {
    class Misspelt extends Pipeline {
      protected prepareInput(): void {}
    }

    assert.include(await new Misspelt(new Step()).run({}).catch(String), "prepareInput of Misspelt")
  })

  it("is a helper where the method is overridden as well, on the class, below it, or as a field", async () => {
    class Helped extends Step {
      protected processResult(): string {
        return "helped"
      }
      protected override processResults(): string {
        return this.processResult()
      }
    }
    class Below extends Helped {
      protected override processResults(): string {
        return super.processResults()
      }
    }
    class Field extends Step {
      protected processResult(): string {
        return "helped"
      }
      protected override processResults = (): string => this.processResult()
    }
    const actions = await Promise.all([new Helped(), new Below(), new Field()].map((handler) => handler.run({})))

    assert.deepStrictEqual(actions, ["helped", "helped", "helped"])
  })

  it("is none where the name is another, or no method", async () => {
    class Other extends Step {
      readonly processResult = 1
      static processResult(): void {}
      get prepareInput(): number {
        throw new Error("was read")
      }
      protected prepareBatchParam(): void {}
      protected process(): void {}
    }

    assert.strictEqual(await new Other().run({}), "default")
  })
})
