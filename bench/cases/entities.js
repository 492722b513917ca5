// Entities: opening many whose exchange keys are here, and sharing one on.
import { measured, register, timedBackend } from "../page/clients.js";
import { median, settings } from "../page/measure.js";

const MANIFEST = ["name", "address", "notes[].text"];

/** About 1 KB of JSON, most of it to be sealed. */
const patient = (id) => ({
  id,
  name: "Ada Vertes",
  born: 1984,
  address: { street: "Hohe Gasse 4", city: "Graz", country: "AT" },
  notes: Array.from({ length: 8 }, (_, n) => ({ at: n, text: `note ${n}: ${"was seen and sent home. ".repeat(4)}` })),
});

const rounds = () => Array.from({ length: settings.quick ? 1 : 5 });

/** decryptMany of 10,000 with warm exchange keys, of children of parents shared by 20; and share with one more party. */
export async function entities() {
  const count = settings.quick ? 500 : 10_000;
  const { backend, asked } = timedBackend();
  const reader = await register(backend, "reader");
  const next = await register(backend, "next");
  const all = [];
  for (let user = 0; user < 20; user += 1) {
    const author = await register(backend, `user-${user}`);
    for (let n = 0; n < count / 20; n += 1) {
      all.push(await author.entities.encrypt("Patient", patient(`${user}-${n}`), MANIFEST, { shareWith: ["reader"] }));
    }
    await author.close();
  }
  const read = () =>
    measured(asked, async () => {
      for (const { ok, error } of await reader.entities.decryptMany(all)) if (!ok) throw error;
    });
  const cold = await read();
  const warm = [];
  for (const _ of rounds()) warm.push(await read());
  const [one] = all;
  const shared = await reader.entities.share(one, ["next"]);
  const times = [];
  for (let n = 0; n < (settings.quick ? 20 : 500); n += 1) {
    const start = performance.now();
    await reader.entities.share(all[n], ["next"]);
    times.push(performance.now() - start);
  }
  await reader.close();
  await next.close();
  return {
    count,
    bytes: JSON.stringify(patient("0-0")).length,
    each: (median(warm.map(({ ms }) => ms)) * 1000) / count,
    longest: Math.max(...warm.map(({ longest }) => longest)),
    requests: cold.requests,
    share: median(times),
    grows: JSON.stringify(shared).length - JSON.stringify(one).length,
  };
}
