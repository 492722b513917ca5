// The bare primitives in WebAssembly, from bench/aes-gcm.
export async function loadBare() {
  const { instance } = await WebAssembly.instantiate(await (await fetch("bare.wasm")).arrayBuffer());
  const { exports } = instance;
  const checked =
    (name) =>
    (...args) => {
      if (exports[name](...args) !== 0) throw new Error(`${name} failed`);
    };
  return {
    alloc: exports.alloc,
    seal: checked("seal"),
    open: checked("open"),
    argon2id: checked("argon2id"),
    pbkdf2: checked("pbkdf2"),
  };
}
