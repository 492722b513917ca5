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
