/** A recorded value as a tree that folds. */
import { createContext, useContext, useMemo, useState } from "react";
import { bytes, count } from "../../../components/format";
import { type CutFacts, type Entry, type Json, parseJson, type Typed, typedOf } from "./json";
import { TextSpans } from "./TextSpans";
import "./content.css";

const Opened = createContext<ReadonlySet<Json>>(new Set());

/** A recorded text as a tree, or as text where it is not JSON. Matches of `words` are marked. */
export function JsonView({ text, words }: { text: string; words?: readonly string[] }) {
  const value = useMemo(() => parseJson(text), [text]);
  if (value) return <JsonValue of={value} words={words} />;
  return (
    <pre className="json json-raw">
      <TextSpans text={text} words={words} />
    </pre>
  );
}

/** A recorded value as a tree, with Python types decoded. */
export function JsonValue({ of, words }: NodeProps) {
  const unwrapped = useMemo(() => initiallyOpen(of), [of]);
  return (
    <Opened.Provider value={unwrapped}>
      <div className="json">
        <Node of={of} words={words} />
      </div>
    </Opened.Provider>
  );
}

export interface NodeProps {
  of: Json;
  words?: readonly string[] | undefined;
}

export function Node({ of, words }: NodeProps) {
  const typed = typedOf(of);
  if (typed) return <TypedNode of={typed} words={words} />;
  if (of.is === "list") return <Container of={of} marks="[]" items={of.items} isCut={of.isCut} words={words} />;
  if (of.is === "object") return <Container of={of} marks="{}" entries={of.entries} isCut={of.isCut} words={words} />;
  if (of.is === "string") {
    return (
      <span className="json-string">
        "<TextSpans text={of.text} words={words} />
        {of.isCut ? "…" : '"'}
      </span>
    );
  }
  return <span className={`json-${of.is}`}>{of.text}</span>;
}

interface ContainerProps extends NodeProps {
  marks: "[]" | "{}";
  items?: readonly Json[];
  entries?: readonly Entry[];
  isCut: boolean;
}

/** A list or object: collapsed it shows its size; a long one shows its beginning first. */
function Container({ of, marks, items, entries, isCut, words }: ContainerProps) {
  const [isOpen, setOpen] = useState(useContext(Opened).has(of));
  const [shown, setShown] = useState(ITEMS_AT_ONCE);
  const lines: readonly (Json | Entry)[] = entries ?? items ?? [];
  if (lines.length === 0 && !isCut) return <span className="json-mark">{marks}</span>;
  const amount = `${count(lines.length, entries ? "key" : "item")}${isCut ? " or more" : ""}`;
  return (
    <>
      <button
        type="button"
        className="json-fold"
        aria-expanded={isOpen}
        aria-label={amount}
        title={isOpen ? "Fold" : `Unfold ${amount}`}
        onClick={() => setOpen(!isOpen)}
      >
        {marks[0]}
        {isOpen ? null : ` ${amount} ${marks[1]}`}
      </button>
      {isOpen ? (
        <>
          <div className="json-children">
            {lines.slice(0, shown).map((line, at) => (
              <div key={at} className="json-line">
                <Line of={line} words={words} />
                {at < lines.length - 1 && !isBytes(line) ? <span className="json-mark">,</span> : null}
              </div>
            ))}
            {lines.length > shown ? (
              <button type="button" className="json-more" onClick={() => setShown(shown + 5 * ITEMS_AT_ONCE)}>
                … {count(lines.length - shown, "more item")}
              </button>
            ) : null}
            {isCut ? <div className="json-more">… cut here</div> : null}
          </div>
          <span className="json-mark">{marks[1]}</span>
        </>
      ) : null}
    </>
  );
}

/** Bytes take several lines: a comma below them would stand alone. */
function isBytes(line: Json | Entry): boolean {
  return typedOf("key" in line ? line.value : line)?.is === "bytes";
}

function Line({ of, words }: { of: Json | Entry; words: readonly string[] | undefined }) {
  if (!("key" in of)) return <Node of={of} words={words} />;
  return (
    <>
      {of.key.is === "string" ? (
        <span className="json-key">
          <TextSpans text={of.key.text} words={words} />
        </span>
      ) : (
        <Node of={of.key} words={words} />
      )}
      <span className="json-mark">: </span>
      <Node of={of.value} words={words} />
    </>
  );
}

