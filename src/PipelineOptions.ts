/**
 * The options of `Pipeline.run`, and what it answers. Read these as
 * `Pipeline.RunOptions` and so on.
 *
 * @since 0.1.0
 */
import type * as Ref from "effect/Ref"

/**
 * The options of `run`.
 *
 * @category options
 * @since 0.1.0
 */
export type RunOptions<P, S> = {
  readonly params: P
  /** How many handlers the item may pass through. Defaults to 1,000,000. */
  readonly maxSteps?: number | undefined
} & SharedOption<S>

/**
 * The option `shared`: a value or a `Ref` of it; optional where no handler uses it.
 *
 * @category options
 * @since 0.1.0
 */
export type SharedOption<S> = unknown extends S
  ? { readonly shared?: S | Ref.Ref<S> | undefined }
  : { readonly shared: S | Ref.Ref<S> }

/**
 * What `run` answers.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunResult<out Action extends string, out Output, out Shared> {
  readonly action: Action
  readonly output: Output
  readonly shared: Shared
}
