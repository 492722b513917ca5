import { createContext, useCallback, useContext, useEffect, useState, useSyncExternalStore } from "react";
import { Wardkey } from "wardkey";

const Context = createContext(undefined);

/** Opens a client for all that is inside, and closes it. `options` are a constant, or memoised. */
export function WardkeyProvider({ options, fallback, children }) {
  const [{ wardkey, error }, setOpened] = useState({});
  useEffect(() => {
    let isCurrent = true;
    const set = (opened) => isCurrent && setOpened(opened);
    const opening = Wardkey.open(options);
    opening.then(
      (wardkey) => set({ wardkey }),
      (error) => set({ error }),
    );
    return () => {
      set({});
      isCurrent = false;
      opening.then(
        (wardkey) => wardkey.close(),
        () => {},
      );
    };
  }, [options]);
  if (error) throw error; // to the nearest error boundary
  return wardkey ? <Context value={wardkey}>{children}</Context> : fallback;
}

export const useWardkey = () => useContext(Context);

/** "new", "locked" or "ready"; renders again when it changes, in whatever tab. */
export function useStatus() {
  const wardkey = useWardkey();
  const subscribe = useCallback(
    (onChange) => {
      wardkey.addEventListener("statuschange", onChange);
      return () => wardkey.removeEventListener("statuschange", onChange);
    },
    [wardkey],
  );
  return useSyncExternalStore(subscribe, () => wardkey.status);
}
