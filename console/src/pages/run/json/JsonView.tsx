import { createContext, useContext, useMemo, useState } from "react";
import { count } from "../../../parts/format";
import { ITEMS_AT_ONCE, openedAtFirst } from "./opened";
import { type Entry, type Json, parseJson } from "./parse";
import { TextSpans } from "./TextSpans";
import { Bytes, Chip, cutWords, localTime } from "./TypedLeaf";
import { type Typed, typedOf } from "./typed";
import "./json.css";

const Opened = createContext<ReadonlySet<Json>>(new Set());

/** A recorded text: the value in it laid out, or the text where it holds none. `words` are marked in it. */
export function JsonView({ text, words }: { text: string; words?: readonly string[] }) {
  const value = useMemo(() => parseJson(text), [text]);
  if (value) return <JsonValue of={value} words={words} />;
  return (
    <pre className="json json-raw">
      <TextSpans text={text} words={words} />
    </pre>
  );
}

/** A recorded value, laid out and coloured; what is no plain JSON by what it stands for. */
export function JsonValue({ of, words }: NodeProps) {
  const opened = useMemo(() => openedAtFirst(of), [of]);
  return (
    <Opened.Provider value={opened}>
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
  if (of.is === "list") return <Nest of={of} marks="[]" items={of.items} isCut={of.isCut} words={words} />;
  if (of.is === "object") return <Nest of={of} marks="{}" entries={of.entries} isCut={of.isCut} words={words} />;
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

interface NestProps extends NodeProps {
  marks: "[]" | "{}";
  items?: readonly Json[];
  entries?: readonly Entry[];
  isCut: boolean;
}

/** A list or an object: folded it says how much is in it; of a long one the beginning is shown, and more when asked for. */
export function Nest({ of, marks, items, entries, isCut, words }: NestProps) {
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
          <div className="json-nest">
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

/** Bytes are laid out over several lines: a comma below them would stand alone. */
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

/** A value that is no plain JSON, as its Python type is read. */
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
  return <Nest of={object} marks="{}" entries={of.entries} isCut={of.isCut} words={words} />;
}
