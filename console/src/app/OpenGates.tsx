import { useOpenGates } from "../api/gates";
import { count } from "../parts/format";

/** How many gates wait for a decision, beside the page where they are taken; nothing while there is none. */
export function OpenGates() {
  const { data } = useOpenGates();
  if (!data?.length) return null;
  return (
    <span className="bar-count" title={`${count(data.length, "gate")} to decide`}>
      {data.length}
      <span className="unseen"> to decide</span>
    </span>
  );
}
