/** The worker's script, whole: written by scripts/build.mjs. */
export const script: string;
