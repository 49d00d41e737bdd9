// The requests of the workloads as effects.
import { Effect } from "effect"
import { requestOf } from "./workloads.mjs"

/** `succeed` and `sync` where a request is finished, `effect` where it answers a promise. */
export const effectOf = (ctx, style) => {
  if (ctx.failing !== undefined) return (i) => interruptible(ctx.failing, i)
  const request = requestOf(ctx)
  if (style === "succeed") return (i) => Effect.succeed(request(i))
  if (style === "sync") return (i) => Effect.sync(() => request(i))
  return (i) => Effect.promise(() => request(i))
}

const interruptible = ({ begin }, i) =>
  Effect.callback((resume) => {
    const abort = begin(
      i,
      (value) => resume(Effect.succeed(value)),
      (error) => resume(Effect.fail(error))
    )
    return Effect.sync(abort)
  })
