/**
 * Which files a folder holds.
 */
import { Effect, FileSystem, Path } from "effect"

/** Lists the files below a folder that match a pattern, relative to the folder, in order. Fails where there is no folder. */
export const listFiles = Effect.fn("listFiles")(function* (folder: string, pattern: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  // What cannot be read, like a link that leads nowhere, stays in the list: whoever reads it says what is wrong with it.
  const isFile = (file: string) =>
    fs
      .access(file, { readable: true })
      .pipe(
        Effect.andThen(fs.stat(file)),
        Effect.match({ onSuccess: ({ type }) => type === "File", onFailure: () => true })
      )

  // `glob` finds nothing where there is no folder; this says so.
  yield* fs.readDirectory(folder)
  const entries = yield* fs.glob(pattern, { root: folder, dot: true })
  return yield* Effect.filter(entries, (entry) => isFile(path.join(folder, entry)), { concurrency: 16 })
})
