/**
 * A binary heap, the smallest rank first, whose members know their place: any of
 * them can be moved or taken out in O(log n).
 */

export interface Ranked {
  rank: number
  /** The place in the heap; -1 outside. */
  place: number
}

export class Heap<A extends Ranked> {
  private readonly members: Array<A> = []

  get size(): number {
    return this.members.length
  }

  get first(): A | undefined {
    return this.members[0]
  }

  /** Puts a member in, or gives it another rank. */
  put(member: A, rank: number): void {
    member.rank = rank
    if (member.place === -1) {
      member.place = this.members.length
      this.members.push(member)
      this.rise(member)
    } else {
      this.rise(member)
      this.sink(member)
    }
  }

  remove(member: A): void {
    const place = member.place
    const last = this.members.pop()!
    member.place = -1
    if (last === member) return
    this.set(last, place)
    this.rise(last)
    this.sink(last)
  }

  private set(member: A, place: number): void {
    this.members[place] = member
    member.place = place
  }

  private rise(member: A): void {
    let place = member.place
    while (place > 0) {
      const above = (place - 1) >> 1
      const other = this.members[above]!
      if (other.rank <= member.rank) break
      this.set(other, place)
      place = above
    }
    this.set(member, place)
  }

  private sink(member: A): void {
    const members = this.members
    let place = member.place
    for (;;) {
      let below = 2 * place + 1
      if (below >= members.length) break
      if (below + 1 < members.length && members[below + 1]!.rank < members[below]!.rank) below++
      const other = members[below]!
      if (other.rank >= member.rank) break
      this.set(other, place)
      place = below
    }
    this.set(member, place)
  }
}
