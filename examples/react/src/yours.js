// In the place of your servers: a key server in the page, and what your own server stores. Grace has written two records for Ada, and one that isn't for her.
// To try: log in with "ada, three blue herons at dawn", and type revoke() in the console.
import { Wardkey } from "wardkey";
import { memoryBackend } from "wardkey/testing";

export const backend = memoryBackend();

async function enter(userId) {
  const wardkey = await Wardkey.open({ appId: "transfers.example", backend, userId, identityStore: "memory" });
  await wardkey.register({ userId, password: `${userId}, three blue herons at dawn` });
  return wardkey;
}
const [ada, grace] = [await enter("ada"), await enter("grace")];
await ada.close();

const shared = await grace.createSession({ recipients: [{ user: "ada" }] });
const own = await grace.createSession({ recipients: [] });

async function write(id, session) {
  return { id, sealed: await session.encrypt(`patient ${id}`, { context: { record: id } }) };
}
export const rows = [await write("1", shared), await write("2", shared), await write("3", own)];

/** Grace takes the right away. */
globalThis.revoke = () => shared.revokeRecipients([{ user: "ada" }]);
