// The servers' own databases, as whoever runs a server can change them.
import { join } from "node:path";
import { run } from "../../scripts/run.mjs";
import { python } from "../../scripts/tools.mjs";

const SCRIPT = `
import json, sqlite3, sys
file, statement, values = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
database = sqlite3.connect(file, timeout=30)
with database:
    print(json.dumps(database.execute(statement, values).fetchall()))
`;

function ask(file, statement, values) {
  return JSON.parse(run(python(), ["-c", SCRIPT, file, statement, JSON.stringify(values)], { quiet: true }));
}

/** One statement in the application's database; gives the rows. */
export function inApplication(site, statement, ...values) {
  return ask(join(site.folder, "demo/app/demo.db"), statement, values);
}

/** In how many sessions at the key server this group has a part. */
export function sessionsOf(site, groupId) {
  const id = Buffer.from(groupId, "base64url").toString("hex");
  const has = (table, column) => `(SELECT count(*) FROM ${table} WHERE instr(${column}, X'${id}') > 0)`;
  const statement = `SELECT ${has("packed", "pieces")} + ${has("piece", "party")} + ${has("session_state", "state")}`;
  return ask(join(site.folder, "demo/keys/transfers.example/wardkey.db"), statement, [])[0][0];
}

/** Which group is a facility's, as the application's server says it. */
export const groupOf = (site, facility) =>
  inApplication(site, "SELECT group_id FROM facility WHERE id = ?", facility)[0][0];
const name = (site, facility, groupId) =>
  inApplication(site, "UPDATE facility SET group_id = ? WHERE id = ?", groupId, facility);

/** Does something while the application's server says this of a facility. */
export async function whileNamed(site, facility, groupId, work) {
  const before = groupOf(site, facility);
  name(site, facility, groupId);
  try {
    await work();
  } finally {
    name(site, facility, before);
  }
}

/** Does something to the address books; they are as before then. */
export async function withOtherBooks(site, work) {
  inApplication(site, "CREATE TABLE kept AS SELECT * FROM address_book");
  try {
    await work();
  } finally {
    inApplication(site, "DELETE FROM address_book");
    inApplication(site, "INSERT INTO address_book SELECT * FROM kept");
    inApplication(site, "DROP TABLE kept");
  }
}
