// One message that is made or opened, whoever has its key: its chunks, and who signs them or is to be verified.

import type { Core } from "./chunks.js";
import type { CoreBody, CoreLeaf } from "./core/wardkey_core.js";
import { call, release } from "./core.js";
import type { Out } from "./types.js";

/** What comes of something that may have to be asked for. */
export type Soon<T> = T | Promise<T>;

/** A new message, for which nothing but its chunks is missing; the author's part comes last. */
export interface NewMessage {
  body: CoreBody;
  /** What stands at the very end, made of the leaf: the trailer. Only messages that have room for one. */
  sign?(leaf: Uint8Array): Soon<Uint8Array>;
  /** Gives up what sign() works with. */
  free?(): void;
}

/** A message whose beginning is read. */
export interface OpenMessage {
  body: CoreBody;
  /** Throws if another than the author has written it. */
  verify?(leaf: Uint8Array, trailer: Uint8Array): Soon<void>;
  /** Gives up what verify() works with. */
  free?(): void;
}

/** Reads the beginning of a message: `messageStart()` bytes, or all. */
export type Open = (beginning: Uint8Array) => Soon<OpenMessage>;

/** Where the chunks of a message stand. */
export interface Layout {
  /** Bytes before the first chunk. */
  start: number;
  /** Bytes after the last. */
  trailer: number;
  padded: boolean;
}

/** What the beginning of a message says of its layout. */
export function layoutOf(core: Core, beginning: Uint8Array): Layout {
  const [start = 0, trailer = 0, padded] = call(() => core.messageShape(beginning));
  return { start, trailer, padded: padded === 1 };
}

/** What an author signs of a message, made of its chunks' hashes in their order. */
export class Leaf {
  readonly #leaf: CoreLeaf;
  readonly #message: { free?(): void };

  /** @param start what stands before the first chunk
   *  @param message what is given up with it */
  constructor(core: Core, start: Uint8Array, message: { free?(): void }) {
    this.#leaf = call(() => new core.CoreLeaf(start));
    this.#message = message;
  }

  hashed(hashes: Uint8Array): void {
    call(() => this.#leaf.hashed(hashes));
  }

  finish(): Out {
    return call(() => this.#leaf.finish()) as Out;
  }

  free(): void {
    release(this.#leaf);
    this.#message.free?.();
  }
}
