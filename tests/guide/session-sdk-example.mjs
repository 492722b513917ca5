// What docs/guide/migrating.md moves: an application's rows as another SDK encrypted them, and as much of that SDK as opens them.
const algorithm = (iv) => ({ name: "AES-GCM", iv });
const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);

export const oldSdk = {
  /** Opens a message of one of its sessions, for who is logged in. */
  async decrypt({ iv, bytes, lost }) {
    if (lost) throw new Error("no right in this session");
    return new TextDecoder().decode(await crypto.subtle.decrypt(algorithm(iv), key, bytes));
  },
};

async function row(id, readers, text, lost = false) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const bytes = await crypto.subtle.encrypt(algorithm(iv), key, new TextEncoder().encode(text));
  return { id, readers, old: { iv, bytes, lost } };
}

export const rows = [
  await row("1", ["ada", "tomas"], "fracture of the left wrist"),
  await row("2", ["ada", "grace"], "hip replaced on Monday"),
  await row("3", ["ada"], "not hers any more", true),
];
