/**
 * The documented classes come in a later version; until then this entry is the same as `parallel-batch-pipeline/effect`.
 *
 * @since 0.1.0
 */
export * from "./effect.ts"
