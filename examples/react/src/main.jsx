import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Login } from "./login.jsx";
import { Records } from "./records.jsx";
import { useStatus, useWardkey, WardkeyProvider } from "./wardkey.jsx";
import { backend, rows } from "./yours.js"; // httpBackend({ url, token }), and what your server stores

const options = { appId: "transfers.example", backend, userId: "ada" };

function Page() {
  const wardkey = useWardkey();
  if (useStatus() !== "ready") return <Login userId={options.userId} />;
  return (
    <>
      <Records rows={rows} />
      <button type="button" onClick={() => wardkey.lock()}>
        Lock
      </button>
    </>
  );
}

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <WardkeyProvider options={options} fallback={<p>One moment…</p>}>
      <Page />
    </WardkeyProvider>
  </StrictMode>,
);
