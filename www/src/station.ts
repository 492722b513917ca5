import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { Workstation } from "./model/workstation";

/** There is one in a page. */
export const Station = createContext(new Workstation());
export const useStation = (): Workstation => useContext(Station);
