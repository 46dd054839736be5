import { useEffect, useState } from "react";
import type { Board } from "./board";

const PAUSE_MS = 250; // what is drawn of all nodes at once tells nothing that the changed node has not told

/** Returns a number that grows when any node has changed, at most four times a second. */
export function useSlowVersion(board: Board): number {
  const [version, setVersion] = useState(board.current);
  useEffect(() => {
    let timer: number | undefined;
    const stop = board.watchAll(() => {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        setVersion(board.current());
      }, PAUSE_MS);
    });
    setVersion(board.current());
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [board]);
  return version;
}
