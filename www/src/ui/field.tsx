import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { say } from "../language";

export interface FieldProps {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  optional?: boolean;
  children: (attributes: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": boolean;
  }) => ComponentChildren;
}

/** A label, its control, a hint and what is wrong with it. */
export function Field({ label, hint, error, optional, children }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>
        {label}
        {optional && <span class="optional"> {say().compose.optional}</span>}
      </label>
      {children({
        id,
        "aria-describedby": described === "" ? undefined : described,
        "aria-invalid": error !== undefined,
      })}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

export interface TextProps {
  label: string;
  value: string;
  onValue: (value: string) => void;
  type?: "text" | "password" | "email" | "date" | "search";
  hint?: string;
  error?: string | undefined;
  optional?: boolean;
  autocomplete?: string;
  lines?: number;
  placeholder?: string;
  max?: number;
  inputMode?: "numeric" | "text";
}

export function TextField({ label, value, onValue, type = "text", hint, error, optional, lines, ...rest }: TextProps) {
  return (
    <Field label={label} {...(hint === undefined ? {} : { hint })} error={error} optional={optional ?? false}>
      {(attributes) =>
        lines === undefined ? (
          <input
            {...attributes}
            type={type as "text"}
            value={value}
            autocomplete={rest.autocomplete ?? "off"}
            placeholder={rest.placeholder}
            maxLength={rest.max}
            inputMode={rest.inputMode}
            spellcheck={false}
            onInput={({ currentTarget }) => onValue(currentTarget.value)}
          />
        ) : (
          <textarea
            {...attributes}
            rows={lines}
            value={value}
            // A browser that restores its session would keep it on its disk.
            autocomplete="off"
            placeholder={rest.placeholder}
            maxLength={rest.max}
            onInput={({ currentTarget }) => onValue(currentTarget.value)}
          />
        )
      }
    </Field>
  );
}

export const SHORTEST_PASSWORD = 10;

/** A password to be chosen; once the form was `tried`, it says that it is too short. */
export function NewPasswordField({
  tried,
  ...given
}: Pick<TextProps, "label" | "value" | "onValue"> & { tried: boolean }) {
  const t = say().invitation;
  const error = tried && given.value.length < SHORTEST_PASSWORD ? t.tooShort : undefined;
  return <TextField {...given} error={error} hint={t.passwordHint} type="password" autocomplete="new-password" />;
}

export interface SelectProps<T extends string> {
  label: string;
  value: T | "";
  options: readonly (readonly [T | "", string])[];
  onValue: (value: T | "") => void;
  error?: string | undefined;
}

export function SelectField<T extends string>({ label, value, options, onValue, error }: SelectProps<T>) {
  return (
    <Field label={label} error={error}>
      {(attributes) => (
        <select {...attributes} value={value} onChange={({ currentTarget }) => onValue(currentTarget.value as T | "")}>
          {options.map(([key, text]) => (
            <option key={key} value={key} selected={key === value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** A form whose first wrong field gets the focus. */
export function useFirstWrong() {
  const form = useRef<HTMLFormElement>(null);
  const focusWrong = () =>
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  return { form, focusWrong };
}

/** Tells password managers whose password it is. */
export function WhosePassword({ userId }: { userId: string }) {
  return <input type="text" hidden readOnly autocomplete="username" value={userId} />;
}
