import type { Backend } from "wardkey";

/** What a piece of work cost. */
export interface Cost {
  readonly keyRequests: number;
  readonly milliseconds: number;
}

/** Counts what the client asks the key server for. */
export class Meter {
  #keyRequests = 0;

  /** The same backend, counted. */
  counted(backend: Backend): Backend {
    return {
      ...backend,
      request: (method, path, body, options) => {
        if (path.endsWith("/v1/keys")) this.#keyRequests += 1;
        return backend.request(method, path, body, options);
      },
    };
  }

  async measure<T>(work: () => Promise<T>): Promise<{ value: T; cost: Cost }> {
    const [requests, began] = [this.#keyRequests, performance.now()];
    const value = await work();
    return {
      value,
      cost: { keyRequests: this.#keyRequests - requests, milliseconds: Math.round(performance.now() - began) },
    };
  }
}
