import { cleanFileName } from "../format";

// Never with the type of the content: a blob URL belongs to this page's origin, and what is opened from it must not run here.
const TYPE = "application/octet-stream";

/** Hands decrypted bytes to the browser's downloads. Rejects where the browser had no room for them, which it says only when they are read. */
export async function saveFile(data: Blob, name: string): Promise<void> {
  await data
    .slice(-1)
    .arrayBuffer()
    .catch(() => {
      throw new DOMException("no room for the file", "QuotaExceededError");
    });
  const url = URL.createObjectURL(new Blob([data], { type: TYPE }));
  const link = document.createElement("a");
  link.href = url;
  link.download = cleanFileName(name);
  document.body.append(link);
  link.click();
  link.remove();
  // the download has its own hold on the bytes once it began
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
