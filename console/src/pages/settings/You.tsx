import { useState } from "react";
import { signOut, useSession } from "../../api/session";
import { Button } from "../../parts/Button";
import { Failure } from "../../parts/Failure";
import { complain } from "../../parts/Toasts";
import { ABOUT_ROLE } from "./roles";

/** Whose name and role what is done here has. */
export function You() {
  const { data, error, refetch } = useSession();
  const [isBusy, setIsBusy] = useState(false);
  if (error) return <Failure of={error} again={refetch} />;
  if (!data) return <p className="faint">…</p>;
  async function leave(): Promise<void> {
    setIsBusy(true);
    await signOut().catch((problem: unknown) => {
      setIsBusy(false);
      complain(problem);
    });
  }
  if (!data.is_signed_in) {
    return (
      <p className="soft">
        This server lets in whoever uses its machine, without a token: you may do everything. Others reach it only when
        it is started with <code>--host</code>; then it asks for one.
      </p>
    );
  }
  return (
    <>
      <dl className="settings-facts">
        <dt>Token</dt>
        <dd dir="auto">{data.name ?? "–"}</dd>
        <dt>Role</dt>
        <dd>
          {data.role ?? "–"} <span className="soft">{data.role ? `– ${ABOUT_ROLE[data.role] ?? ""}` : null}</span>
        </dd>
      </dl>
      <div className="row">
        <Button busy={isBusy} onClick={() => void leave()}>
          Sign out
        </Button>
      </div>
    </>
  );
}
