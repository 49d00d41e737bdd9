/**
 * The hashes by which the page knows its own script and style. A test says what
 * they have to be.
 */

export const scriptHash = "sha256-h9dcAMLb7MQBJMaWKiLEdHJsbAG0qvU0m/oEFq4eCsA="

export const styleHash = "sha256-DLSgAdQpCkWRqmfLYEkWTYrIVAtUdc0850iWl+/hnp8="
