import { useEffect, useRef, useState } from "react";
import { isEcho } from "./sent";

const QUIET_MS = 150; // between two keys, before the list is asked anew

/**
 * What is typed into a field, and how to type: `onChange` hears of it a moment after the last key.
 *
 * `read` returns the value that a text means, null where it means none: `0.` means `0` and stays `0.` in the field.
 */
export function useTyped(
  value: string,
  onChange: (value: string) => void,
  read: (text: string) => string | null = (text) => text,
): [string, (text: string) => void] {
  const [typed, setTyped] = useState(value);
  const timer = useRef<number | undefined>(undefined);
  const sent = useRef<string[]>([]);
  useEffect(() => {
    if (isEcho(sent.current, value)) return;
    window.clearTimeout(timer.current);
    setTyped(value);
  }, [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  function type(text: string): void {
    setTyped(text);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      const meant = read(text);
      if (meant === null) return;
      sent.current.push(meant);
      onChange(meant);
    }, QUIET_MS);
  }
  return [typed, type];
}
