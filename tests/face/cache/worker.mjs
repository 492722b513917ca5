// In a module worker: one visit.
const kit = await import("./kit.mjs");
const cache = await kit.open();
const before = await kit.there(cache);
await cache.set([kit.b]);
postMessage([before, await kit.there(cache), await kit.stats(cache)]);
