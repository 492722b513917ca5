// In the page, for the tests: finds what a person sees, by its words.
globalThis.look = (() => {
  const plain = (text) => text.replace(/\s+/g, " ").trim();
  /** What is said of an element: its label, or what stands in it without decoration. */
  function words(element) {
    const label = element.getAttribute("aria-label");
    if (label !== null) return plain(label);
    if (!element.querySelector("[aria-hidden=true]")) return plain(element.textContent);
    const copy = element.cloneNode(true);
    for (const decoration of copy.querySelectorAll("[aria-hidden=true]")) decoration.remove();
    return plain(copy.textContent);
  }
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true });
  /** A dialog takes the page away from everything else. */
  const scope = (selector) => document.querySelector(selector ?? "dialog[open]") ?? (selector ? null : document);
  const seen = (selector, within) => [...(scope(within)?.querySelectorAll(selector) ?? [])].filter(isSeen);

  const look = {
    /** What can be clicked and is called so, or begins so; whole names first. */
    control(name, within) {
      const all = seen("button:not(:disabled), a, summary, label.button, [role=radio], label.choice", within);
      return all.find((one) => words(one) === name) ?? all.find((one) => words(one).startsWith(name));
    },
    field(label, within) {
      const called = seen("label", within).filter((one) => plain(one.textContent).startsWith(label));
      const controls = called.map(({ control }) => control).filter(Boolean);
      const labelled = seen("input, select, textarea", within).filter((one) =>
        one.getAttribute("aria-label")?.startsWith(label),
      );
      return [...controls, ...labelled].find((one) => one && !one.disabled && (isSeen(one) || one.type === "file"));
    },
    /** Whether these words are to be read there now. */
    reads: (text, within) =>
      seen("*", within).some((one) => plain(one.textContent).includes(text)) ||
      (scope(within) instanceof Element && plain(scope(within).textContent).includes(text)),
    texts: (selector, within) => seen(selector, within).map(words),
    /** The same element at the same place over two frames, or nothing. */
    async still(find) {
      const place = (element) => element && JSON.stringify(element.getBoundingClientRect());
      const element = find();
      const before = place(element);
      for (let frame = 0; frame < 2; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
      return find() === element && place(element) === before ? element : undefined;
    },
    /** Empties a field as a person does who selects all and deletes. */
    empty(field) {
      if (field.type !== "file" && field.value !== "") {
        field.value = "";
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
    },
    choose(label, option, within) {
      const select = look.field(label, within);
      const wanted = [...(select?.options ?? [])].find(({ text }) => plain(text).startsWith(option));
      if (!wanted) return false;
      select.value = wanted.value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
      return true;
    },
    slide(label, value) {
      const slider = look.field(label);
      if (!slider) return false;
      slider.value = String(value);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      return true;
    },
    /** The page's next request of this kind waits until `release()`, which is there as soon as one does. */
    hold(method, path) {
      const { fetch } = globalThis;
      globalThis.fetch = async (url, init) => {
        if (init?.method !== method || url !== path) return fetch(url, init);
        globalThis.fetch = fetch;
        await new Promise((resolve) => {
          look.release = () => resolve();
        });
        return fetch(url, init);
      };
    },
    /** What axe finds in the page as it is. */
    async axe() {
      if (!globalThis.axe) {
        const script = document.createElement("script");
        script.src = "/axe.js";
        await new Promise((resolve, reject) => {
          script.onload = resolve;
          script.onerror = reject;
          document.head.append(script);
        });
      }
      const { violations } = await globalThis.axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
    },
    /** Counted by the browser, not by the page's own code. */
    async storage() {
      return {
        localStorage: Object.keys(localStorage),
        sessionStorage: Object.keys(sessionStorage),
        databases: (await indexedDB.databases()).map(({ name }) => name),
        caches: globalThis.caches ? await caches.keys() : [],
      };
    },
  };
  return look;
})();
