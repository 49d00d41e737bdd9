import { type Cause, Data, type Duration } from "effect"
import { type ItemError, Outcome, type Report } from "parallel-batch-pipeline/effect"
import { describe, expectTypeOf, it } from "vitest"

class HttpError extends Data.TaggedError("HttpError")<{ readonly status: number }> {}

interface Target {
  readonly url: string
}
type Fetched = Outcome.Outcome<Target, "fetched" | "empty", string, HttpError>

declare const outcome: Fetched
declare const outcomes: ReadonlyArray<Fetched>

describe("Outcome", () => {
  it("is a union of five, tagged", () => {
    expectTypeOf(outcome).toEqualTypeOf<
      | Outcome.Succeeded<Target, "fetched" | "empty", string>
      | Outcome.Failed<Target, HttpError>
      | Outcome.Skipped<Target>
      | Outcome.Interrupted<Target>
      | Outcome.NotStarted<Target>
    >()
    expectTypeOf(outcome._tag).toEqualTypeOf<"Succeeded" | "Failed" | "Skipped" | "Interrupted" | "NotStarted">()
    expectTypeOf(outcome).toExtend<Outcome.Any>()
  })

  it("says of every item which it is", () => {
    expectTypeOf(outcome.index).toEqualTypeOf<number>()
    expectTypeOf(outcome.key).toEqualTypeOf<string>()
    expectTypeOf(outcome.params).toEqualTypeOf<Target>()
    // @ts-expect-error an item that never started has no duration
    void outcome.duration
  })

  it("says of every item that started how it went", () => {
    if (outcome._tag === "NotStarted") return

    expectTypeOf(outcome.attempts).toEqualTypeOf<number>()
    expectTypeOf(outcome.duration).toEqualTypeOf<Duration.Duration>()
    expectTypeOf(outcome.path).toEqualTypeOf<ReadonlyArray<string>>()
  })

  it("is narrowed by its tag", () => {
    switch (outcome._tag) {
      case "Succeeded":
        expectTypeOf(outcome.action).toEqualTypeOf<"fetched" | "empty">()
        return expectTypeOf(outcome.output).toEqualTypeOf<string>()
      case "Failed":
        expectTypeOf(outcome.cause).toEqualTypeOf<Cause.Cause<ItemError<HttpError>>>()
        return expectTypeOf(outcome.handler).toEqualTypeOf<string | undefined>()
      case "Skipped":
        expectTypeOf(outcome.reason).toEqualTypeOf<string>()
        return expectTypeOf(outcome.handler).toEqualTypeOf<string>()
      case "Interrupted":
        return expectTypeOf(outcome.handler).toEqualTypeOf<string | undefined>()
      case "NotStarted":
        return expectTypeOf(outcome).toEqualTypeOf<Outcome.NotStarted<Target>>()
      default:
        return expectTypeOf(outcome).toEqualTypeOf<never>()
    }
  })

  it("cannot be changed", () => {
    // @ts-expect-error an outcome is a value
    outcome.index = 1
    // @ts-expect-error so is its path
    if (outcome._tag === "Succeeded") outcome.path.push("step")
  })
})

describe("Outcome.isSucceeded", () => {
  it("narrows one outcome, and an array of them", () => {
    if (Outcome.isSucceeded(outcome)) {
      expectTypeOf(outcome).toEqualTypeOf<Outcome.Succeeded<Target, "fetched" | "empty", string>>()
    } else {
      expectTypeOf(outcome._tag).toEqualTypeOf<"Failed" | "Skipped" | "Interrupted" | "NotStarted">()
    }
    expectTypeOf(outcomes.filter(Outcome.isSucceeded)).toEqualTypeOf<
      Array<Outcome.Succeeded<Target, "fetched" | "empty", string>>
    >()
  })
})

