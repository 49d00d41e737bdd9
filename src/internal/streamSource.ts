/**
 * Parameter sets from a stream. Apart from `source.ts`, so that code that never
 * passes a stream does not load the stream modules.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { buffered, type Source } from "./source.ts"

export const fromStream = (stream: Stream.Stream<unknown, unknown, unknown>): Source => {
  const scope = Scope.makeUnsafe()
  let pull: Pull.Pull<ReadonlyArray<unknown>, unknown, void, unknown> | undefined
  const next = Effect.suspend(() =>
    pull === undefined ? Effect.flatMap(Scope.provide(Stream.toPull(stream), scope), (opened) => (pull = opened)) : pull
  )
  return buffered({
    read: Pull.catchDone(next, () => Effect.succeed([])),
    close: Scope.close(scope, Exit.void)
  })
}
