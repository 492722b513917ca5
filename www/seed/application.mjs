// The application's server as a person's browser asks it: with a cookie, and with the package beside it.
const { httpBackend, Wardkey } = await import(new URL("../../pkg/index.js", import.meta.url));

/** What the application's server refused. */
export class Refused extends Error {
  constructor(what, status, { code, message }) {
    super(`${what}: ${status} ${code}: ${message}`);
    Object.assign(this, { status, code });
  }
}

/** The application at an address. */
export class Application {
  constructor(url) {
    // Node gives each of localhost's addresses a quarter of a second, which a derivation holds up.
    this.url = url.replace("//localhost:", "//127.0.0.1:");
  }

  /** As a browser: `cookies` go with a request, and what is set goes with the next one. */
  async fetch(url, init, cookies) {
    const headers = new Headers(init.headers);
    if (cookies.size > 0) headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const answer = await fetch(url, { ...init, headers });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      cookies.set(name, value);
    }
    return answer;
  }

  /** One request of the page; gives JSON, or throws what the server said. */
  async ask(method, path, body, cookies = new Map()) {
    const isRaw = ArrayBuffer.isView(body);
    const headers = { "x-requested-with": "wardkey-demo" };
    if (body !== undefined) headers["content-type"] = isRaw ? "application/octet-stream" : "application/json";
    const sent = isRaw || body === undefined ? body : JSON.stringify(body);
    const answer = await this.fetch(this.url + path, { method, headers, body: sent }, cookies);
    const json = await answer.json();
    if (!answer.ok) throw new Refused(`${method} ${path}`, answer.status, json);
    return json;
  }

  /** Registers somebody who was invited, here and at the key server. */
  register(config, { userId, name, facilityId, password }, invitation) {
    return this.#person(config, { userId, name, password }, async (person, loginSecret) => {
      await person.ask("POST", "/api/register", { userId, name, facilityId, loginSecret, invitation });
      const recoveryContact = { email: `${userId}@${facilityId}.example` };
      await person.wardkey.register({ userId, password, recoveryContact });
    });
  }

  /** Logs somebody in who is registered. */
  login(config, { userId, name, password }) {
    return this.#person(config, { userId, name, password }, async (person, loginSecret) => {
      await person.ask("POST", "/api/login", { userId, loginSecret });
      await person.wardkey.unlock({ userId, password });
    });
  }

  async #person(config, { userId, name, password }, begin) {
    const person = await Person.open(this, config, { userId, name });
    try {
      await begin(person, await person.wardkey.loginSecret({ userId, password }));
      return person;
    } catch (error) {
      await person.close();
      throw error;
    }
  }
}

/** Somebody with a device of her own. */
export class Person {
  cookies = new Map();
  #token;

  static async open(application, { appId, keyServer, escrowKey }, { userId, name }) {
    const person = new Person();
    Object.assign(person, { application, userId, name });
    const backend = httpBackend({
      url: keyServer,
      token: () => person.token(),
      appShare: { url: `${application.url}/api/share` },
      fetch: (url, init) =>
        String(url).startsWith(application.url) ? application.fetch(url, init, person.cookies) : fetch(url, init),
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
    return this.application.ask(method, path, body, this.cookies);
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
