import { type RefObject, useEffect, useRef } from "react";
import { moved, type Sight, zoomed } from "./axis";

const PX_PER_E = 400; // of the wheel, for a zoom by e

/** The wheel over the chart: with Ctrl it zooms about the pointer, sideways it moves through the time. */
export function useWheel(
  scroller: RefObject<HTMLDivElement | null>,
  sight: Sight,
  whole: Sight,
  look: (to: Sight) => void,
): void {
  const latest = useRef({ sight, whole, look });
  latest.current = { sight, whole, look };
  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    function onWheel(event: WheelEvent): void {
      const { sight: now, whole: all, look: show } = latest.current;
      const chart = element?.querySelector(".trace-marks")?.getBoundingClientRect();
      if (!chart || event.clientX < chart.left) return;
      let next: Sight;
      if (event.ctrlKey || event.metaKey) {
        const at = now.from + ((event.clientX - chart.left) / chart.width) * (now.to - now.from);
        next = zoomed(now, Math.exp(event.deltaY / PX_PER_E), at, all);
      } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        next = moved(now, event.deltaX / chart.width, all);
      } else return;
      event.preventDefault();
      latest.current.sight = next; // wheels turn faster than pages are drawn
      show(next);
    }
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, [scroller]);
}
