/** What goes wrong in the page itself, beside the package's WardkeyError. The words for each code are in messages.ts. */
export type ProblemCode =
  | "file-kind"
  | "file-version"
  | "file-cut"
  | "file-content"
  | "no-room"
  | "record-format"
  | "file-too-large"
  | "wrong-key"
  | "changed-key"
  | "no-public-key"
  | "locked"
  | "superseded";

export class Problem extends Error {
  override readonly name = "Problem";
  /** `where` names a place in a file, never a value. */
  constructor(
    readonly code: ProblemCode,
    readonly where?: string,
  ) {
    super(code);
  }
}
