// Clients of the package against a real key server, each a person with a device of her own.

const pkg = new URL("../../pkg/", import.meta.url);
export const { httpBackend, KeyPair, Wardkey } = await import(new URL("index.js", pkg));

/** Cheap enough for many people; the bounds allow it. */
export const KDF = { name: "pbkdf2-sha256", iterations: 600_000 };
export const PASSWORD = "three blue herons at dawn";

/** The application's half of the two-man rule, without its checks: those are tests of their own. */
export class Shares {
  #shares = new Map();
  put = async (userId, share) => void this.#shares.set(userId, share);
  get = async (userId) => this.#shares.get(userId);
}

/** A person's client, open. */
export async function person(
  server,
  app,
  userId,
  { shares = new Shares(), fetch, cache, url = server.url, kdf = KDF } = {},
) {
  const backend = httpBackend({
    url,
    token: () => app.token(userId),
    appShare: { put: shares.put, get: shares.get },
    fetch,
  });
  const wardkey = await Wardkey.open({
    appId: app.id,
    backend,
    userId,
    kdf,
    cache,
    identityStore: "memory",
    resumeMs: 0,
  });
  return { wardkey, backend, userId };
}

/** The same, registered. */
export async function registered(server, app, userId, options = {}) {
  const one = await person(server, app, userId, options);
  const { email } = options;
  await one.wardkey.register({ userId, password: PASSWORD, ...(email ? { recoveryContact: { email } } : {}) });
  return one;
}

export { mails, read } from "./mails.mjs";
