import { defineConfig } from "vitest/config"

export default defineConfig({
  // Imports of "parallel-batch-pipeline" in tests and examples are answered by src/, not by dist/.
  ssr: { resolve: { conditions: ["parallel-batch-pipeline/source"] } },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    silent: "passed-only",
    // Many make a hundred thousand items; on a busy machine that takes longer than the 5 s there are by default.
    testTimeout: 30_000,
    typecheck: { enabled: true, include: ["test/**/*.test-d.ts"] }
  }
})
