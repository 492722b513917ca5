// Many people: in a session by themselves, and in groups.
import { measured, password, register, timedBackend } from "../page/clients.js";
import { median, settings } from "../page/measure.js";

const rounds = () => Array.from({ length: settings.quick ? 1 : 3 });

/** createSession for many users; for groups, small and larger; and taking one out of a group of all, and of half of them. */
export async function manyPeople() {
  const count = settings.quick ? 20 : 1000;
  const { backend, asked } = timedBackend();
  const author = await register(backend, "author");
  const users = [];
  for (let n = 0; n < count; n += 1) {
    const client = await register(backend, `user-${n}`);
    await client.close();
    users.push(`user-${n}`);
  }
  const create = (recipients) => measured(asked, async () => (await author.createSession({ recipients })).free());
  const everybody = users.map((user) => ({ user }));
  // Everybody is met once.
  const first = await create(everybody);
  const times = { tenth: [], all: [], small: [], large: [] };
  for (const _ of rounds()) {
    times.tenth.push((await create(everybody.slice(0, count / 10))).ms);
    times.all.push((await create(everybody)).ms);
  }

  const found = (members) => author.createGroup({ name: "ward", members });
  const pair = async (size) => [
    { group: (await found(users.slice(0, size))).id },
    { group: (await found(users.slice(0, size))).id },
  ];
  const [small, large] = [await pair(count / 100), await pair(count / 10)];
  for (let round = 0; round < 21; round += 1) {
    times.small.push((await create(small)).ms);
    times.large.push((await create(large)).ms);
  }

  const removals = { half: [], all: [] };
  for (const _ of rounds()) {
    for (const [name, size] of [
      ["half", count / 2],
      ["all", count],
    ]) {
      const group = await found(users.slice(0, size - 1));
      removals[name].push(await measured(asked, () => group.removeMembers([users[0]])));
    }
  }
  await author.close();
  const middle = (runs) => ({
    ms: median(runs.map(({ ms }) => ms)),
    server: median(runs.map(({ server }) => server)),
    longest: median(runs.map(({ longest }) => longest)),
  });
  return {
    users: { count, first: first.ms, tenth: median(times.tenth), all: median(times.all), longest: first.longest },
    groups: { size: count / 10, small: median(times.small), large: median(times.large) },
    removal: { count, half: middle(removals.half), all: middle(removals.all) },
  };
}

/** Opening 1,000 sessions of a group, cold, that were made in six epochs of it. */
export async function groupSessions() {
  const [count, epochs] = [settings.quick ? 48 : 1000, 6];
  const { backend, asked } = timedBackend();
  const [author, reader] = [await register(backend, "author"), await register(backend, "reader")];
  const group = await author.createGroup({ name: "ward", members: ["reader"] });
  const ids = [];
  for (let n = 0; n < count; n += 1) {
    if (n > 0 && n % Math.ceil(count / epochs) === 0) await group.rotate();
    const session = await author.createSession({ recipients: [{ group: group.id }] });
    ids.push(session.id);
    session.free();
  }
  if (group.epoch !== epochs - 1) throw new Error(`${group.epoch} epochs`);
  const runs = [];
  for (const _ of rounds()) {
    // A device that knows nothing.
    await reader.lock();
    await reader.unlock({ userId: "reader", password });
    await reader.cache.clear();
    runs.push(
      await measured(asked, async () => {
        for (const { ok, value, error } of await reader.openSessions(ids)) {
          if (!ok) throw error;
          value.free();
        }
      }),
    );
  }
  await author.close();
  await reader.close();
  const middle = (name) => median(runs.map((run) => run[name]));
  return {
    count,
    epochs,
    ms: middle("ms"),
    requests: Math.max(...runs.map(({ requests }) => requests)),
    longest: middle("longest"),
  };
}

/** Reading a group's log of 1,000 operations, of half as many, and what came after. */
export async function groupLog() {
  const count = settings.quick ? 20 : 1000;
  const { backend, asked } = timedBackend();
  const [author, reader] = [await register(backend, "author"), await register(backend, "reader")];
  const operate = async (group, from, to) => {
    for (let n = from; n < to; n += 1)
      await group.setAdmins(n % 2 === 0 ? { add: ["reader"] } : { remove: ["reader"] });
  };
  const group = await author.createGroup({ name: "ward", members: ["reader"] });
  const half = await author.createGroup({ name: "half a ward", members: ["reader"] });
  await operate(group, 0, count);
  await operate(half, 0, count / 2);
  const times = { all: [], half: [], next: [] };
  let longest = 0;
  for (const [round] of rounds().entries()) {
    for (const [name, { id }] of Object.entries({ half, all: group })) {
      await reader.lock();
      await reader.unlock({ userId: "reader", password });
      await reader.cache.clear();
      const read = await measured(asked, () => reader.group(id));
      times[name].push(read.ms);
      longest = Math.max(longest, read.longest);
    }
    await operate(group, count + round, count + round + 1);
    times.next.push((await measured(asked, () => reader.group(group.id))).ms);
  }
  await author.close();
  await reader.close();
  return { count, all: median(times.all), half: median(times.half), next: median(times.next), longest };
}
