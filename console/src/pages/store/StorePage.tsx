import { useState } from "react";
import { Link } from "react-router";
import { useCanChange } from "../../api/session";
import { type Entry, folderPath, levelOf, refetchStore, useKeyPages } from "../../api/store";
import { Button } from "../../components/Button";
import { newClient } from "../../components/command";
import { EmptyState, ErrorNotice } from "../../components/EmptyState";
import { SearchField } from "../../components/fields";
import { count } from "../../components/format";
import { useEscape } from "../../components/keyboard";
import { Page } from "../../components/Page";
import { Time } from "../../components/Time";
import { useUrl } from "../../components/url";
import { Cell, VirtualTable } from "../../components/VirtualTable";
import { KeyDetail } from "./KeyDetail";
import { PutDialog } from "./PutDialog";
import "./store.css";

function example(): string {
  return `from titan_sdk import TitanClient

client = ${newClient(window.location)}
client.store_put("city", "Graz")
client.store_sadd("seen", "Graz")
client.publish_artifact("report", "report.pdf")`;
}

/** The Store page: keys as folders, and the content of the selected key. */
export function StorePage() {
  const [query, change] = useUrl();
  const prefix = query.get("prefix") ?? "";
  const key = query.get("key");
  const [isPutting, setIsPutting] = useState(false);
  const canChange = useCanChange();
  const found = useKeyPages(prefix);
  useEscape(() => change({ key: null }, true), key !== null);
  const entries = found.data ? levelOf(found.data.pages, prefix) : [];
  const isEmpty = found.isSuccess && entries.length === 0;
  return (
    <Page
      title="Store"
      fills
      aside={
        <>
          <SearchField
            value={prefix}
            label="Keys that begin with"
            onChange={(text) => change({ prefix: text, key: null })}
          />
          <ReadAt at={found.dataUpdatedAt} isReading={found.isFetching} />
          {canChange ? <Button onClick={() => setIsPutting(true)}>Set a key …</Button> : null}
        </>
      }
    >
      <div className="store" data-chosen={key !== null || undefined}>
        <section className="store-keys" aria-label="Keys">
          <Trail prefix={prefix} />
          {found.error ? <ErrorNotice of={found.error} onRetry={found.refetch} /> : null}
          {isEmpty ? <NoKeys prefix={prefix} onAll={() => change({ prefix: null }, true)} /> : null}
          {entries.length > 0 ? (
            <KeyList
              entries={entries}
              chosen={key}
              onFolder={(into) => change({ prefix: into, key: null }, true)}
              onKey={(one) => change({ key: one }, true)}
              onEnd={found.hasNextPage && !found.isFetchingNextPage ? () => void found.fetchNextPage() : undefined}
              isLoadingMore={found.isFetchingNextPage}
            />
          ) : null}
        </section>
        {key === null ? null : <KeyDetail key={key} name={key} onClose={() => change({ key: null }, true)} />}
      </div>
      {isPutting ? (
        <PutDialog
          onClose={() => setIsPutting(false)}
          onDone={(put) => {
            setIsPutting(false);
            change({ key: put, prefix: put.startsWith(prefix) ? prefix : null }, true);
          }}
        />
      ) : null}
    </Page>
  );
}

/** When the keys were loaded, with a refresh button, because changes send no event. */
function ReadAt({ at, isReading }: { at: number; isReading: boolean }) {
  return (
    <span className="row">
      {at > 0 ? (
        <span className="faint">
          loaded <Time at={new Date(at).toISOString()} as="age" />
        </span>
      ) : null}
      <Button
        busy={isReading}
        onClick={() => void refetchStore()}
        title="The store sends no live updates. Load it again."
      >
        Refresh
      </Button>
    </span>
  );
}

function NoKeys({ prefix, onAll }: { prefix: string; onAll: () => void }) {
  if (prefix) {
    return (
      <EmptyState title="No matching keys">
        <p>
          <code dir="auto">{prefix}</code>
        </p>
        <Button onClick={onAll}>Show all keys</Button>
      </EmptyState>
    );
  }
  return (
    <EmptyState title="The store is empty" command={example()}>
      Values, sets and artifacts that jobs and programs share appear here:
    </EmptyState>
  );
}

interface Props {
  entries: readonly Entry[];
  chosen: string | null;
  onFolder: (prefix: string) => void;
  onKey: (key: string) => void;
  onEnd: (() => void) | undefined;
  isLoadingMore: boolean;
}

/** The folders and keys of one level. */
export function KeyList({ entries, chosen, onFolder, onKey, onEnd, isLoadingMore }: Props) {
  return (
    <VirtualTable
      label="Keys"
      rows={entries}
      keyOf={idOf}
      columns="minmax(0, 1fr) auto"
      rowHeight={34}
      onOpen={(entry) => (entry.kind === "folder" ? onFolder(entry.prefix) : onKey(entry.key))}
      onEnd={onEnd}
      isLoadingMore={isLoadingMore}
    >
      {(entry) => (
        <>
          <Cell className="store-name">
            <span aria-hidden="true" className="faint store-glyph">
              {entry.kind === "folder" ? "▸" : "·"}
            </span>
            <button
              type="button"
              className="store-open truncate mono"
              dir="auto"
              title={entry.kind === "folder" ? entry.prefix : entry.key}
              tabIndex={-1}
              aria-pressed={entry.kind === "key" ? entry.key === chosen : undefined}
              onClick={() => (entry.kind === "folder" ? onFolder(entry.prefix) : onKey(entry.key))}
            >
              {entry.name || "(as the folder)"}
            </button>
          </Cell>
          <Cell className="faint num">
            {entry.kind === "folder" ? `${count(entry.count, "key")}${entry.hasMore ? " or more" : ""}` : null}
          </Cell>
        </>
      )}
    </VirtualTable>
  );
}

function idOf(entry: Entry): string {
  return entry.kind === "folder" ? `folder ${entry.prefix}` : `key ${entry.key}`;
}

/** The path of folders. */
function Trail({ prefix }: { prefix: string }) {
  const folders = folderPath(prefix);
  return (
    <nav className="store-trail" aria-label="Folders">
      <Link to="/store" aria-current={prefix === "" ? "page" : undefined}>
        All keys
      </Link>
      {folders.map((folder) => (
        <span key={folder.prefix} className="store-step">
          <span aria-hidden="true" className="faint">
            ›
          </span>
          <Link
            className="truncate"
            dir="auto"
            to={`/store?prefix=${encodeURIComponent(folder.prefix)}`}
            aria-current={folder.prefix === prefix ? "page" : undefined}
          >
            {folder.name}
          </Link>
        </span>
      ))}
    </nav>
  );
}
