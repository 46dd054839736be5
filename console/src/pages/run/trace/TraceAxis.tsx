import { useLayoutEffect, useRef, useState } from "react";
import { marksIn, placeWords, type Sight } from "./axis";

const MARK_PX = 96; // of the axis, for each mark with its words
const LETTER_PX = 8; // of those words, at most: where the end is nearer a mark has only its line

/** The marks of the time axis, and their lines down the list, behind what stands in it. */
export function TraceAxis({ sight, height }: { sight: Sight; height: number }) {
  const axis = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    if (axis.current) observer.observe(axis.current);
    return () => observer.disconnect();
  }, []);
  const length = sight.to - sight.from;
  const marks = marksIn(sight, width / MARK_PX).map((at) => ({ at, share: (at - sight.from) / length }));
  return (
    <>
      <div className="trace-axis" aria-hidden="true">
        <div ref={axis} className="trace-marks">
          {marks.map(({ at, share }) => (
            <span key={at} style={{ left: `${share * 100}%` }}>
              {(1 - share) * width >= placeWords(at).length * LETTER_PX ? placeWords(at) : null}
            </span>
          ))}
        </div>
      </div>
      <div className="trace-lines" aria-hidden="true" style={{ height }}>
        <div className="trace-marks">
          {marks.map(({ at, share }) => (
            <span key={at} style={{ left: `${share * 100}%` }} />
          ))}
        </div>
      </div>
    </>
  );
}
