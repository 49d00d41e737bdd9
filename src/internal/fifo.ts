/**
 * A queue that takes a step for each value, however long it is: `Array.shift`
 * moves what is left.
 */
export class Fifo<A> {
  private items: Array<A> = []
  private head = 0

  get length(): number {
    return this.items.length - this.head
  }

  push(item: A): void {
    this.items.push(item)
  }

  /** The first value; `undefined` where there is none. */
  get first(): A | undefined {
    return this.items[this.head]
  }

  /** Takes the first value; `undefined` where there is none. */
  shift(): A | undefined {
    if (this.head === this.items.length) return undefined
    const item = this.items[this.head]
    // What was taken is not held on to.
    this.items[this.head++] = undefined as never
    if (this.head === this.items.length) {
      this.items = []
      this.head = 0
    } else if (this.head >= 1024 && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
    return item
  }

  /** All that is left, the first first. */
  all(): Array<A> {
    return this.items.slice(this.head)
  }

  /** Takes all that is left. */
  drain(): Array<A> {
    const rest = this.all()
    this.items = []
    this.head = 0
    return rest
  }
}
