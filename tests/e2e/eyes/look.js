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
  const scope = (selector) => document.querySelector(selector ?? "dialog[open]") ?? (selector ? null : document.body);
  const all = (selector, within) => [...(scope(within)?.querySelectorAll(selector) ?? [])];
  const seen = (selector, within) => all(selector, within).filter(isSeen);
  const isIn = (element, text) => plain(element.textContent).includes(text);
  /** Whether the innermost elements that have these words are seen: a closed panel is no place to read. */
  function shows(element, text) {
    if (!isIn(element, text)) return false;
    const inner = [...element.children].filter((child) => isIn(child, text));
    return inner.length === 0 ? isSeen(element) : inner.some((child) => shows(child, text));
  }
  const CONTROLS = "button:not(:disabled), a, summary, label.button, [role=radio], label.choice";

  /** All that was ever said of an author here, though it stood there for a moment only. */
  const ofAuthors = new Set();
  new MutationObserver(() => {
    for (const { textContent } of document.querySelectorAll(".author")) ofAuthors.add(plain(textContent));
  }).observe(document, { subtree: true, childList: true, characterData: true });

  const look = {
    ofAuthors: () => [...ofAuthors],
    /** What can be clicked and is called so, or begins so; whole names first. */
    control(name, within) {
      const mayBe = (one) => plain(one.getAttribute("aria-label") ?? one.textContent).includes(name);
      const called = all(CONTROLS, within).filter((one) => mayBe(one) && isSeen(one));
      return called.find((one) => words(one) === name) ?? called.find((one) => words(one).startsWith(name));
    },
    /** Whether the navigation says so. */
    isAt: (view) => look.control(view, "nav")?.getAttribute("aria-current") === "page",
    field(label, within) {
      const called = seen("label", within).filter((one) => plain(one.textContent).startsWith(label));
      const controls = called.map(({ control }) => control).filter(Boolean);
      const labelled = seen("input, select, textarea", within).filter((one) =>
        one.getAttribute("aria-label")?.startsWith(label),
      );
      return [...controls, ...labelled].find((one) => one && !one.disabled && (isSeen(one) || one.type === "file"));
    },
    /** Whether these words are to be read there now. */
    reads(text, within) {
      const place = scope(within);
      return place !== null && shows(place, text);
    },
    /** Whether they stand there at all, to be seen or not, in a field or out of it. */
    holds(text, within) {
      const place = within ? document.querySelector(within) : document.documentElement;
      if (!place) return false;
      return (
        isIn(place, text) || [...place.querySelectorAll("input, textarea")].some(({ value }) => value.includes(text))
      );
    },
    texts: (selector, within) => seen(selector, within).map(words),
    /** The same element at the same place over two frames, or nothing. */
    async still(find) {
      const place = (element) => element && JSON.stringify(element.getBoundingClientRect());
      const element = find();
      const before = place(element);
      for (let frame = 0; frame < 2; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
      return find() === element && place(element) === before ? element : undefined;
    },
    /** What is to be clicked, at rest. */
    async target(...args) {
      const element = await look.still(() => look.control(...args));
      look.isHit = new Promise((resolve) => {
        element?.addEventListener("click", () => resolve(true), { capture: true, once: true });
      });
      return element;
    },
    /** Whether a click came to it: what is under way still arrives. */
    wasHit: () => Promise.race([look.isHit, new Promise((resolve) => setTimeout(resolve, 500, false))]),
    /** The field, emptied as by a person who selects all and deletes. */
    emptied(label, within) {
      const field = look.field(label, within);
      if (field && field.type !== "file" && field.value !== "") {
        field.value = "";
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
      return field;
    },
    choose(label, option, within) {
      const select = look.field(label, within);
      const wanted = [...(select?.options ?? [])].find(({ text }) => plain(text).startsWith(option));
      if (!wanted) return false;
      select.value = wanted.value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
      return true;
    },
    /** Chooses it, also behind a dialog, and says whether the page has it. */
    speaks(language) {
      const select = document.querySelector("select.language");
      if (select && select.value !== language) {
        select.value = language;
        select.dispatchEvent(new Event("change", { bubbles: true }));
      }
      return document.documentElement.lang === language;
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
    /** Notes from now on which parts of files are sent. */
    noteParts() {
      const { fetch } = globalThis;
      look.parts = [];
      globalThis.fetch = (url, options) => {
        const part = /\/parts\/(\d+)$/.exec(url);
        if (part) look.parts.push(Number(part[1]));
        return fetch(url, options);
      };
    },
    /** Until colours and places are what they become; what turns for ever isn't waited for. */
    async settled() {
      for (let frame = 0; frame < 2; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
      const ending = document.getAnimations().filter((one) => Number.isFinite(one.effect.getComputedTiming().endTime));
      await Promise.allSettled(ending.map(({ finished }) => finished));
    },
    /** What axe finds in the page as it is. */
    async axe() {
      await look.settled();
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
  };
  return look;
})();
