// What the recipes of docs/guide/react.md and vue.md take from the application: a key server, and what the application's own server stores.
import { Wardkey } from "wardkey";
import { memoryBackend } from "wardkey/testing";

export const backend = memoryBackend();
const enter = async (userId) => {
  const wardkey = await Wardkey.open({ appId: "transfers.example", backend, userId, identityStore: "memory" });
  await wardkey.register({ userId, password: `${userId}, three blue herons at dawn` });
  return wardkey;
};

const [ada, grace] = [await enter("ada"), await enter("grace")];
const fresh = await grace.createSession({ recipients: [{ user: "ada" }] });
const others = await grace.createSession({ recipients: [] });
const write = async (id, session) => ({
  id,
  sealed: await session.encrypt(`patient ${id}`, { context: { record: id } }),
});
export const rows = [await write("1", fresh), await write("2", fresh), await write("3", others)];
await ada.close();

/** For the test: Grace takes the right away. */
globalThis.revoke = () => fresh.revokeRecipients([{ user: "ada" }]);
