// In the page: the tests call what stands in the kit.
globalThis.kit = await import("./kit.mjs");
