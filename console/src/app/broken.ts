/** Why a page could not be shown. */
import type { Connection } from "../api/live";

export type Cause = "away" | "upgraded" | "broken";

// What Chromium, Firefox, Safari and Vite say of a part of the page that could not be loaded.
const MISSING_PART = /dynamically imported module|Importing a module|Unable to preload CSS/;

/** Returns the cause: a part that is not there is of before an upgrade, if there is a server to ask for it. */
export function causeOf(text: string, connection: Connection): Cause {
  if (!MISSING_PART.test(text)) return "broken";
  return connection === "live" ? "upgraded" : "away";
}
