/** As what a file is shown, by its name. */
import { isImage } from "./preview";

export type FileKind = "text" | "json" | "markdown" | "csv" | "image" | "binary";

const BINARY =
  /\.(7z|avi|avif|bin|bmp|bz2|db|dll|docx?|exe|flac|gz|heic|ico|jar|mkv|mov|mp3|mp4|npy|npz|odt|ogg|onnx|parquet|pdf|pickle|pkl|pptx?|pt|pyc|rar|safetensors|so|sqlite3?|tar|tgz|tiff?|ttf|wasm|wav|webm|whl|woff2?|xlsx?|xz|zip|zst)$/i;

/** Returns as what a file of this name is shown; what is no text after all is found when it is read. */
export function kindOf(path: string): FileKind {
  if (isImage(path)) return "image";
  if (BINARY.test(path)) return "binary";
  if (/\.(json|ipynb)$/i.test(path)) return "json";
  if (/\.(md|markdown)$/i.test(path)) return "markdown";
  return /\.(csv|tsv)$/i.test(path) ? "csv" : "text";
}
