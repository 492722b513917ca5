// In a module worker, where there is neither a window nor localStorage: it goes on with what a page unlocked, and locks all pages.
const { Wardkey } = await import("../../pkg/index.js");
const nobody = { request: () => Promise.reject(new Error("nobody is asked")) };
const kdf = { name: "argon2id", memoryKiB: 19_456, passes: 2 };
const user = await Wardkey.open({ appId: "transfers", backend: nobody, userId: "anna", kdf });
const { identityStore } = await user.storageHealth();
const first = user.status;
await user.lock();
postMessage({ first, identityStore, locked: user.status });
