/** Written by scripts/build.mjs. */
export const packed: string;
