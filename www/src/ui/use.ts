import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Observable } from "../observable";

/** Draws the component again after each change of what it shows. */
export function useObservable<T extends Observable | undefined>(observable: T): T {
  const [, again] = useReducer((n: number) => n + 1, 0);
  // At once, not after the next frame: a change in between would never be drawn.
  useLayoutEffect(() => observable?.subscribe(() => again(0)), [observable]);
  return observable;
}

export interface Task {
  readonly busy: boolean;
  readonly problem: unknown;
  /** Gives whether it went well. A second one doesn't begin before the first has ended. */
  run(work: () => Promise<void>): Promise<boolean>;
  clear(): void;
}

/** Something that takes a while and may fail. */
export function useTask(): Task {
  const [state, set] = useState<{ busy: boolean; problem?: unknown }>({ busy: false });
  const busy = useRef(false);
  const there = useRef(true);
  useEffect(() => {
    there.current = true;
    return () => {
      there.current = false;
    };
  }, []);
  return {
    busy: state.busy,
    problem: state.problem,
    async run(work) {
      if (busy.current) return false;
      busy.current = true;
      set({ busy: true });
      let problem: unknown;
      let ok = true;
      try {
        await work();
      } catch (error) {
        problem = error ?? new Error("nothing was thrown");
        ok = false;
      }
      busy.current = false;
      if (there.current) set(ok ? { busy: false } : { busy: false, problem });
      return ok;
    },
    clear: () => set({ busy: false }),
  };
}

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly problem: unknown;
  reload(): void;
}

/** Loads again when a dependency changes; an answer that comes too late isn't shown. */
export function useLoaded<T>(load: () => Promise<T>, dependencies: readonly unknown[]): Loaded<T> {
  const [state, set] = useState<{ value?: T; problem?: unknown }>({});
  const [turn, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    let current = true;
    load().then(
      (value) => current && set({ value }),
      (problem: unknown) => current && set((before) => ({ ...before, problem })),
    );
    return () => {
      current = false;
    };
  }, [...dependencies, turn]);
  return { value: state.value, problem: state.problem, reload: () => again(0) };
}
