// The application's server as a person's browser asks it: with a cookie, and with the package beside it.
const { httpBackend, Wardkey } = await import(new URL("../../pkg/index.js", import.meta.url));

/** The application at an address. */
export class Application {
  constructor(url) {
    this.url = url;
  }

  /** One request; gives JSON, or throws what the server said. */
  async ask(method, path, body, cookie) {
    const isRaw = ArrayBuffer.isView(body);
    const headers = { "x-requested-with": "wardkey-demo" };
    if (body !== undefined) headers["content-type"] = isRaw ? "application/octet-stream" : "application/json";
    if (cookie) headers.cookie = cookie;
    const answer = await fetch(this.url + path, {
      method,
      headers,
      body: isRaw || body === undefined ? body : JSON.stringify(body),
    });
    const json = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${json.code}: ${json.message}`);
    const set = answer.headers.getSetCookie().find((cookie) => cookie.startsWith("wardkey-demo="));
    return set ? Object.assign(json, { cookie: set.split(";")[0] }) : json;
  }

  /** Registers somebody who was invited, here and at the key server. */
  async register(config, { userId, name, facilityId, password }, invitation) {
    const person = await Person.open(this, config, { userId, name });
    const loginSecret = await person.wardkey.loginSecret({ userId, password });
    const registering = { userId, name, facilityId, loginSecret, invitation };
    person.cookie = (await this.ask("POST", "/api/register", registering)).cookie;
    await person.wardkey.register({ userId, password, recoveryContact: { email: `${userId}@${facilityId}.example` } });
    return person;
  }

  /** Logs somebody in who is registered. */
  async login(config, { userId, name, password }) {
    const person = await Person.open(this, config, { userId, name });
    const loginSecret = await person.wardkey.loginSecret({ userId, password });
    person.cookie = (await this.ask("POST", "/api/login", { userId, loginSecret })).cookie;
    await person.wardkey.unlock({ userId, password });
    return person;
  }
}

/** Somebody with a device of her own. */
export class Person {
  #token;

  static async open(application, { appId, keyServer, escrowKey }, { userId, name }) {
    const person = new Person();
    Object.assign(person, { application, userId, name });
    const backend = httpBackend({
      url: keyServer,
      token: () => person.token(),
      appShare: {
        put: async (userId, share) => void (await person.ask("PUT", "/api/share", { userId, share })),
        get: async (userId, receipt) => (await person.ask("POST", "/api/share", { userId, receipt })).share,
      },
    });
    person.wardkey = await Wardkey.open({
      appId,
      backend,
      userId,
      identityStore: "memory",
      resumeMs: 0,
      trust: { escrowKey },
    });
    return person;
  }

  ask(method, path, body) {
    return this.application.ask(method, path, body, this.cookie);
  }

  /** A minute before it ends there is another. */
  async token() {
    if (!this.#token || Date.parse(this.#token.expiresAt) - Date.now() < 60_000) {
      this.#token = await this.ask("POST", "/api/token");
    }
    return this.#token.token;
  }

  close() {
    return this.wardkey.close();
  }
}
