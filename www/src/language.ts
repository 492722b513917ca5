import { Observable } from "./observable";
import { de } from "./words/de";
import { en, type Words } from "./words/en";
import { fr } from "./words/fr";

export const LANGUAGES = { en: "English", fr: "Français", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const WORDS: Record<Language, Words> = { en, fr, de };
const KEPT = "language";

class Choice extends Observable {
  current: Language = kept() ?? preferred();

  choose(language: Language): void {
    this.current = language;
    try {
      localStorage.setItem(KEPT, language);
    } catch {
      // storage is blocked: the choice holds until the page is closed
    }
    this.apply();
    this.changed();
  }

  apply(): void {
    document.documentElement.lang = this.current;
    document.title = `${WORDS[this.current].app.name} · Wardkey`;
  }
}

function kept(): Language | undefined {
  try {
    const value = localStorage.getItem(KEPT);
    return value !== null && value in LANGUAGES ? (value as Language) : undefined;
  } catch {
    return undefined;
  }
}

function preferred(): Language {
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return (wanted.find((tag) => tag in LANGUAGES) as Language | undefined) ?? "en";
}

export const language = new Choice();

/** The words of the chosen language. */
export const say = (): Words => WORDS[language.current];
