import { chooseTheme, type Theme, useTheme } from "../../app/theme";

const THEMES: readonly { theme: Theme; name: string }[] = [
  { theme: "system", name: "As the system has it" },
  { theme: "light", name: "Light" },
  { theme: "dark", name: "Dark" },
];

/** Light or dark, kept in this browser. */
export function Looks() {
  const chosen = useTheme();
  return (
    <fieldset className="plain-fieldset settings-choices">
      <legend className="soft">Theme, in this browser</legend>
      {THEMES.map(({ theme, name }) => (
        <label key={theme} className="settings-choice">
          <input type="radio" name="theme" checked={theme === chosen} onChange={() => chooseTheme(theme)} />
          {name}
        </label>
      ))}
    </fieldset>
  );
}
