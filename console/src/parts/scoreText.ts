/** Returns a limit of the determinism score that somebody typed; "" for none, null for what is none. */
export function asScore(typed: string): string | null {
  const text = typed.trim().replace(/^</, "").trim();
  if (text === "") return "";
  return /^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 100 ? String(Number(text)) : null;
}
