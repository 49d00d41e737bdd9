// What Effect itself costs: as many fibers as run at once, each one `Effect.whileLoop` that hands request after request to
// its fiber. No report, no routes, no interruption of one item. With `own`, each item has a scope and a context of its own,
// which is what it takes that finalizers run at the end of their item, and that its effects know which item they are of.
import { Context, Effect, Exit, Scope } from "effect"
import { effectOf } from "./effects.mjs"
import { kindOf, prepareInputs, processResults, stepCountOf } from "./workloads.mjs"

const Current = Context.Reference("bench/Current", { defaultValue: () => undefined })

const contextOf = (base, worker) => Context.add(Context.add(base, Scope.Scope, Scope.makeUnsafe()), Current, worker)

/** One of each is kept alive: V8 would forget what it has compiled for them at each collection. */
export const kept = [contextOf(Context.empty(), undefined)]

class Worker {
  params = undefined
  inputs = undefined
  pending = Effect.void
  /** The steps that are left to the item. */
  left = 0

  constructor(work, fiber) {
    this.work = work
    this.fiber = fiber
    this.context = fiber.context
    this.effect = Effect.whileLoop({
      while: () => this.advance(),
      body: () => this.pending,
      step: (value) => this.finish(value)
    })
  }

  advance() {
    const { iterator, own, request, shared, steps } = this.work
    for (;;) {
      if (this.left === 0) {
        const next = iterator.next()
        if (next.done) return false
        this.params = next.value
        this.left = steps
        if (own) this.fiber.setContext(contextOf(this.context, this))
      }
      this.inputs = prepareInputs(shared, this.params)
      const effect = request(this.inputs)
      if (!Exit.isExit(effect)) {
        this.pending = effect
        return true
      }
      this.finish(effect.value)
    }
  }

  finish(value) {
    const { onItem, shared } = this.work
    processResults(shared, this.inputs, value)
    if (--this.left === 0) onItem?.()
  }
}

/** A contender; `style` says what the requests are where they are finished. */
export const loop = (style, { own = false } = {}) => ({
  iterable: true,
  make: async (ctx) => {
    const request = effectOf(ctx, kindOf(ctx.workload) === "w1" ? style : "effect")
    return (items, concurrency) => {
      const work = {
        iterator: items[Symbol.iterator](),
        request,
        steps: stepCountOf(ctx),
        shared: ctx.shared,
        onItem: ctx.onItem,
        own
      }
      const count = concurrency === Infinity ? items.length : concurrency
      const worker = Effect.withFiber((fiber) => new Worker(work, fiber).effect)
      return Effect.runPromise(
        Effect.forEach(Array.from({ length: count }), () => worker, { concurrency: "unbounded", discard: true })
      )
    }
  }
})
