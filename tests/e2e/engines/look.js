// In the page, for the tests: finds what a person sees, by its words.
globalThis.look = (() => {
  const words = (element) => (element.getAttribute("aria-label") ?? element.textContent).trim();
  const visible = (elements) => [...elements].filter((element) => element.checkVisibility());

  function region(title) {
    if (title === null) return document;
    const heading = [...document.querySelectorAll("h2")].find((element) => element.textContent.trim() === title);
    return heading?.closest("section, dialog") ?? document.createDocumentFragment();
  }

  return {
    region,
    /** What can be clicked and begins with these words. */
    control: (title, start) =>
      visible(region(title).querySelectorAll("button, a, summary")).find((element) => words(element).startsWith(start)),
    /** The same element at the same place over two frames, or nothing. */
    async still(find) {
      const place = (element) => element && JSON.stringify(element.getBoundingClientRect());
      const element = find();
      const before = place(element);
      for (let frame = 0; frame < 2; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
      return find() === element && place(element) === before ? element : undefined;
    },
    field: (title, label) =>
      visible(region(title).querySelectorAll("label"))
        .filter((element) => element.textContent.trim() === label)
        .map((element) => element.control)
        .find((control) => control.checkVisibility() || control.type === "file"),
    /** Whether these words are to be read there. */
    reads: (title, text) =>
      visible(region(title).querySelectorAll("*")).some((element) => element.textContent.includes(text)),
    /** What axe finds in the page as it is. */
    async axe() {
      const script = document.createElement("script");
      script.src = "axe.js";
      if (!globalThis.axe) {
        await new Promise((resolve, reject) => {
          script.onload = resolve;
          script.onerror = reject;
          document.head.append(script);
        });
      }
      const { violations } = await globalThis.axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
    },
    record(title) {
      const record = region(title).querySelector(".record");
      if (!record) return undefined;
      const all = (name) => [...record.querySelectorAll(name)].map((element) => element.textContent);
      const values = all("dd");
      return Object.fromEntries(all("dt").map((term, at) => [term, values[at]]));
    },
  };
})();
