import type { Entry } from "../../api/keyLevel";
import { count } from "../../parts/format";
import { Cell, RowList } from "../../parts/RowList";

interface Props {
  entries: readonly Entry[];
  chosen: string | null;
  onFolder: (prefix: string) => void;
  onKey: (key: string) => void;
  onEnd: (() => void) | undefined;
  isLoadingMore: boolean;
}

/** Folders and keys of one level; Enter goes into a folder or shows a key. */
export function KeyList({ entries, chosen, onFolder, onKey, onEnd, isLoadingMore }: Props) {
  return (
    <RowList
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
              className="store-open cut mono"
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
    </RowList>
  );
}

function idOf(entry: Entry): string {
  return entry.kind === "folder" ? `folder ${entry.prefix}` : `key ${entry.key}`;
}
