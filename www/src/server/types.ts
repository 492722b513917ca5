// What the application's server says, as www/README.md has it.

export interface Facility {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly city: string;
  /** Null: nobody there has made the facility's group yet; what is sent waits in escrow. */
  readonly groupId: string | null;
  readonly contact: string | null;
}

export interface Person {
  readonly userId: string;
  readonly name: string;
  readonly facilityId: string;
  readonly role?: string;
  /** Of seeded staff in development, until they change it: a click logs in. */
  readonly demoPassword?: string;
}

export interface Config {
  readonly appId: string;
  readonly keyServer: string;
  /** Fingerprint of the key server's identity. */
  readonly escrowKey: string;
  /** Mail addresses are for who has logged in. */
  readonly facilities: readonly Omit<Facility, "contact">[];
  /** Everybody, to who has logged in; else those whom a click logs in. */
  readonly people: readonly Person[];
  readonly development: boolean;
}

export interface Me {
  readonly userId: string;
  readonly name: string;
  readonly facilityId: string;
  readonly admin: boolean;
}

export type TransferState = "sent" | "accepted" | "declined" | "withdrawn";

export interface Transfer {
  readonly id: string;
  readonly sessionId: string;
  readonly from: string;
  readonly to: string;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly changedAt: string;
  readonly state: TransferState;
  /** base64url */
  readonly sealed: string;
}

export interface SealedMessage {
  readonly id: string;
  readonly transferId: string;
  readonly by: string;
  readonly at: string;
  /** base64url */
  readonly sealed: string;
}

/** Of the facility's own address book. */
export interface SealedEntry {
  /** From 0. */
  readonly entry: number;
  readonly by: string;
  readonly at: string;
  /** base64url */
  readonly sealed: string;
}

export interface StaffMember {
  readonly userId: string;
  readonly name: string;
  readonly admin: boolean;
  /** Whether the person has registered with the invitation. */
  readonly joined: boolean;
}

export interface FilePlace {
  readonly fileId: string;
  readonly partSize: number;
  readonly parts: number;
}

export interface FileState {
  /** Of the ciphertext. */
  readonly size: number;
  readonly partSize: number;
  readonly have: readonly number[];
  readonly complete: boolean;
}

export interface ServerEvent {
  readonly type: "transfer" | "message" | "staff" | "facility" | "address-book" | "hello" | "closed";
  readonly id?: string;
}

export type Row = Readonly<Record<string, unknown>>;
export type Tables = Readonly<Record<string, readonly Row[]>>;

export interface Held {
  readonly application: Tables;
  readonly keyServer: Tables;
}

export interface Mail {
  readonly to: string;
  readonly at: string;
  readonly subject: string;
  readonly text: string;
  readonly code?: string;
}
