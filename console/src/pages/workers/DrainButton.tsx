import { useState } from "react";
import type { Worker } from "../../api/facts";
import { useCanOperate } from "../../api/session";
import { useDrain, useResume } from "../../api/workers";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Confirm";
import { count } from "../../parts/format";

/** Lets a worker run out of work and leave, or takes that back while it is still there. */
export function DrainButton({ worker }: { worker: Worker }) {
  const canChange = useCanOperate();
  const [asks, setAsks] = useState(false);
  const drain = useDrain();
  const resume = useResume();
  if (!canChange) return null;
  if (worker.state === "draining") {
    return (
      <Button busy={resume.isPending} aria-label={`Resume ${worker.name}`} onClick={() => resume.run(worker)}>
        Resume
      </Button>
    );
  }
  const running = worker.running.length;
  return (
    <>
      <Button busy={drain.isPending} aria-label={`Drain ${worker.name}`} onClick={() => setAsks(true)}>
        Drain
      </Button>
      {asks ? (
        <Confirm
          title={`Drain ${worker.name}?`}
          yes="Drain"
          onYes={() => drain.run(worker)}
          onClose={() => setAsks(false)}
        >
          It takes no new job, {running > 0 ? `finishes the ${count(running, "job")} it runs,` : "as it runs none"} and
          leaves by itself. Until then Resume takes it back.
          {worker.is_local ? " This server does not start it again." : ""}
        </Confirm>
      ) : null}
    </>
  );
}
