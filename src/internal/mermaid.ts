/**
 * Draws a pipeline as a Mermaid flowchart.
 */
import { isPipelineDefinition, type PipelineDefinition } from "./definition.ts"

/** Mermaid reads labels as Markdown with HTML entities. */
const label = (text: string): string => `"${text.replaceAll(/["<>&#`|\n\r]/g, (char) => `#${char.codePointAt(0)};`)}"`

export const draw = (pipeline: PipelineDefinition): string => {
  const keys = Object.keys(pipeline.handlers)
  const nodes = keys.map((key, id) => {
    const text = label(key)
    if (key === pipeline.start) return `  ${id}([${text}])`
    return isPipelineDefinition(pipeline.handlers[key]!) ? `  ${id}[[${text}]]` : `  ${id}[${text}]`
  })
  const edges = Object.entries(pipeline.routes).flatMap(([from, routes]) =>
    Object.entries(routes).map(([action, to]) => `  ${keys.indexOf(from)} -->|${label(action)}| ${keys.indexOf(to)}`)
  )
  return ["flowchart TD", ...nodes, ...edges].join("\n")
}
