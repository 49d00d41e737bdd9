// Runs every program in examples/ one after another, without a terminal, and stops at the first that fails.
import { spawnSync } from "node:child_process"
import { globSync } from "node:fs"

for (const example of globSync("examples/*.ts", { exclude: ["**/*.test.ts"] }).sort()) {
  console.log(`\n> ${example}`)
  const { status } = spawnSync(process.execPath, ["--conditions=parallel-batch-pipeline/source", example], {
    stdio: ["ignore", "inherit", "inherit"]
  })
  if (status !== 0) process.exit(status ?? 1)
}
