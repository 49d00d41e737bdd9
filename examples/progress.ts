/**
 * Watches a batch while it runs, and steers it: progress, events, fewer at a time, a pause, an early end.
 *
 *   npm run examples            runs this program and the others
 *
 * It sends a newsletter through a mail service that takes 8 letters at a time and turns the others away. The batch
 * begins with 16, finds out, and slows down. It makes a pause when it is asked to, and it ends early when too many
 * addresses turn out to be wrong: what runs ends first, and the report says what was never sent.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Data, Duration, Effect, Fiber, Option, Schedule, Semaphore, Stream, SubscriptionRef } from "effect"
import { Batch, Handler, Pipeline } from "parallel-batch-pipeline/effect"
import { table } from "./lib/terminal.ts"

// The service, and the one step that uses it.

class Busy extends Data.TaggedError("Busy") {}
class WrongAddress extends Data.TaggedError("WrongAddress") {}

interface Letter {
  readonly to: string
  readonly wrong: boolean
}

const letters = Array.from({ length: 300 }, (_, n): Letter => ({ to: `reader-${n + 1}`, wrong: n % 30 === 20 }))

const lines = Semaphore.makeUnsafe(8)

const send = Handler.make("send", {
  handleRequest: ({ wrong }: Letter) =>
    Effect.gen(function* () {
      const taken = yield* lines.withPermitsIfAvailable(1)(Effect.sleep("10 millis"))
      if (Option.isNone(taken)) return yield* new Busy()
      if (wrong) return yield* new WrongAddress()
    }),
  // A wrong address stays wrong.
  retry: { schedule: Schedule.spaced("20 millis"), while: (error) => error._tag === "Busy" }
})

const newsletter = Pipeline.make("newsletter", { handlers: { send }, start: "send" })

// The batch, someone who shows how far it is, and someone who steers it.

const program = Effect.gen(function* () {
  const batch = yield* Batch.fork(newsletter, {
    params: letters,
    key: ({ to }) => to,
    mode: "collect-all",
    concurrency: 16
  })

  // Brought up to date ten times a second. Who is slow gets the latest, and slows nobody.
  const showing = yield* SubscriptionRef.changes(batch.progress).pipe(
    Stream.takeUntil(({ state }) => state === "ended"),
    Stream.runForEach((progress) => Console.log(lineOf(progress))),
    Effect.forkChild
  )

  const seen = { busy: 0, wrong: 0, ended: 0 }
  yield* Stream.runForEach(
    batch.events,
    Effect.fnUntraced(function* (event) {
      if (event._tag === "RetryScheduled" && ++seen.busy === 20) {
        yield* Console.log("! turned away 20 times: 8 at a time from now on")
        yield* batch.setConcurrency(8)
      }
      if (event._tag !== "ItemEnded") return
      if (++seen.ended === 100) {
        yield* Console.log("! 100 letters: a short pause")
        yield* batch.pause
        yield* Effect.forkChild(Effect.delay(batch.resume, "200 millis"))
      }
      const { outcome } = event
      if (outcome._tag !== "Failed") return
      yield* Console.log(`! ${outcome.key} was not sent: wrong address`)
      if (++seen.wrong === 8) {
        yield* Console.log("! 8 wrong addresses: someone should look at the list before it goes on")
        yield* batch.drain
      }
    })
  )
  yield* Fiber.join(showing)

  // What `Batch.run` would have answered.
  const report = yield* batch.await
  const left = report.outcomes.find((outcome) => outcome._tag === "NotStarted")
  yield* Console.log(
    `\nEnded by ${report.endedBy._tag} after ${Duration.toMillis(report.duration)} ms, and ${report.attempts} attempts\n`
  )
  yield* Console.log(
    table(
      ["outcome", "letters"],
      ["sent", report.succeeded],
      ["failed", report.failed],
      ["interrupted", report.interrupted],
      ["not started", report.notStarted],
      ["all", report.total]
    )
  )
  if (left !== undefined) yield* Console.log(`\nTo go on later, start with ${left.key}`)
})

const lineOf = ({ eta, failed, rate, running, state, succeeded, total }: Batch.Progress): string => {
  const left = eta === undefined || state !== "running" ? state : `${Duration.toMillis(eta).toFixed()} ms left`
  const [sent, inFlight, speed] = [succeeded, running, rate].map((n) => n.toFixed().padStart(3))
  return `${sent} of ${total} sent, ${failed} failed, ${inFlight} running, ${speed}/s, ${left}`
}

program.pipe(Effect.scoped, NodeRuntime.runMain)
