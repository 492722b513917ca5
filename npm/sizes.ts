// How long chunks are: docs/SPEC.md, section 3.
export type Direction = "encrypt" | "decrypt";

const CHUNK = 16_384;
const TAG = 16;
/** Bytes of a whole chunk as it goes in and as it comes out. */
export const SIZES = {
  encrypt: { input: CHUNK, output: CHUNK + TAG },
  decrypt: { input: CHUNK + TAG, output: CHUNK },
} as const;
