import { useEffect, useMemo, useState } from "react";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { Dialog } from "../../parts/Dialog";
import { bytes } from "../../parts/format";
import type { LogClient } from "./logClient";

const STEP_BYTES = 1 << 20;
const SLICE = 2000; // characters laid out together: those out of sight cost nothing

/** One long line, all of it if wanted. */
export function LongLine({ log, line, onClose }: { log: LogClient; line: number; onClose: () => void }) {
  const [most, setMost] = useState(STEP_BYTES);
  const [text, setText] = useState<string | null>(null);
  const size = log.line(line)?.bytes ?? 0;
  useEffect(() => {
    let isOver = false;
    void log.whole(line, most).then((whole) => {
      if (!isOver) setText(whole);
    });
    return () => {
      isOver = true;
    };
  }, [log, line, most]);
  const slices = useMemo(() => (text === null ? [] : slicesOf(text)), [text]);
  const isAll = size <= most;
  return (
    <Dialog
      wide
      title={`Line ${(line + 1).toLocaleString("en-US")}, ${bytes(size)}`}
      onClose={onClose}
      footer={
        <>
          {isAll ? null : <Button onClick={() => setMost(most + STEP_BYTES)}>Show {bytes(most + STEP_BYTES)}</Button>}
          {text === null ? null : <CopyButton text={text} label={isAll ? "Copy" : `Copy the first ${bytes(most)}`} />}
          <Button onClick={onClose}>Close</Button>
        </>
      }
    >
      <section className="log-long" tabIndex={0} aria-label="The line">
        {text === null ? "…" : slices.map((slice, place) => <span key={place}>{slice}</span>)}
      </section>
    </Dialog>
  );
}

function slicesOf(text: string): string[] {
  const slices: string[] = [];
  for (let at = 0; at < text.length; ) {
    // Never between the two halves of one character.
    const isHalf = (text.charCodeAt(at + SLICE - 1) & 0xfc00) === 0xd800;
    const end = at + SLICE + (isHalf ? 1 : 0);
    slices.push(text.slice(at, end));
    at = end;
  }
  return slices;
}
