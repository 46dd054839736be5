import { useQuery } from "@tanstack/react-query";
import { refusalOf } from "../api/client";
import { bytes } from "./format";
import { isImage, laidOutJson, readable } from "./preview";
import { blobPath } from "./url";
import "./filepeek.css";

const MOST_BYTES = 256 * 1024; // enough to judge a file; the rest is a download away

interface Props {
  digest: string;
  name: string;
  sizeBytes?: number | undefined;
}

/** The beginning of a stored file, as text or image; what is neither is named by its kind. */
export function FilePeek({ digest, name, sizeBytes }: Props) {
  if (isImage(name)) {
    return <img className="filepeek-image" src={blobPath(digest, name, true)} alt={`Preview of ${name}`} />;
  }
  return <TextPeek digest={digest} name={name} sizeBytes={sizeBytes} />;
}

function TextPeek({ digest, name, sizeBytes }: Props) {
  const { data, error } = useQuery({
    queryKey: ["peek", digest],
    staleTime: Number.POSITIVE_INFINITY, // a digest names one content for ever
    queryFn: ({ signal }) => beginning(blobPath(digest, name), signal),
  });
  if (error) return <p className="soft">This file cannot be shown: {error.message}</p>;
  if (!data) return <p className="faint">Reading …</p>;
  const text = readable(data.content);
  if (text === null) return <p className="soft">Not a text. Download it to look at it.</p>;
  if (data.content.length === 0) return <p className="soft">The file is empty.</p>;
  return (
    <>
      <pre className="filepeek" dir="auto" tabIndex={0} role="region" aria-label={`Content of ${name}`}>
        {(data.isWhole && name.endsWith(".json") && laidOutJson(text)) || text}
      </pre>
      {data.isWhole ? null : (
        <p className="faint">
          The first {bytes(data.content.length)}
          {sizeBytes === undefined ? "" : ` of ${bytes(sizeBytes)}`}. Download it to see the rest.
        </p>
      )}
    </>
  );
}

async function beginning(url: string, signal: AbortSignal): Promise<{ content: Uint8Array; isWhole: boolean }> {
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw await refusalOf(answer);
  const reader = answer.body?.getReader();
  const content = new Uint8Array(MOST_BYTES);
  let length = 0;
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    const room = part.value.subarray(0, MOST_BYTES - length);
    content.set(room, length);
    length += room.length;
    if (room.length < part.value.length || length === MOST_BYTES) {
      await reader?.cancel();
      return { content: content.slice(0, length), isWhole: false };
    }
  }
  return { content: content.slice(0, length), isWhole: true };
}
