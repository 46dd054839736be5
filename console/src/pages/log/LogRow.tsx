import { type MouseEvent, memo, useMemo } from "react";
import { parseAnsi } from "../../parts/ansi";
import { bytes } from "../../parts/format";
import type { ShownLine } from "./logMessages";
import { markedPieces } from "./marked";

interface Props {
  /** From 0. */
  line: number;
  content: ShownLine | undefined;
  isChosen: boolean;
  /** Whether the search stands on it. */
  isHit: boolean;
  onNumber: (line: number, event: MouseEvent) => void;
  onWhole: (line: number) => void;
}

/** One line: its number, which is a link to it, and its text. */
export const LogRow = memo(function LogRow({ line, content, isChosen, isHit, onNumber, onWhole }: Props) {
  return (
    <div className="log-row" data-line={line} data-chosen={isChosen || undefined} data-hit={isHit || undefined}>
      {/* Not in the way of Tab: the field for lines above does the same. */}
      <a
        className="log-number"
        href={`?line=${line + 1}`}
        tabIndex={-1}
        aria-label={`Line ${line + 1}`}
        onClick={(event) => onNumber(line, event)}
      >
        {line + 1}
      </a>
      <span className="log-text">{content ? <Text content={content} /> : null}</span>
      {content?.isCut ? (
        <button type="button" className="log-whole" onClick={() => onWhole(line)}>
          … show all {bytes(content.bytes)}
        </button>
      ) : null}
    </div>
  );
});

function Text({ content }: { content: ShownLine }) {
  const pieces = useMemo(() => markedPieces(parseAnsi(content.text).spans, content.marks), [content]);
  return pieces.map((piece, place) =>
    piece.isMark ? (
      <mark key={place} className="log-mark">
        {piece.text}
      </mark>
    ) : piece.style ? (
      <span key={place} style={piece.style}>
        {piece.text}
      </span>
    ) : (
      piece.text
    ),
  );
}
