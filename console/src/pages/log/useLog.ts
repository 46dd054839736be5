import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { complain } from "../../parts/Toasts";
import { LogClient } from "./logClient";

/** The log at `url`, which goes on being read while its job is not final; null until it is opened. */
export function useLog(url: string | null, isLive: boolean, onHang: () => void): LogClient | null {
  const [log, setLog] = useState<LogClient | null>(null);
  const hang = useRef(onHang); // another one after each change of the URL, which must not load the log anew
  hang.current = onHang;
  useEffect(() => {
    if (url === null) return undefined;
    const client = new LogClient(url, () => {
      hang.current();
      complain("That expression takes too long on this log, so the search was given up. Try a simpler one.");
    });
    setLog(client);
    return () => {
      client.close();
      setLog(null);
    };
  }, [url]);
  useSyncExternalStore(log?.watch ?? watchNothing, log?.snapshot ?? zero);
  useEffect(() => log?.setLive(isLive), [log, isLive]);
  return log;
}

function watchNothing(): () => void {
  return () => undefined;
}

function zero(): number {
  return 0;
}
