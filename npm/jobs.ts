// What may run in a worker: bytes in, bytes out, by the WebAssembly module alone. The same table serves the worker and the calling thread.
import type * as glue from "./core/wardkey_core.js";

/** What of the glue the jobs use: a worker carries no more of it. */
export type Core = Pick<
  typeof glue,
  "deriveSlow" | "finishMany" | "rsaCheck" | "rsaGenerate" | "rsaUnwrap" | "workChunks"
>;

/** Each job and what it is given. */
export interface Jobs {
  derive: [derivation: Uint8Array, password: Uint8Array];
  rsaGenerate: [suite: string];
  /** Gives nothing. */
  rsaCheck: [pkcs8: Uint8Array];
  rsaUnwrap: [pkcs8: Uint8Array, label: Uint8Array, body: Uint8Array];
  /** Some chunks of one message, under the key of that message alone; their hashes follow where they are wanted. */
  chunks: [aes: Uint8Array, sealing: boolean, first: number, input: Uint8Array, hashed: boolean];
  /** Short messages that were begun, each under its own key. */
  finishMany: [begun: Uint8Array];
}
export type Job = keyof Jobs;

const JOBS: { [J in Job]: (core: Core, ...given: Jobs[J]) => Uint8Array } = {
  derive: (core, ...given) => core.deriveSlow(...given),
  rsaGenerate: (core, ...given) => core.rsaGenerate(...given),
  rsaCheck: (core, ...given) => core.rsaCheck(...given),
  rsaUnwrap: (core, ...given) => core.rsaUnwrap(...given),
  chunks: (core, ...given) => core.workChunks(...given),
  finishMany: (core, ...given) => core.finishMany(...given),
};

/** Does a job, and wipes what it was given. */
export function perform<J extends Job>(core: Core, job: J, given: Jobs[J]): Uint8Array {
  try {
    return JOBS[job](core, ...given);
  } finally {
    wipe(given);
  }
}

/** Whatever of these values is still here. */
export function wipe(values: readonly unknown[]): void {
  for (const value of values) if (value instanceof Uint8Array && value.length > 0) value.fill(0);
}

/** The buffers among these values, which move to the other side instead of being copied. */
export function buffers(values: readonly unknown[]): Transferable[] {
  return values.filter((value) => value instanceof Uint8Array).map((value) => value.buffer as ArrayBuffer);
}

/** The page's first message; a port for all that follows comes with it. */
export interface Start {
  wardkey: 1;
  module: WebAssembly.Module;
}
/** On the port: a job. */
export interface Request {
  id: number;
  job: Job;
  given: Jobs[Job];
}
/** On the port: that the worker is ready, once, and then how each job ended. */
export type Reply = { ready: true } | { id: number; ok: Uint8Array } | { id: number; error: Failure };
/** How an error crosses. */
export interface Failure {
  code: string;
  message: string;
}
