import type { ComponentChildren, Ref } from "preact";

/** A form that is sent by code: the page stays. With `form` the code also says what is wrong, in the place of the browser. */
export function Form({
  kind = "form",
  form,
  onSend,
  children,
}: {
  kind?: "form" | "compose" | "say" | "safety";
  form?: Ref<HTMLFormElement>;
  onSend: () => void;
  children: ComponentChildren;
}) {
  return (
    <form
      {...(form && { ref: form, noValidate: true })}
      class={kind}
      onSubmit={(event) => {
        event.preventDefault();
        onSend();
      }}
    >
      {children}
    </form>
  );
}
