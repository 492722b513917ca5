import assert from "node:assert/strict";
import { describe } from "node:test";
import { onPage, PASSWORD, RECORD, RECORD_SHOWN } from "./harness.mjs";

describe("passwords", () => {
  onPage("a wrong password is a clear error, and changes nothing", async (visit) => {
    const { ward, clinic } = visit;
    await ward.write(RECORD);
    await ward.send();
    await visit.backUpBoth();
    await visit.wipe();
    await clinic.tryPassword(`${PASSWORD} `);
    assert.match(await clinic.error("wrong-password"), /not the password of this backup/);
    await clinic.badge("Locked").waitFor();
    assert.equal(await clinic.field("Password").inputValue(), "");
    assert.ok(await clinic.field("Password").evaluate((input) => input === document.activeElement));
    await clinic.tryPassword("a\u0007b");
    await clinic.error("password-format");
    await clinic.unlock();
    await clinic.open();
    assert.deepEqual(await clinic.readRecord(), RECORD_SHOWN);
  });

  onPage("a new password is asked for twice and must not be short", async ({ ward, server }) => {
    await ward.region.getByText("Back up the private key").click();
    await ward.field("Password").fill("short");
    await ward.button("Seal and back up").click();
    await ward.region.getByText("Please use at least 10 characters.").waitFor();
    await ward.field("Password").fill(PASSWORD);
    await ward.field("Repeat the password").fill(`${PASSWORD}!`);
    await ward.button("Seal and back up").click();
    await ward.region.getByText("The two passwords differ.").waitFor();
    assert.equal(await server.getByText("Sealed private key").count(), 0);
  });

  onPage("backing up again replaces the password", async (visit) => {
    await visit.backUpBoth();
    await visit.ward.backUp("an entirely different one");
    await visit.wipe();
    await visit.ward.tryPassword(PASSWORD);
    await visit.ward.error("wrong-password");
    await visit.ward.unlock("an entirely different one");
  });
});
