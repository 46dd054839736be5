/** Recorded bytes for looking at: what they are, how they begin, and as a picture where they are one. */

/** Returns the bytes of a base64 text, of one that was cut off those that are whole; null when it is none. */
export function bytesOf(base64: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(base64.slice(0, base64.length - (base64.length % 4))), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

const HEADS: readonly (readonly [type: string, head: readonly number[], at?: number])[] = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38]],
  ["image/webp", [0x57, 0x45, 0x42, 0x50], 8],
  ["application/pdf", [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ["application/zip", [0x50, 0x4b, 0x03, 0x04]],
  ["application/gzip", [0x1f, 0x8b]],
  ["audio/wav", [0x57, 0x41, 0x56, 0x45], 8],
  ["audio/ogg", [0x4f, 0x67, 0x67, 0x53]],
  ["audio/mpeg", [0x49, 0x44, 0x33]],
];

/** Returns what kind of file bytes begin like; null for none of those that are known. */
export function sniffed(content: Uint8Array): string | null {
  const found = HEADS.find(([, head, at = 0]) => head.every((byte, index) => content[at + index] === byte));
  return found?.[0] ?? null;
}

const LINE = 8; // as much as fits beside a list

/** Returns the first bytes as in a hex editor: `89 50 4e 47 …  .PNG`. */
export function hexHead(content: Uint8Array, lines: number): string {
  const out: string[] = [];
  for (let from = 0; from < Math.min(content.length, lines * LINE); from += LINE) {
    const line = [...content.slice(from, from + LINE)];
    const hex = line.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = line.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    out.push(`${hex.padEnd(LINE * 3 - 1)}  ${text}`);
  }
  return out.join("\n");
}
