/** What a body is made of. */
export type Json = null | boolean | number | string | Json[] | { [k: string]: Json };

/** What the client asks of the world: the requests of docs/API.md; bytes are base64url. Everything in a body is public, sealed or signed.
 *  Your own backend wraps or forwards. Throw a WardkeyError ("network", "throttled", "server"); any other Error becomes "server". */
export interface Backend {
  request(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body?: Json,
    options?: {
      signal?: AbortSignal;
      idempotencyKey?: string;
      /** Who asks. */
      userId?: string;
      /** Needs no token. */
      public?: boolean;
    },
  ): Promise<Json>;
  /** Push. Returns what stops it. */
  events?(userId: string, onEvent: (e: Json) => void): () => void;
  /** The application's half of the two-man rule. get() is given the key server's signed receipt for a right code; the application checks it. */
  appShare?: {
    put(userId: string, share: string): Promise<void>;
    get(userId: string, receipt: string): Promise<string>;
  };
}
