const KEPT_MS = 10_000; // the browser has begun to save by then

/** Has the browser save a text under a name that is safe for a file. */
export function saveText(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${fileName(name)}.txt`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}

/** Returns a key's name as a file's: what a file system may not take becomes a hyphen. */
export function fileName(key: string): string {
  return key.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 100) || "value";
}
