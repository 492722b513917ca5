import { inject, markRaw, readonly, ref } from "vue";
import { Wardkey } from "wardkey";

const KEY = Symbol("wardkey");

/** A plugin: `app.use(await createWardkey(options))`. It closes the client when the application is unmounted. */
export async function createWardkey(options) {
  const wardkey = markRaw(await Wardkey.open(options));
  const status = ref(wardkey.status);
  wardkey.addEventListener("statuschange", ({ detail }) => {
    status.value = detail.status;
  });
  return {
    install(app) {
      app.provide(KEY, { wardkey, status: readonly(status) });
      app.onUnmount(() => wardkey.close());
    },
  };
}

/** `{ wardkey, status }`; the status is "new", "locked" or "ready", and changes with that of other tabs. */
export const useWardkey = () => inject(KEY);
