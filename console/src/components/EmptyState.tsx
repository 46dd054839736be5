/** What a page shows in place of data: empty states, errors and notices. */
import type { ReactNode } from "react";
import { ApiError } from "../api/apiError";
import { Button, Snippet } from "./Button";

interface Props {
  title: string;
  children?: ReactNode;
  /** A command or snippet that creates the first entry. */
  command?: string;
}

/** Shown where there is no data: what would appear here, and how to create it. */
export function EmptyState({ title, children, command }: Props) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children ? <div className="soft">{children}</div> : null}
      {command ? <Snippet text={command} /> : null}
    </div>
  );
}

/** Shown where data could not be loaded: the error and a retry button. */
export function ErrorNotice({ of, onRetry }: { of: unknown; onRetry?: () => unknown }) {
  const text = of instanceof Error ? of.message : String(of);
  const isForbidden = of instanceof ApiError && of.status === 403;
  return (
    <div className="failure card" role={isForbidden ? undefined : "alert"} data-forbidden={isForbidden || undefined}>
      <span>
        {isForbidden ? <span aria-hidden="true">⊘ </span> : <span aria-hidden="true">⚠ </span>}
        {text}
      </span>
      {onRetry && !isForbidden ? <Button onClick={() => void onRetry()}>Try again</Button> : null}
    </div>
  );
}

interface NoRowsProps {
  /** The query without rows. */
  found: { isError: boolean; isPending: boolean; error: unknown; refetch: () => unknown };
  /** The noun for a row: "run", "DAG". */
  word: string;
  /** Removes the filters; null without any. */
  onClear: (() => void) | null;
  /** Shown when there is no data at all. */
  children: ReactNode;
}

/** Shown in place of a list's rows: loading, an error, no matches, or no data. */
export function NoRowsNotice({ found, word, onClear, children }: NoRowsProps) {
  if (found.isError) return <ErrorNotice of={found.error} onRetry={found.refetch} />;
  if (found.isPending) return <p className="faint">Loading …</p>;
  if (!onClear) return children;
  return (
    <EmptyState title={`No matching ${word}s`}>
      <Button onClick={onClear}>Show all {word}s</Button>
    </EmptyState>
  );
}

/** Names the filters in the address that are invalid, because a list that only looks filtered would mislead. */
export function InvalidFilterNotice({ of }: { of: readonly string[] }) {
  if (of.length === 0) return null;
  return (
    <p className="field-wrong" role="status">
      Ignored in the address: {of.join(", ")}. No filter has this value.
    </p>
  );
}
