import { useLayoutEffect, useRef, useState } from "react";
import { marksIn, placeWords, type Sight } from "./axis";

const MARK_PX = 96; // of the axis, for each mark with its words

/** The marks of the time axis, and their lines down the list. */
export function TraceAxis({ sight, height }: { sight: Sight; height: number }) {
  const axis = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    if (axis.current) observer.observe(axis.current);
    return () => observer.disconnect();
  }, []);
  const length = sight.to - sight.from;
  return (
    <div className="trace-axis" aria-hidden="true">
      <div ref={axis} className="trace-marks">
        {marksIn(sight, width / MARK_PX).map((at) => {
          const left = `${((at - sight.from) / length) * 100}%`;
          return (
            <span key={at} style={{ left }}>
              <span className="trace-line" style={{ height }} />
              {placeWords(at)}
            </span>
          );
        })}
      </div>
    </div>
  );
}
