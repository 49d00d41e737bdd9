/**
 * An `AbortSignal` that is made when it is first asked for, because that costs
 * more than most requests; aborted also where it is asked for afterwards.
 */
export class LazySignal {
  #controller: AbortController | undefined = undefined
  #aborted = false

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort()
    }
    return this.#controller.signal
  }

  abort(): void {
    this.#aborted = true
    this.#controller?.abort()
  }
}
