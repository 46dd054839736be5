import "./keylist.css";

/** Keys, two blanks between single ones, and what they do. */
export type KeyLine = readonly [keys: string, what: string];

/** Keys, and what each does. */
export function KeyList({ of }: { of: readonly KeyLine[] }) {
  return (
    <dl className="key-list">
      {of.map(([keys, what]) => (
        <div key={keys}>
          <dt>
            {keys.split(/\s{2,}/).map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}
