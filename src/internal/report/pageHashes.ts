/**
 * The hashes by which the page knows its own script and style. A test says what
 * they have to be.
 */

export const scriptHash = "sha256-dLJvy501fuoZvCyDd/sl9CrSh3FnviS+GlYsu6RjjRs="

export const styleHash = "sha256-aPoa42WWaSUNIuB6ZXkzBTNSlONY6s4SieLEL9+pWj4="
