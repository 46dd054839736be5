import { useNow } from "./clock";
import { age, duration, moment, NOTHING } from "./format";

/** A moment: the local clock time or its age, with both and UTC when the pointer rests on it. */
export function Time({ at, as = "moment" }: { at: string | null | undefined; as?: "moment" | "age" }) {
  const now = useNow();
  if (!at) return <span className="faint">{NOTHING}</span>;
  const time = Date.parse(at);
  const title = `${new Date(time).toLocaleString()}\n${new Date(time).toISOString().replace("T", " ").replace("Z", " UTC")}`;
  return (
    <time dateTime={at} title={title}>
      {as === "age" ? age(time, now) : moment(time, now)}
    </time>
  );
}

/** How long something took; counts on while it has no end. */
export function Took({ from, to }: { from: string | null | undefined; to: string | null | undefined }) {
  return to ? <span>{duration(lengthOf(from, to))}</span> : <Running from={from} />;
}

function Running({ from }: { from: string | null | undefined }) {
  const now = useNow();
  return <span>{from ? duration(Math.max(0, Math.floor((now - Date.parse(from)) / 1000) * 1000)) : NOTHING}</span>;
}

function lengthOf(from: string | null | undefined, to: string): number | null {
  return from ? Date.parse(to) - Date.parse(from) : null;
}
