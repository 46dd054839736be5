import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import { useDags } from "../../api/dags";
import { type Dag, finalCount } from "../../api/facts";
import { Status } from "../../parts/Status";
import { Time } from "../../parts/Time";
import { dagPath } from "../../parts/url";

/** Every submission of this name, the newest first: a menu beside the title, and a hint when there is a newer one. */
export function Submissions({ dag }: { dag: Dag }) {
  const [isOpen, setIsOpen] = useState(false);
  const { dags, hasNextPage, fetchNextPage, refetch } = useDags({ name: dag.name }, isOpen);
  useEffect(() => {
    if (isOpen) void refetch(); // the counts of their jobs were not followed until now
  }, [isOpen, refetch]);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    function onPointer(event: PointerEvent): void {
      if (!box.current?.contains(event.target as Node)) setIsOpen(false);
    }
    window.addEventListener("pointerdown", onPointer);
    return () => window.removeEventListener("pointerdown", onPointer);
  }, [isOpen]);
  const newest = dags[0];
  if (!newest || (dags.length === 1 && newest.dag_id === dag.dag_id)) return null;
  const at = dags.findIndex((one) => one.dag_id === dag.dag_id);
  return (
    <>
      {newest.dag_id !== dag.dag_id && at !== -1 ? (
        <Link to={dagPath(newest)} className="dag-newer">
          A newer one is there
        </Link>
      ) : null}
      <div
        ref={box}
        className="dag-menu"
        role="group"
        aria-label="Submissions"
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !isOpen) return;
          setIsOpen(false);
          event.stopPropagation();
          box.current?.querySelector("button")?.focus();
        }}
      >
        <button type="button" className="button button-plain" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {hasNextPage ? `${dags.length}+` : dags.length} submissions <span aria-hidden="true">▾</span>
        </button>
        {isOpen ? (
          <ul className="dag-menu-list card" aria-label={`Submissions of ${dag.name}`}>
            {dags.map((one) => (
              <li key={one.dag_id}>
                <Link
                  to={dagPath(one)}
                  aria-current={one.dag_id === dag.dag_id ? "page" : undefined}
                  onClick={() => setIsOpen(false)}
                >
                  <Status of={one.status} />
                  <Time at={one.submitted_at} />
                  <span className="faint">
                    {finalCount(one.counts)}/{one.counts.total}
                  </span>
                </Link>
              </li>
            ))}
            {hasNextPage ? (
              <li>
                <button type="button" className="button button-quiet" onClick={() => void fetchNextPage()}>
                  Earlier ones
                </button>
              </li>
            ) : null}
          </ul>
        ) : null}
      </div>
    </>
  );
}
