import { useEffect, useState } from "react";
import { Link } from "react-router";
import { useConnection } from "../api/query";

const PATIENCE_MS = 1500; // a server that starts again is back before that

/** Says that the server is away, and that what is on the screen is of before. */
export function Banner() {
  const isAway = useConnection() === "away";
  const [isShown, setIsShown] = useState(false);
  useEffect(() => {
    if (!isAway) {
      setIsShown(false);
      return undefined;
    }
    const timer = window.setTimeout(() => setIsShown(true), PATIENCE_MS);
    return () => window.clearTimeout(timer);
  }, [isAway]);
  if (!isShown) return null;
  return (
    <div className="banner" role="alert">
      The server does not answer. What you see is from before; jobs go on under their workers. Trying again …{" "}
      <Link to="/help/troubleshooting#offline">What to do</Link>
    </div>
  );
}
