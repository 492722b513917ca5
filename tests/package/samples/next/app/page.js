// Rendered on the server: the package is imported there, and nothing of it runs.
import { version } from "wardkey";
import { Client } from "./client.js";

export const dynamic = "force-dynamic";

export default function Page() {
  return (
    <main>
      <p>on the server: {version}</p>
      <Client />
    </main>
  );
}
