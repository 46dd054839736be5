import { useState } from "react";
import { count } from "../../../parts/format";
import { JsonValue } from "../json/JsonView";
import type { Entry, Json } from "../json/parse";
import { TextSpans } from "../json/TextSpans";
import type { Conversation } from "./conversation";
import type { Message } from "./message";
import type { Part } from "./parts";
import { shownFrom } from "./shown";
import "./messages.css";

interface Props {
  of: Conversation;
  words?: readonly string[] | undefined;
}

const MORE = 50; // earlier messages that one click brings

/** A conversation with a model as it went: who said what, which tools were called. Of a long one the last messages. */
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
      {of.parts.length === 0 ? <p className="faint">It says nothing.</p> : null}
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
        <p dir="auto" className={`chat-${of.is}`} title={of.is === "thought" ? "What the model thought" : undefined}>
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
          <Tool word={of.hasFailed ? "error of" : "answer of"} name={of.name ?? of.id} words={words} />
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

/** What is told beside the words, by its names; unfolded it is what it is. */
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
