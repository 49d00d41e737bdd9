export const bundles = {
  "parallel-batch-pipeline": { alone: 1, withEffect: 1 },
  "parallel-batch-pipeline/effect": { alone: 1, withEffect: 1 }
}
export const notLoaded = { "parallel-batch-pipeline": /^(?:Schema|Stream|http\/|internal\/(?:schema|stream))/ }
