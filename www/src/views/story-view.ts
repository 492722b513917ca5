import { STEP_TEXT } from "../messages";
import { STEPS, type Story } from "../story";
import { h } from "../ui/dom";
import { icon } from "../ui/icons";

/** The steps of the story, and which of them the visitor has done. */
export function storyView(story: Story): HTMLElement {
  const list = h("ol", { class: "story", "aria-label": "The story in six steps" });
  const update = () => {
    list.replaceChildren(
      ...STEPS.map((step, at) => {
        const done = story.has(step);
        const { title, hint } = STEP_TEXT[step];
        return h(
          "li",
          { class: done && "done", "aria-current": step === story.next && "step" },
          h("span", { class: "mark", "aria-hidden": "true" }, done ? icon("check") : String(at + 1)),
          h("div", {}, h("strong", {}, title, done && h("span", { class: "unseen" }, " (done)")), h("p", {}, hint)),
        );
      }),
    );
  };
  story.subscribe(update);
  update();
  return list;
}
