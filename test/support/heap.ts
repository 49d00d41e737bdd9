/** Memory in tests. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Answers what reads how many MB of the heap are in use, once there is no garbage. */
export const collectGarbage = (): (() => number) => {
  setFlagsFromString("--expose-gc")
  const gc = runInNewContext("gc") as () => void
  return () => {
    gc()
    return process.memoryUsage().heapUsed / 1e6
  }
}
