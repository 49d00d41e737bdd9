/**
 * The hashes by which the page knows its own script and style. A test says what
 * they have to be.
 */

export const scriptHash = "sha256-lrEkru6/LCn86ZnOA6YtvAkm2+FIhZBWWRe4wMVsvzE="

export const styleHash = "sha256-aPoa42WWaSUNIuB6ZXkzBTNSlONY6s4SieLEL9+pWj4="
