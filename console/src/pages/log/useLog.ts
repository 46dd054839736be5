import { useEffect, useState, useSyncExternalStore } from "react";
import { complain } from "../../parts/Toasts";
import { LogClient } from "./logClient";

const PAUSE_MS = 1500; // before a stream that broke, or ended before its job, is asked for again

/** The log at `url`, which goes on being read while its job is not final; null until it is opened. */
export function useLog(url: string | null, isLive: boolean, onHang: () => void): LogClient | null {
  const [log, setLog] = useState<LogClient | null>(null);
  useEffect(() => {
    if (url === null) return undefined;
    const client = new LogClient(url, () => {
      onHang();
      complain("That expression takes too long on this log, so the search was given up. Try a simpler one.");
    });
    setLog(client);
    return () => {
      client.close();
      setLog(null);
    };
  }, [url, onHang]);
  useSyncExternalStore(log?.watch ?? watchNothing, log?.snapshot ?? zero);
  useGoOn(log, isLive);
  return log;
}

function useGoOn(log: LogClient | null, isLive: boolean): void {
  const phase = log?.facts.phase;
  const [isOwed, setIsOwed] = useState(false);
  useEffect(() => {
    if (isLive) setIsOwed(true); // what comes between the last byte here and the end of the job
  }, [isLive]);
  useEffect(() => {
    if (phase !== "broken" && !(phase === "ended" && isOwed)) return undefined;
    const timer = window.setTimeout(
      () => {
        if (!isLive) setIsOwed(false);
        log?.goOn();
      },
      isLive || phase === "broken" ? PAUSE_MS : 0,
    );
    return () => window.clearTimeout(timer);
  }, [log, phase, isLive, isOwed]);
}

function watchNothing(): () => void {
  return () => undefined;
}

function zero(): number {
  return 0;
}
