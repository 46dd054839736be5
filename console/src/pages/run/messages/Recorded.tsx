import { useMemo } from "react";
import { useUrl } from "../../../parts/url";
import { JsonValue, JsonView } from "../json/JsonView";
import { type Json, parseJson } from "../json/parse";
import { type Conversation, conversationOf } from "./conversation";
import { Messages } from "./Messages";

interface Shown {
  readonly value: Json | null;
  /** Null where it holds no messages. */
  readonly conversation: Conversation | null;
  /** Whether somebody wants the value where messages would be shown. */
  readonly isPlain: boolean;
}

/** What a recorded text shows: its messages where it has any, unless the address says that the values are wanted. */
export function useShown(text: string | undefined): Shown {
  const isPlain = useUrl()[0].get("as") === "json";
  const read = useMemo(() => {
    const value = text === undefined ? null : parseJson(text);
    return { value, conversation: value && conversationOf(value) };
  }, [text]);
  return { ...read, isPlain };
}

interface Props {
  of: Shown;
  text: string;
  words: readonly string[];
}

/** A recorded text: as a conversation, as a value laid out, or as the text that it is. */
export function Recorded({ of: { value, conversation, isPlain }, text, words }: Props) {
  if (conversation && !isPlain) return <Messages of={conversation} words={words} />;
  return value ? <JsonValue of={value} words={words} /> : <JsonView text={text} words={words} />;
}

/** Chooses between the messages of a text and its value; nothing where it has no messages. */
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
      JSON<span className="unseen"> of {what.toLowerCase()}</span>
    </button>
  );
}
