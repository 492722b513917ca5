// A login that somebody gave up here and that the server doesn't know to be over, for the line was cut. The cookie that logs in is no page's to delete: until the server has
// ended that login, a mark beside it says that nobody is to be logged in by it. It stands among the cookies so that what deletes one deletes the other.
import * as api from "../server/api";
import { exclusively } from "./lock";

const MARK = "wardkey-demo-signed-out";
/** As long as a login lives at most. */
const LIFE_S = 12 * 60 * 60;
/** A line on which nothing comes or goes. */
const PATIENCE_MS = 10_000;
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

const setMark = (value: string, seconds: number) => {
  // biome-ignore lint/suspicious/noDocumentCookie: there is no other way without a secure context
  document.cookie = `${MARK}=${value}; Path=/; SameSite=Strict; Max-Age=${seconds}`;
};

export const isLogoutPending = (): boolean => document.cookie.split("; ").includes(`${MARK}=1`);

export const markLogout = (): void => setMark("1", LIFE_S);

/** Ends it at the server. Gives whether there is nothing left to end. */
export async function endLogin(): Promise<boolean> {
  try {
    await exclusively(MARK, endMarked);
  } catch {
    return false;
  }
  return true;
}

/** What gives this browser a login, after the last one was ended: no answer to a logout comes in between and takes it away. */
export function newLogin<T>(login: () => Promise<T>): Promise<T> {
  return exclusively(MARK, async () => {
    await endMarked();
    return login();
  });
}

async function endMarked(): Promise<void> {
  if (!isLogoutPending()) return;
  await api.logout(AbortSignal.timeout(PATIENCE_MS));
  setMark("", 0);
}

/** Tries until the server was told, here or in another tab. */
export async function keepEnding(): Promise<void> {
  for (let pause = FIRST_PAUSE_MS; !(await endLogin()); pause = Math.min(LONGEST_PAUSE_MS, 2 * pause)) {
    await new Promise<void>((resolve) => {
      const again = () => {
        clearTimeout(timer);
        removeEventListener("online", again);
        resolve();
      };
      const timer = setTimeout(again, pause * (0.5 + Math.random() / 2));
      addEventListener("online", again);
    });
  }
}
