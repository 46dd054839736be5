/** A model conversation, or the recorded value where there is none. */
import { useMemo, useState } from "react";
import { count } from "../../../components/format";
import { useUrl } from "../../../components/url";
import { type Conversation, conversationOf, type Message, type Part } from "./conversation";
import { JsonValue, JsonView } from "./JsonView";
import { type Entry, type Json, parseJson } from "./json";
import { TextSpans } from "./TextSpans";
import "./content.css";

interface Props {
  of: Conversation;
  words?: readonly string[] | undefined;
}

const MORE = 50; // earlier messages per click

/** A model conversation: roles, texts and tool calls. Of a long one the last messages. */
export function Messages({ of: { messages, others, isCut }, words }: Props) {
  const [from, setFrom] = useState(() => shownFrom(messages, words ?? []));
  return (
    <div className="chat">
      {from > 0 ? (
        <button type="button" className="json-more" onClick={() => setFrom(Math.max(0, from - MORE))}>
          … {count(from, "earlier message")}
        </button>
      ) : null}
      {messages.slice(from).map((message, at) => (
        <OneMessage key={from + at} of={message} words={words} />
      ))}
      {isCut ? <div className="json-more">… cut here</div> : null}
      <Others of={others} words={words} />
    </div>
  );
}

function OneMessage({ of, words }: { of: Message; words: readonly string[] | undefined }) {
  return (
    <section className="chat-message" data-role={of.role}>
      <div className="chat-role">
        {of.role}
        {of.name ? (
          <span className="faint">
            {" "}
            <bdi>{of.name}</bdi>
          </span>
        ) : null}
      </div>
      {of.parts.length === 0 ? <p className="faint">Empty message.</p> : null}
      {of.parts.map((part, at) => (
        <OnePart key={at} of={part} words={words} />
      ))}
      <Others of={of.others} words={words} />
    </section>
  );
}

function OnePart({ of, words }: { of: Part; words: readonly string[] | undefined }) {
  switch (of.is) {
    case "text":
    case "thought":
      return (
        <p dir="auto" className={`chat-${of.is}`} title={of.is === "thought" ? "Reasoning" : undefined}>
          <TextSpans text={of.text} words={words} />
          {of.isCut ? "…" : null}
        </p>
      );
    case "call":
      return (
        <div className="chat-call">
          <Tool word="calls" name={of.name} words={words} />
          {of.given ? <JsonValue of={of.given} words={words} /> : null}
        </div>
      );
    case "result":
      return (
        <div className="chat-result" data-failed={of.hasFailed || undefined}>
          <Tool word={of.hasFailed ? "error from" : "result of"} name={of.name ?? of.id} words={words} />
          {of.parts.map((part, at) => (
            <OnePart key={at} of={part} words={words} />
          ))}
        </div>
      );
    case "other":
      return <JsonValue of={of.of} words={words} />;
  }
}

function Tool({ word, name, words }: { word: string; name: string | null; words: readonly string[] | undefined }) {
  return (
    <div>
      <span className="faint">{name === null ? `${word} a tool` : word}</span>{" "}
      {name === null ? null : (
        <b className="mono">
          <TextSpans text={name} words={words} />
        </b>
      )}
    </div>
  );
}

/** Other fields of a message or body, collapsed. */
function Others({ of, words }: { of: readonly Entry[]; words: readonly string[] | undefined }) {
  if (of.length === 0) return null;
  const value: Json = { is: "object", entries: of, isCut: false };
  return (
    <details className="chat-others">
      <summary>
        With <bdi>{of.map(({ key }) => (key.is === "string" ? key.text : "")).join(", ")}</bdi>
      </summary>
      <JsonValue of={value} words={words} />
    </details>
  );
}

interface Shown {
  readonly value: Json | null;
  /** Null where there are no messages. */
  readonly conversation: Conversation | null;
  /** Whether the user chose JSON over messages. */
  readonly isPlain: boolean;
}

/** Parses a recorded text and finds its messages. */
export function useRecordedContent(text: string | undefined): Shown {
  const isPlain = useUrl()[0].get("as") === "json";
  const read = useMemo(() => {
    const value = text === undefined ? null : parseJson(text);
    return { value, conversation: value && conversationOf(value) };
  }, [text]);
  return { ...read, isPlain };
}

interface UseShownProps {
  of: Shown;
  text: string;
  words: readonly string[];
}

/** A recorded text: as a conversation, a tree or plain text. */
export function RecordedContent({ of: { value, conversation, isPlain }, text, words }: UseShownProps) {
  if (conversation && !isPlain) return <Messages of={conversation} words={words} />;
  return value ? <JsonValue of={value} words={words} /> : <JsonView text={text} words={words} />;
}

/** Switches between messages and JSON; nothing without messages. */
export function AsJson({ of: { conversation, isPlain }, what }: { of: Shown; what: string }) {
  const [, change] = useUrl();
  if (!conversation) return null;
  return (
    <button
      type="button"
      className="chip"
      aria-pressed={isPlain}
      title={isPlain ? "Show them as messages" : "Show the value as it was recorded"}
      onClick={() => change({ as: isPlain ? null : "json" })}
    >
      JSON<span className="sr-only"> of {what.toLowerCase()}</span>
    </button>
  );
}

export const SHOWN = 12;

/**
 * Returns the index of the first message to show: all of a short conversation, and every message that matches the
 * search.
 */
export function shownFrom(messages: readonly Message[], words: readonly string[]): number {
  const last = messages.length - SHOWN;
  if (last <= 1) return 0; // hiding one message saves nothing
  const lower = words.map((word) => word.toLowerCase());
  const found = messages.findIndex(({ parts }) => parts.some((part) => holds(part, lower)));
  return found < 0 ? last : Math.min(found, last);
}

function holds(part: Part, words: readonly string[]): boolean {
  const texts = textsOf(part).map((text) => text.toLowerCase());
  return words.some((word) => texts.some((text) => text.includes(word)));
}

function textsOf(part: Part): string[] {
  switch (part.is) {
    case "result":
      return [part.name ?? "", ...part.parts.flatMap(textsOf)];
    case "call":
      return [part.name, ...(part.given ? textsIn(part.given) : [])];
    case "other":
      return textsIn(part.of);
    default:
      return [part.text];
  }
}

function textsIn(value: Json): string[] {
  if (value.is === "list") return value.items.flatMap(textsIn);
  if (value.is === "object")
    return value.entries.flatMap(({ key, value: inner }) => [...textsIn(key), ...textsIn(inner)]);
  return [value.text];
}
