// Without a bundler: the package goes by its path, so that the page's policy needs no inline import map.
import { isWardkeyError, Wardkey } from "./node_modules/wardkey/index.js";
import { memoryBackend } from "./node_modules/wardkey/testing.js";

const backend = memoryBackend(); // a key server inside the page, for first steps
const ada = await Wardkey.open({ appId: "transfers.example", backend, userId: "ada" });
const tomas = await Wardkey.open({ appId: "transfers.example", backend, userId: "tomas" });
await ada.register({ userId: "ada", password: "three blue herons at dawn" });
await tomas.register({ userId: "tomas", password: "a boat without a sail" });
const session = await ada.createSession({ recipients: [{ user: "tomas" }] });

const form = document.querySelector("#write");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const show = (id, text) => {
    document.querySelector(id).textContent = text;
  };
  try {
    const sealed = await session.encrypt(new FormData(form).get("text"));
    show(
      "#stored",
      `${sealed.length} bytes: ${Array.from(sealed.subarray(0, 24), (byte) => byte.toString(16).padStart(2, "0")).join(" ")} …`,
    );
    const { data, author } = await tomas.decrypt(sealed);
    show("#opened", `${new TextDecoder().decode(data)} (from ${author?.userId})`);
  } catch (error) {
    if (!isWardkeyError(error)) throw error;
    show("#opened", `That didn't work (${error.code}).`);
  }
});
form.querySelector("button").disabled = false;
