import { useState } from "react";
import { levelOf } from "../../api/keyLevel";
import { useCanChange } from "../../api/session";
import { rereadStore, useKeyPages } from "../../api/store";
import { Button } from "../../parts/Button";
import { newClient } from "../../parts/command";
import { Empty } from "../../parts/Empty";
import { Failure } from "../../parts/Failure";
import { Page } from "../../parts/Page";
import { SearchField } from "../../parts/SearchField";
import { Time } from "../../parts/Time";
import { useUrl } from "../../parts/url";
import { useEscape } from "../../parts/useEscape";
import { KeyDetail } from "./KeyDetail";
import { KeyList } from "./KeyList";
import { PutDialog } from "./PutDialog";
import { Trail } from "./Trail";
import "./store.css";

function example(): string {
  return `from titan_sdk import TitanClient

client = ${newClient(window.location)}
client.store_put("city", "Graz")
client.store_sadd("seen", "Graz")
client.publish_artifact("report", "report.pdf")`;
}

/** What jobs share: keys folded at colons and slashes, and beside them what the chosen key holds. */
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
          {canChange ? <Button onClick={() => setIsPutting(true)}>Put a key …</Button> : null}
        </>
      }
    >
      <div className="store" data-chosen={key !== null || undefined}>
        <section className="store-keys" aria-label="Keys">
          <Trail prefix={prefix} />
          {found.error ? <Failure of={found.error} again={found.refetch} /> : null}
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

/** No event tells that a key changed: so the page says of when it is, and how to read anew. */
function ReadAt({ at, isReading }: { at: number; isReading: boolean }) {
  return (
    <span className="row">
      {at > 0 ? (
        <span className="faint">
          read <Time at={new Date(at).toISOString()} as="age" />
        </span>
      ) : null}
      <Button
        busy={isReading}
        onClick={() => void rereadStore()}
        title="The store does not tell of its changes: read it again"
      >
        Refresh
      </Button>
    </span>
  );
}

function NoKeys({ prefix, onAll }: { prefix: string; onAll: () => void }) {
  if (prefix) {
    return (
      <Empty title="No key begins with that">
        <p>
          <code dir="auto">{prefix}</code>
        </p>
        <Button onClick={onAll}>Show all keys</Button>
      </Empty>
    );
  }
  return (
    <Empty title="The store is empty" command={example()}>
      Values, sets and artifacts appear here that jobs and programs share:
    </Empty>
  );
}
