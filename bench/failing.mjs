// The failing workload: item 10 fails after 2 ms, every other item holds a timer of 5 ms. It counts what becomes of them.

const failing = 10
const fails = 2
const holds = 5

export const makeFailing = () => {
  const state = { started: 0, finished: 0, aborted: 0, failedAt: 0, abortedAt: 0, startedThen: 0, finishedThen: 0 }
  /** Starts an item, and answers what aborts it. */
  const begin = (i, succeed, fail) => {
    state.started++
    const timer = setTimeout(
      () => {
        if (i === failing) {
          state.failedAt = performance.now()
          state.startedThen = state.started
          state.finishedThen = state.finished
          fail(new Error("the item that fails"))
        } else {
          state.finished++
          succeed(i)
        }
      },
      i === failing ? fails : holds
    )
    return () => {
      clearTimeout(timer)
      state.aborted++
      state.abortedAt = performance.now()
    }
  }
  return {
    state,
    begin,
    promise: (i, signal) =>
      new Promise((resolve, reject) => {
        const abort = begin(i, resolve, reject)
        signal?.addEventListener("abort", () => {
          abort()
          reject(signal.reason)
        })
      })
  }
}
