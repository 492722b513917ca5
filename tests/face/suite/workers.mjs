// Where slow work runs, and that it ends whatever happens to the worker.
import { allFail, equal, FAST, fails, ok, outcome, PASSWORD, pattern, USER } from "./tools.mjs";

const SLOW = { name: "argon2id" };

/** Runs with the application's choice of workers, and leaves the package's own behind; gives what was made. */
async function withWorkers(pkg, make, work) {
  const made = [];
  const note = () => {
    made.push(make());
    return made.at(-1);
  };
  pkg.setWorker(typeof make === "function" ? note : make);
  try {
    await work(made);
  } finally {
    // Another application's choice: what is the package's own is tried after it.
    pkg.setWorker(() => {
      throw new Error("the package's own");
    });
  }
  return made;
}

async function sealed(pkg, kdf) {
  const pair = await pkg.KeyPair.generate();
  const { fingerprint } = pair.publicKey;
  const backup = await pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf });
  const open = async (password = PASSWORD) => {
    const restored = await pkg.openBackup(backup, password, { userId: USER });
    equal(restored.publicKey.fingerprint, fingerprint, "the restored key");
    restored.free();
  };
  return { pair, open };
}

export default {
  "setWorker() takes a function or none": async (pkg) => {
    const nonsense = [undefined, null, "", "inline", "NONE", 0, true, {}, [], new String("none"), Symbol("x")];
    await allFail(
      pkg,
      nonsense.map((make, at) => [`make ${at}`, () => pkg.setWorker(make)]),
    );
  },

  "a worker is started where there is one": async (pkg, tools) => {
    const { workerKind } = await tools.internal("workers");
    const { open } = await sealed(pkg, FAST);
    await open();
    equal(workerKind(), tools.environment === "node" ? "inline" : "started", "kind");
  },

  "none: all is done here": async (pkg, tools) => {
    const { workerKind } = await tools.internal("workers");
    const { open } = await sealed(pkg, FAST);
    await withWorkers(pkg, "none", async () => {
      await open();
      equal(workerKind(), "inline", "kind");
      await fails(pkg, "wrong-password", () => open("another"), "another password");
    });
  },

  "errors cross as they are; what was given is gone": async (pkg, tools) => {
    const { run } = await tools.internal("workers");
    for (const make of [() => undefined, "none"]) {
      await withWorkers(pkg, make, async () => {
        const given = [pattern(60), pattern(20)];
        await fails(pkg, "invalid-format", () => run("derive", () => given), "a derivation");
        ok(
          given.every((bytes) => bytes.length === 0 || bytes.every((byte) => byte === 0)),
          "wiped, or moved",
        );
        // CBOR: [2, 599 999, 16 bytes]
        const weak = Uint8Array.of(0x83, 2, 0x1a, 0, 9, 0x27, 0xbf, 0x50, ...pattern(16));
        await allFail(pkg, [
          ["below the bounds", () => run("derive", () => [weak.slice(), pattern(8)]), "kdf-policy"],
          ["a private key", () => run("rsaUnwrap", () => [pattern(90), pattern(3), pattern(9)]), "invalid-format"],
          ["a suite", () => run("rsaGenerate", () => ["hybrid"])],
          ["an old suite", () => run("rsaGenerate", () => ["rsa-2048"]), "key-policy"],
        ]);
      });
    }
  },

  "many at once": async (pkg) => {
    const { open } = await sealed(pkg, FAST);
    const found = await Promise.all(
      Array.from({ length: 7 }, (_, at) => outcome(pkg, () => open(at % 3 === 1 ? "another" : PASSWORD))),
    );
    const expected = found.map((_, at) => (at % 3 === 1 ? "wrong-password" : "ok"));
    equal(found, expected, "each has its own result");
  },

  "the application's choice changes under way": async (pkg) => {
    const { open } = await sealed(pkg, FAST);
    const running = [open(), open(), open()];
    await withWorkers(pkg, "none", () => Promise.all([...running, open()]));
    await open();
  },

  "a function that makes no worker": async (pkg, tools) => {
    const { workerKind } = await tools.internal("workers");
    const { open } = await sealed(pkg, FAST);
    const makers = [
      () => undefined,
      () => null,
      () => ({}),
      () => Promise.resolve(),
      () => {
        throw new Error("mine");
      },
    ];
    for (const make of makers) {
      const own = tools.environment === "node" ? "inline" : "started";
      await withWorkers(pkg, make, async () => {
        await open();
        equal(workerKind(), own, String(make));
      });
    }
  },

  "the application's own worker": async (pkg, tools) => {
    if (tools.environment === "node") return;
    const { workerKind } = await tools.internal("workers");
    const { open } = await sealed(pkg, FAST);
    const make = () => new Worker(`${tools.url}pkg/worker.js`, { type: "module" });
    const made = await withWorkers(pkg, make, async (made) => {
      await open();
      await open();
      equal([made.length, workerKind()], [1, "started"], "one serves both");
    });
    equal(made.length, 1, "no more");
  },

  "workers that don't start, and one that says nothing": async (pkg, tools) => {
    if (tools.environment === "node") return;
    const { open } = await sealed(pkg, FAST);
    for (const script of ["broken", "silent", "no-such-file"]) {
      const made = await withWorkers(
        pkg,
        () => new Worker(`${tools.url}face/workers/${script}.js`, { type: "module" }),
        async () => {
          await open();
          await open();
        },
      );
      equal(made.length, 1, `${script} was tried once`);
    }
  },

  "a worker that falls over its job, and one that is terminated at work": async (pkg, tools) => {
    if (tools.environment === "node") return;
    const { open } = await sealed(pkg, SLOW);
    const falls = () => new Worker(`${tools.url}face/workers/falls.js`, { type: "module" });
    await withWorkers(pkg, falls, () => open());
    const make = () => new Worker(`${tools.url}pkg/worker.js`, { type: "module" });
    const start = performance.now();
    const made = await withWorkers(pkg, make, async (made) => {
      const running = [open(), open()];
      while (made.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 120));
      for (const worker of made) worker.terminate();
      await Promise.all(running);
      // One that was terminated while it had nothing to do.
      for (const worker of made) worker.terminate();
      await open();
    });
    ok(made.length >= 2, "others were started");
    // A worker that is waited for, though it is no more, takes a minute.
    ok(performance.now() - start < 50_000, "without a long wait");
  },

  "the caller is a module worker itself": async (_pkg, tools) => {
    if (tools.environment === "node") return;
    const worker = new Worker(`${tools.url}face/workers/caller.mjs`, { type: "module" });
    const found = await new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => resolve(message);
    });
    worker.terminate();
    equal(found, ["started", true], "in a worker of the worker");
  },
};
