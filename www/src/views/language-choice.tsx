import { LANGUAGES, type Language, language, say } from "../language";
import { useObservable } from "../ui/use";

export function LanguageChoice() {
  useObservable(language);
  return (
    <select
      class="language"
      aria-label={say().app.language}
      value={language.current}
      onChange={({ currentTarget }) => language.choose(currentTarget.value as Language)}
    >
      {Object.entries(LANGUAGES).map(([key, name]) => (
        <option key={key} value={key} lang={key} selected={key === language.current}>
          {name}
        </option>
      ))}
    </select>
  );
}
