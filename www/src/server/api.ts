import { ask, read, send } from "./request";
import type {
  Config,
  Facility,
  FilePlace,
  FileState,
  Held,
  Mail,
  Me,
  SealedEntry,
  SealedMessage,
  StaffMember,
  Transfer,
  TransferState,
} from "./types";

// One function for each request of the application's API.

const part = encodeURIComponent;

export const config = () => ask<Config>("GET", "/api/config");
export const me = () => ask<Me>("GET", "/api/me");
export const login = (body: { userId: string; loginSecret: string }) => ask<Me>("POST", "/api/login", body);
export const logout = (signal: AbortSignal) => ask<unknown>("POST", "/api/logout", undefined, { signal });
export const register = (body: {
  userId: string;
  name: string;
  facilityId: string;
  loginSecret: string;
  invitation: string;
}) => ask<Me>("POST", "/api/register", body);
/** How long it lives is told by the server's clock alone: a workstation's may be wrong. */
export const token = async () => {
  const response = await send("POST", "/api/token");
  const { token, expiresAt } = await read<{ token: string; expiresAt: string }>(response);
  return { token, lifeMs: Date.parse(expiresAt) - Date.parse(response.headers.get("date") ?? "") };
};
/** Who hasn't just recovered proves that she knows the present one. */
export const storeLoginSecret = (body: { userId: string; loginSecret: string; presentSecret?: string }) =>
  ask<unknown>("PUT", "/api/login-secret", body);
export const putShare = (userId: string, share: string) => ask<unknown>("PUT", "/api/share", { userId, share });
export const getShare = (userId: string, receipt: string) =>
  ask<{ share: string }>("POST", "/api/share", { userId, receipt });

export const facilities = () => ask<Facility[]>("GET", "/api/facilities");
export const nameGroup = (facilityId: string, groupId: string) =>
  ask<unknown>("POST", `/api/facilities/${part(facilityId)}/group`, { groupId });
/** Of the own facility, oldest first, from this one on. */
export const addressBook = (from: number) =>
  ask<{ entries: SealedEntry[]; more: boolean }>("GET", `/api/address-book?from=${from}`);
export const addToAddressBook = (entry: number, sealed: string) =>
  ask<unknown>("POST", "/api/address-book", { entry, sealed });
export const staff = () => ask<StaffMember[]>("GET", "/api/staff");
export const invite = (body: { userId: string; name: string; admin: boolean }) =>
  ask<{ invitation: string }>("POST", "/api/staff", body);
export const setAdmin = (userId: string, admin: boolean) =>
  ask<unknown>("PUT", `/api/staff/${part(userId)}`, { admin });
export const removeStaff = (userId: string) => ask<unknown>("DELETE", `/api/staff/${part(userId)}`);

/** Those that changed last come first. `next`: older ones are `before` it; `cursor`: what changes from now on is `after` it. */
export const transfers = (where: { before?: string; after?: string } = {}) =>
  ask<{ transfers: Transfer[]; next: string | null; cursor: string }>(
    "GET",
    `/api/transfers?${new URLSearchParams(where)}`,
  );
export const transfer = (id: string) => ask<Transfer>("GET", `/api/transfers/${part(id)}`);
export const createTransfer = (body: { id: string; sessionId: string; to: string; sealed: string; files: string[] }) =>
  ask<unknown>("POST", "/api/transfers", body);
export const setState = (id: string, body: { id: string; state: TransferState; sealed: string }) =>
  ask<unknown>("POST", `/api/transfers/${part(id)}/state`, body);
/** Oldest first, those after the one named. */
export const messages = (id: string, after?: string) =>
  ask<{ messages: SealedMessage[]; more: boolean }>(
    "GET",
    `/api/transfers/${part(id)}/messages${after === undefined ? "" : `?after=${part(after)}`}`,
  );
export const addMessage = (id: string, body: { id: string; sealed: string }) =>
  ask<unknown>("POST", `/api/transfers/${part(id)}/messages`, body);

export const beginFile = (size: number, signal?: AbortSignal) =>
  ask<FilePlace>("POST", "/api/files", { size }, { signal });
export const putPart = (fileId: string, at: number, bytes: BodyInit, signal?: AbortSignal) =>
  send("PUT", `/api/files/${part(fileId)}/parts/${at}`, bytes, {
    signal,
    headers: { "content-type": "application/octet-stream" },
  });
export const fileState = (fileId: string, signal?: AbortSignal) =>
  ask<FileState>("GET", `/api/files/${part(fileId)}`, undefined, { signal });
export const completeFile = (fileId: string) => ask<unknown>("POST", `/api/files/${part(fileId)}/complete`);
export const dropFile = (fileId: string) => ask<unknown>("DELETE", `/api/files/${part(fileId)}`);
export const fileContent = (fileId: string, options: { range?: string; signal?: AbortSignal | undefined } = {}) =>
  send("GET", `/api/files/${part(fileId)}/content`, undefined, {
    signal: options.signal,
    ...(options.range === undefined ? {} : { headers: { range: options.range } }),
  });

export const held = (transferId: string) => ask<Held>("GET", `/api/dev/held/${part(transferId)}`);
export const mail = () => ask<Mail[]>("GET", "/api/dev/mail");
