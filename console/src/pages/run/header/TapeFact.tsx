import { useQuery } from "@tanstack/react-query";
import { readChain } from "../../../api/chain";
import { Button } from "../../../parts/Button";

const WHOLE = new Intl.NumberFormat("en-US");

interface Props {
  run: string;
  onShow: (action: string) => void;
}

/** Whether what was recorded of a run is still what it was, when asked: it reads the whole tape. */
export function TapeFact({ run, onShow }: Props) {
  const found = useQuery({
    queryKey: ["chain", run],
    queryFn: ({ signal }) => readChain(run, signal),
    enabled: false,
    gcTime: 0, // what was verified once says nothing of later
  });
  const chain = found.data;
  return (
    <>
      <span role="status">
        {chain?.verified ? (
          <span title={`SHA-256 of all: ${chain.link}`}>verified · {entries(chain.entries)}</span>
        ) : null}
        {chain?.broken ? <Broken broken={chain.broken} onShow={onShow} /> : null}
        {found.error && !found.isFetching ? (
          <span className="run-tape-broken">not read: {found.error.message}</span>
        ) : null}
      </span>
      <Button
        busy={found.isFetching}
        title="Compute its hash chain anew, and look whether anything recorded was changed since"
        onClick={() => void found.refetch()}
      >
        {chain || found.error ? "Again" : "Verify"}
      </Button>
    </>
  );
}

function Broken({
  broken,
  onShow,
}: {
  broken: { entry: number; action_id: string | null; found: string };
  onShow: Props["onShow"];
}) {
  const { entry, action_id: action, found } = broken;
  return (
    <span className="run-tape-broken" title={found}>
      broken at{" "}
      {action === null ? (
        `entry ${WHOLE.format(entry)}`
      ) : (
        <button type="button" className="run-link" onClick={() => onShow(action)}>
          entry {WHOLE.format(entry)}
        </button>
      )}
      : {found}
    </span>
  );
}

function entries(count: number): string {
  return count === 1 ? "1 entry" : `${WHOLE.format(count)} entries`;
}
