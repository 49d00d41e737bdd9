/**
 * What identifies a pipeline in a report. Read this as `Report.Stamp`.
 *
 * @since 0.1.0
 */

/**
 * Which pipeline a report is of: its name, its version, its steps and its routes.
 *
 * **Details**
 *
 * A pipeline inside of a pipeline is flattened: its steps are named `outer/inner`,
 * and its version is part of the version. What a handler does is not seen: give
 * the pipeline a `version`, and change it when earlier results are worth nothing
 * any more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stamp {
  readonly name: string
  readonly version: string | undefined
  /** The step that an item begins with. */
  readonly start: string
  readonly steps: ReadonlyArray<string>
  /** From a step and one of its actions to the next step. */
  readonly routes: { readonly [step: string]: { readonly [action: string]: string } }
}
