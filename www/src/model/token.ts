import * as api from "../server/api";

const SPARE_MS = 30_000;

/** The token for the key server, kept until shortly before it ends. */
export class TokenKeeper {
  #userId: string | undefined;
  #token: Promise<{ token: string; lifeMs: number }> | undefined;
  #ends = 0;

  async get(userId: string): Promise<string> {
    if (this.#userId !== userId || Date.now() > this.#ends) this.forget();
    this.#userId = userId;
    if (!this.#token) {
      this.#ends = Number.POSITIVE_INFINITY;
      this.#token = api.token();
      this.#token.then(
        ({ lifeMs }) => {
          this.#ends = Date.now() + lifeMs - SPARE_MS;
        },
        () => this.forget(),
      );
    }
    return (await this.#token).token;
  }

  forget(): void {
    this.#token = undefined;
    this.#ends = 0;
  }
}
