/**
 * The hashes by which the page knows its own script and style. A test says what
 * they have to be.
 */

export const scriptHash = "sha256-hIYGDKaI76vL/eWnLPE6PzbnRWPg/SRWS0xTzvOw6aA="

export const styleHash = "sha256-ApwqJ0PWeFkvQOPnncamsD7LbZOIoI63s0dvyzp8I24="
