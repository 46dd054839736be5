import { bytes, count } from "../../../parts/format";
import { bytesOf, hexHead, sniffed } from "./binary";
import type { CutFacts, Typed } from "./typed";

export function Chip({
  type,
  title,
  children,
}: {
  type: string;
  title?: string | undefined;
  children: React.ReactNode;
}) {
  return (
    <span className="json-chip" title={title}>
      <span className="json-type">{type}</span> {children}
    </span>
  );
}

/** What a chip of a moment says when the pointer rests on it: the moment here. */
export function localTime({ type, text }: Extract<Typed, { is: "chip" }>): string | undefined {
  const at = type === "datetime" ? Date.parse(text.replace(" ", "T")) : Number.NaN;
  return Number.isNaN(at) ? undefined : `${new Date(at).toLocaleString()} here`;
}

const REASONS: Record<string, string> = {
  depth: "nested too deep",
  cycle: "it contains itself",
};

export function cutWords({ reason, bytes: size, items, sha256 }: CutFacts): string {
  const known = [
    REASONS[reason] ?? "cut",
    size === null ? null : `of ${bytes(size)}`,
    items === null ? null : `of ${count(items, "item")}`,
    sha256 ? `SHA-256 ${sha256.slice(0, 12)}…` : null,
  ];
  return known.filter(Boolean).join(" ");
}

const HEX_LINES = 8;

/** Recorded bytes: their kind, size and beginning, a picture where they are one, and a way to have them as a file. */
export function Bytes({ of }: { of: Extract<Typed, { is: "bytes" }> }) {
  const content = bytesOf(of.base64);
  if (!content) return <Chip type={of.type}>unreadable</Chip>;
  const kind = sniffed(content);
  const isWholeImage = kind?.startsWith("image/") && !of.isCut;
  return (
    <span className="json-bytes">
      <Chip type={of.type}>
        {kind ? `${kind}, ` : null}
        {bytes(content.length)}
        {of.isCut ? " of more" : null}
      </Chip>{" "}
      {of.isCut ? null : (
        <a href={`data:${kind ?? "application/octet-stream"};base64,${of.base64}`} download={fileName(kind)}>
          Download
        </a>
      )}
      {isWholeImage ? <img src={`data:${kind};base64,${of.base64}`} alt={`Recorded ${kind}`} /> : null}
      {content.length > 0 ? <pre className="json-hex">{hexHead(content, HEX_LINES)}</pre> : null}
    </span>
  );
}

function fileName(kind: string | null): string {
  return kind ? `recorded.${kind.slice(kind.indexOf("/") + 1)}` : "recorded.bin";
}
