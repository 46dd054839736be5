import { useNow, useToday } from "./clock";
import { age, between, duration, moment, NOTHING } from "./format";

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

interface Props {
  at: string | null | undefined;
  as?: "moment" | "age";
}

/** A moment: the local clock time or its age, with both and UTC when the pointer rests on it. */
export function Time({ at, as = "moment" }: Props) {
  if (!at) return <span className="faint">{NOTHING}</span>;
  return as === "age" ? <Age at={at} /> : <Moment at={at} />;
}

function Moment({ at }: { at: string }) {
  const today = useToday();
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={bothTimes(time)}>
      {moment(time, today)}
    </time>
  );
}

function Age({ at }: { at: string }) {
  const now = useNow();
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={bothTimes(time)}>
      {age(time, now)}
    </time>
  );
}

function bothTimes(time: number): string {
  return `${LOCAL.format(time)}\n${new Date(time).toISOString().replace("T", " ").replace("Z", " UTC")}`;
}

/** How long something took; counts on while it has no end. */
export function Took({ from, to }: { from: string | null | undefined; to: string | null | undefined }) {
  return to ? <span>{duration(from ? between(from, to) : null)}</span> : <Running from={from} />;
}

function Running({ from }: { from: string | null | undefined }) {
  const now = useNow();
  return <span>{from ? duration(Math.max(0, Math.floor((now - Date.parse(from)) / 1000) * 1000)) : NOTHING}</span>;
}
