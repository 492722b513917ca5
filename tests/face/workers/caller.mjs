// An application that is itself in a module worker.
import * as pkg from "../../pkg/index.js";
import { workerKind } from "../../pkg/workers.js";
import { FAST, PASSWORD, USER } from "../suite/tools.mjs";

const pair = await pkg.KeyPair.generate();
const backup = await pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: FAST });
const restored = await pkg.openBackup(backup, PASSWORD, { userId: USER });
postMessage([workerKind(), restored.publicKey.fingerprint === pair.publicKey.fingerprint]);
