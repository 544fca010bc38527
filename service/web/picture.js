// Files: what the service reads goes as it is; what only the browser reads (HEIC, AVIF, GIF, BMP) is redrawn as JPEG.
import { Problem } from "./api.js";
import { t } from "./texts.js";

const starts = (bytes, text, at = 0) => [...text].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));

function readable(bytes) {
  return (
    starts(bytes, "\xff\xd8\xff") || starts(bytes, "\x89PNG") || (starts(bytes, "RIFF") && starts(bytes, "WEBP", 8))
  );
}

/** A blob that the service can read. Raises a Problem when the browser cannot read the file either. */
export async function sendable(file) {
  if (!file.size) throw new Problem({ title: t("picture.empty"), advice: t("picture.empty_advice") });
  if (readable(new Uint8Array(await file.slice(0, 16).arrayBuffer()))) return file;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Problem({
      code: "unreadable",
      title: t("picture.unreadable"),
      advice: t("picture.unreadable_advice"),
    });
  }
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // JPEG has no transparency
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  if (!blob) throw new Problem({ title: t("picture.too_large"), advice: t("picture.too_large_advice") });
  return blob;
}
