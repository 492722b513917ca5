import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Workstation } from "./model/workstation";

/** There is one in a page: main.tsx makes it. */
export const Station = createContext<Workstation | undefined>(undefined);

export function useStation(): Workstation {
  const station = useContext(Station);
  if (!station) throw new Error("a view outside of the page");
  return station;
}
