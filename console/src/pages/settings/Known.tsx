import type { ReactNode } from "react";
import { type Settings, useSettings } from "../../api/house";
import { useCanOperate } from "../../api/session";
import { Failure } from "../../parts/Failure";

/** What is made of the server's settings, where the caller may know them. */
export function Known({ children }: { children: (settings: Settings) => ReactNode }) {
  const isAllowed = useCanOperate();
  const { data, error, refetch } = useSettings(isAllowed);
  if (!isAllowed) return <p className="soft">What the server runs with is shown to the role admin, of all projects.</p>;
  if (error) return <Failure of={error} again={refetch} />;
  return data ? children(data) : <p className="faint">…</p>;
}
