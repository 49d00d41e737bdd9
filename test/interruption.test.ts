/** The programs of the README end on Ctrl-C as it says: each runs in a process of its own, which is sent the signal. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"

const root = join(import.meta.dirname, "..")
const fences = Array.from(
  readFileSync(join(root, "README.md"), "utf8").matchAll(/^ *```ts no-run\n([\s\S]*?)^ *```$/gm)
)
const programWith = (text: string) => fences.map(([, code]) => code!).find((code) => code.includes(text))!

describe("a program of the README", () => {
  let folder = ""
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "interruption-"))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  /** Runs in the folder. It sends the signal to itself with its first line: from here, it would come at any time. */
  const run = async (program: string, signal?: "SIGINT" | "SIGTERM") => {
    const kill = `process.kill(process.pid, "${signal}")`
    const prelude = [
      // Imports are looked up from where the process begins.
      `process.chdir(${JSON.stringify(folder)})`,
      "const { log } = console",
      signal === undefined ? "" : `console.log = (line: string) => { console.log = log; log(line); ${kill} }`
    ]
    const flags = ["--input-type=module-typescript", "--conditions=parallel-batch-pipeline/source", "--eval"]
    const child = spawn(process.execPath, [...flags, [...prelude, program].join("\n")], { cwd: root })
    const [lines, errors] = [child.stdout, child.stderr].map((stream) => text(stream))
    const [exitCode] = await once(child, "close")
    assert.strictEqual(await errors, "")
    return { exitCode, lines: (await lines)!.trimEnd().split("\n") }
  }

  it("saves its report when it is interrupted, and goes on when it is started again", { timeout: 60_000 }, async () => {
    const program = programWith("NodeRuntime.runMain")

    assert.deepStrictEqual(await run(program, "SIGINT"), { exitCode: 130, lines: ["call 1"] })
    assert.deepStrictEqual(await run(program, "SIGTERM"), { exitCode: 130, lines: ["call 2"] })
    const { exitCode, lines } = await run(program)

    assert.deepStrictEqual([exitCode, lines], [0, ["call 3", "call 4", "4 of 4, 2 reused"]])
  })

  it("of classes ends with its report", { timeout: 60_000 }, async () => {
    const program = programWith('process.once("SIGINT"')

    assert.deepStrictEqual(await run(program, "SIGINT"), {
      exitCode: 130,
      lines: ["call 1", "1 of 4, 2 not started"]
    })
  })
})
