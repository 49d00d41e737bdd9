/**
 * The hashes by which the page knows its own script and style. A test says what
 * they have to be.
 */

export const scriptHash = "sha256-4Yglq8p+aqlMZdhFN3iBJb/dgfUQ3GRI3ygw777pRvE="

export const styleHash = "sha256-CSTU5BujehmOCZQNE5p4mpF7yHKgIzZQPyqCjedLzCY="
