import type { ComponentChildren } from "preact";
import { say } from "../language";
import type { Verdict } from "../model/address-book";
import type { Opened } from "../model/transfers";
import { useStation } from "../station";
import { Icon } from "../ui/icon";
import { useLoaded } from "../ui/use";

export interface Signed {
  /** What is said of it, in a sentence. */
  readonly text: string;
  readonly kind: "good" | "bad" | "open";
  /** The facility for which he signed, as its group shows. */
  readonly facilityId?: string;
}

/** Who signed this, and whether he is of one of these facilities. `by`: whom the server names, which counts for a warning only. Nothing while it is looked up. */
export function useSigned(opened: Opened<unknown>, by: string, facilityIds: readonly string[]): Signed | undefined {
  const station = useStation();
  const { book } = station;
  const author = opened.ok ? opened.author : undefined;
  const authority = opened.ok ? opened.authority : undefined;
  const about = [author?.userId, authority, book?.isRead, ...facilityIds].join(" ");
  const judged = useLoaded<{ about: string; verdict: Verdict }>(async () => {
    const verdict =
      author && book ? await book.judge(author, authority, facilityIds) : ({ kind: "unchecked" } as const);
    return { about, verdict };
  }, [about, book, book?.version]).value;
  // What was said of another one doesn't count, nor what was said before the address book was read.
  const verdict = judged?.about === about ? judged.verdict : undefined;
  const t = say().author;
  if (author === undefined) return { kind: "bad", text: t.unsigned };
  const { userId } = author;
  if (userId !== by) return { kind: "bad", text: t.other(userId) };
  if (verdict?.kind === "stranger") {
    return { kind: "bad", text: t.stranger(userId, facilityIds.map((id) => station.facilityName(id)).join(", ")) };
  }
  // Before the address book has been read, nothing is known against him.
  if (verdict === undefined || (verdict.kind === "unchecked" && book && !book.isRead && !book.problem))
    return undefined;
  if (verdict.kind === "unchecked") return { kind: "open", text: t.unchecked };
  const listed = station.listedName(userId);
  const named = station.personName(userId);
  const { facilityId } = verdict;
  if (listed !== undefined && listed !== named) return { kind: "open", text: t.renamed(listed), facilityId };
  if (verdict.kind === "former") return { kind: "good", text: t.former(station.facilityName(facilityId)), facilityId };
  return { kind: "good", text: t.verified, facilityId };
}

/** The name of who signed, with the user id, which is what a signature names; then what is to be said of it. */
export function AuthorLine({ userId, signed }: { userId: string | undefined; signed: Signed | undefined }) {
  const station = useStation();
  const icon = signed?.kind === "good" ? "shield" : signed?.kind === "bad" ? "alert" : "clock";
  const name: ComponentChildren = signed?.kind === "bad" || userId === undefined ? null : station.signedName(userId);
  return (
    <p class="author" data-kind={signed?.kind ?? "open"}>
      <Icon name={icon} />
      <span>
        {name}{" "}
        <span class={signed?.kind === "good" ? "verified" : undefined}>{signed?.text ?? say().author.checking}</span>
      </span>
    </p>
  );
}