describe("Outcome.isFailed", () => {
  it("narrows one outcome, and an array of them", () => {
    if (Outcome.isFailed(outcome)) {
      expectTypeOf(outcome).toEqualTypeOf<Outcome.Failed<Target, HttpError>>()
    } else {
      expectTypeOf(outcome._tag).toEqualTypeOf<"Succeeded" | "Skipped" | "Interrupted" | "NotStarted">()
    }
    expectTypeOf(outcomes.filter(Outcome.isFailed)).toEqualTypeOf<Array<Outcome.Failed<Target, HttpError>>>()
  })
})

describe("Outcome.match", () => {
  const rest = { onSkipped: () => "skipped" as const, onInterrupted: () => null, onNotStarted: () => undefined }

  it("answers the union of what its functions answer", () => {
    const matched = Outcome.match(outcome, {
      ...rest,
      onSucceeded: ({ output }) => output.length,
      onFailed: ({ cause }) => cause
    })

    expectTypeOf(matched).toEqualTypeOf<number | Cause.Cause<ItemError<HttpError>> | "skipped" | null | undefined>()
  })

  it("gives each function its own outcome", () => {
    Outcome.match(outcome, {
      onSucceeded: (it) => expectTypeOf(it).toEqualTypeOf<Outcome.Succeeded<Target, "fetched" | "empty", string>>(),
      onFailed: (it) => expectTypeOf(it).toEqualTypeOf<Outcome.Failed<Target, HttpError>>(),
      onSkipped: (it) => expectTypeOf(it).toEqualTypeOf<Outcome.Skipped<Target>>(),
      onInterrupted: (it) => expectTypeOf(it).toEqualTypeOf<Outcome.Interrupted<Target>>(),
      onNotStarted: (it) => expectTypeOf(it).toEqualTypeOf<Outcome.NotStarted<Target>>()
    })
  })

  it("takes the functions first, annotated where they read what only this outcome has", () => {
    const index = Outcome.match({
      ...rest,
      onSucceeded: ({ index }) => index,
      onFailed: ({ handler }) => handler
    })
    const output = Outcome.match({
      ...rest,
      onSucceeded: ({ output }: Outcome.Succeeded<Target, "fetched" | "empty", string>) => output,
      onFailed: ({ index }) => index
    })

    expectTypeOf(index(outcome)).toEqualTypeOf<number | string | "skipped" | null | undefined>()
    expectTypeOf(output(outcome)).toEqualTypeOf<string | number | null | undefined>()
  })

  it("infers the functions inside of a pipe", () => {
    expectTypeOf(
      outcomes.map((outcome) => Outcome.match(outcome, { ...rest, onSucceeded: String, onFailed: String }))
    ).toEqualTypeOf<Array<string | null | undefined>>()
  })

  it("rejects a missing function", () => {
    // @ts-expect-error onFailed is missing
    Outcome.match(outcome, { ...rest, onSucceeded: () => 1 })
    // @ts-expect-error also where the functions stand first
    Outcome.match({ ...rest, onSucceeded: () => 1 })
    // @ts-expect-error the output is a string
    Outcome.match(outcome, { ...rest, onSucceeded: (_it: Outcome.Succeeded<Target, string, 1>) => 1, onFailed: String })
  })
})

describe("Report", () => {
  it("has the outcomes it is said to have, and counts", () => {
    type Fields = Report.Report<{ readonly sum: number }, Fetched>

    expectTypeOf<Fields["outcomes"]>().toEqualTypeOf<ReadonlyArray<Fetched>>()
    expectTypeOf<Fields["shared"]>().toEqualTypeOf<{ readonly sum: number }>()
    expectTypeOf<
      Fields["total" | "succeeded" | "failed" | "skipped" | "interrupted" | "notStarted"]
    >().toEqualTypeOf<number>()
    expectTypeOf<Fields["exhausted"]>().toEqualTypeOf<boolean>()
    expectTypeOf<Fields["duration"]>().toEqualTypeOf<Duration.Duration>()
    expectTypeOf<Fields>().toExtend<Report.Any>()
  })
})