/** A typed value, shown as its Python type. */
function TypedNode({ of, words }: { of: Typed; words: readonly string[] | undefined }) {
  switch (of.is) {
    case "chip":
      return (
        <Chip type={of.type} title={localTime(of)}>
          <TextSpans text={of.text} words={words} />
        </Chip>
      );
    case "bytes":
      return <Bytes of={of} />;
    case "group":
      return (
        <>
          <span className="json-type">{of.type}</span> <Node of={of.of} words={words} />
        </>
      );
    case "pairs":
      return <Pairs of={of} words={words} />;
    case "raised":
      return (
        <span className="json-raised">
          <strong>{of.type}</strong>: <TextSpans text={of.message} words={words} />{" "}
          {of.rest.length > 0 ? <Pairs of={{ is: "pairs", entries: of.rest, isCut: false }} words={words} /> : null}
        </span>
      );
    case "cut":
      return (
        <>
          <Chip type={of.type} title={of.facts.sha256 ? `SHA-256 ${of.facts.sha256}` : undefined}>
            ✂ {cutWords(of.facts)}
          </Chip>{" "}
          {of.head ? <Node of={of.head} words={words} /> : null}
        </>
      );
  }
}

function Pairs({ of, words }: { of: Extract<Typed, { is: "pairs" }>; words: readonly string[] | undefined }) {
  const object = { is: "object", entries: of.entries, isCut: of.isCut } as const;
  return <Container of={object} marks="{}" entries={of.entries} isCut={of.isCut} words={words} />;
}

function Chip({ type, title, children }: { type: string; title?: string | undefined; children: React.ReactNode }) {
  return (
    <span className="json-chip" title={title}>
      <span className="json-type">{type}</span> {children}
    </span>
  );
}

/** Returns the tooltip of a moment: its local time. */
function localTime({ type, text }: Extract<Typed, { is: "chip" }>): string | undefined {
  const at = type === "datetime" ? Date.parse(text.replace(" ", "T")) : Number.NaN;
  return Number.isNaN(at) ? undefined : `${new Date(at).toLocaleString()} here`;
}

const REASONS: Record<string, string> = {
  depth: "nested too deep",
  cycle: "it contains itself",
};

function cutWords({ reason, bytes: size, items, sha256 }: CutFacts): string {
  const known = [
    REASONS[reason] ?? "cut",
    size === null ? null : `of ${bytes(size)}`,
    items === null ? null : `of ${count(items, "item")}`,
    sha256 ? `SHA-256 ${sha256.slice(0, 12)}…` : null,
  ];
  return known.filter(Boolean).join(" ");
}

const HEX_LINES = 8;

/** Recorded bytes: type, size, beginning, image and download. */
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

/** Items of a list that are shown at once. */
const ITEMS_AT_ONCE = 100;

const MOST_NODES = 800; // rendered at first, in about 30 ms
const DEEPEST = 20;

/** Returns the containers to open, breadth first, up to the limits. */
function initiallyOpen(root: Json): ReadonlySet<Json> {
  const unwrapped = new Set<Json>();
  let left = MOST_NODES;
  let level: Json[] = [root];
  for (let depth = 0; depth < DEEPEST && level.length > 0; depth += 1) {
    const next: Json[] = [];
    for (const value of level) {
      const inner = innerOf(value).slice(0, ITEMS_AT_ONCE);
      if (inner.length > left) continue;
      left -= inner.length;
      unwrapped.add(value);
      next.push(...inner.filter(isContainer));
    }
    level = next;
  }
  return unwrapped;
}

function isContainer(value: Json): boolean {
  return value.is === "list" || value.is === "object";
}

/** Returns the children that are rendered within a value. */
function innerOf(value: Json): Json[] {
  const typed = typedOf(value);
  if (typed?.is === "group") return [typed.of];
  if (typed?.is === "pairs") return typed.entries.map((entry) => entry.value);
  if (typed?.is === "raised") return typed.rest.map((entry) => entry.value);
  if (typed?.is === "cut") return typed.head ? [typed.head] : [];
  if (value.is === "list") return [...value.items];
  return value.is === "object" ? value.entries.map((entry) => entry.value) : [];
}

/** Decodes base64, also truncated; null when invalid. */
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

/** Returns the file type of bytes; null when unknown. */
export function sniffed(content: Uint8Array): string | null {
  const found = HEADS.find(([, head, at = 0]) => head.every((byte, index) => content[at + index] === byte));
  return found?.[0] ?? null;
}

const LINE = 8; // fits beside a list

/** Returns the first bytes as a hex dump: `89 50 4e 47 …  .PNG`. */
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
