// What a picture file says beside its pixels: JPEG, PNG, WebP. Bounded, and never throws.
import { exif } from "./exif.js";

const MOST_PARTS = 4096;
const LARGEST = 64 * 2 ** 20; // bytes that are looked at
const LONGEST = 160; // letters of a text that are shown
const IMAGE_CHUNKS = new Set(
  "IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB pHYs bKGD sBIT hIST sPLT cICP acTL fcTL fdAT VP8X ALPH ANIM ANMF".split(" ")
    .concat("VP8 ", "VP8L"),
);
const XMP = "http://ns.adobe.com/xap/";

const ascii = (bytes, from, to) => String.fromCharCode(...bytes.subarray(from, to));
const starts = (bytes, letters) => ascii(bytes, 0, letters.length) === letters;
const word = (bytes, at, little) => new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, little);
const clean = (text) => text.replace(/[\0-\x1f\x7f-\x9f\ufffd]+/g, " ").trim();
const shown = (bytes) => clean(decoded(bytes.subarray(0, LONGEST)));
const latin = (bytes) => clean(ascii(bytes, 0, LONGEST));
const two = (number) => String(number).padStart(2, "0");

/** `format`: jpeg, png, webp or "". `notes`: what else is in the file, `{kind, value}`. `thumbnail`: bytes, or null. */
export async function metadata(file) {
  const bytes = new Uint8Array(await file.slice(0, LARGEST).arrayBuffer());
  return inspect(bytes);
}

export function inspect(bytes) {
  const report = { format: "", notes: [], thumbnail: null };
  try {
    if (starts(bytes, "\xff\xd8\xff")) jpeg(bytes, report);
    else if (starts(bytes, "\x89PNG")) png(bytes, report);
    else if (starts(bytes, "RIFF") && ascii(bytes, 8, 12) === "WEBP") webp(bytes, report);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the file ends early: what was found is told
  }
  return report;
}

function note(report, kind, value = "") {
  if (!report.notes.some((other) => other.kind === kind && other.value === value)) report.notes.push({ kind, value });
}

function jpeg(bytes, report) {
  report.format = "jpeg";
  let at = 2;
  for (let part = 0; part < MOST_PARTS && at + 2 <= bytes.length; part++) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff) return;
    if (marker === 0xff) at += 1;
    else if (marker === 0xd9) return rest(bytes, at + 2, report);
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
    else {
      const length = 256 * bytes[at + 2] + bytes[at + 3];
      segment(marker, bytes.subarray(at + 4, at + 2 + length), report);
      at += 2 + length;
      if (marker === 0xda) at = afterScan(bytes, at);
    }
  }
}

/** Where the next marker is: not a stuffed byte, not a restart. */
function afterScan(bytes, from) {
  let at = bytes.indexOf(0xff, from);
  while (at !== -1 && (bytes[at + 1] === 0 || (bytes[at + 1] >= 0xd0 && bytes[at + 1] <= 0xd7))) at = bytes.indexOf(0xff, at + 2);
  return at === -1 ? bytes.length : at;
}

function segment(marker, body, report) {
  if (marker === 0xfe) note(report, "comment", shown(body));
  else if (marker === 0xe1 && starts(body, "Exif\0")) camera(body.subarray(6), report);
  else if (marker === 0xe1 && starts(body, XMP)) note(report, "xmp");
  else if (marker === 0xe2 && starts(body, "ICC_PROFILE")) note(report, "profile");
  else if (marker === 0xed && starts(body, "Photoshop")) note(report, "iptc");
  else if (marker === 0xe0 && starts(body, "JFIF\0")) small(body, report);
  else if (marker === 0xee && starts(body, "Adobe")) return; // how colours are coded
  else if (marker >= 0xe0 && marker <= 0xef) note(report, "other");
}

/** A JFIF header may hold a small copy as well. */
function small(body, report) {
  if (body[12] && body[13]) note(report, "other");
}

function png(bytes, report) {
  report.format = "png";
  let at = 8;
  for (let part = 0; part < MOST_PARTS && at + 8 <= bytes.length; part++) {
    const length = word(bytes, at, false);
    const name = ascii(bytes, at + 4, at + 8);
    chunk(name, bytes.subarray(at + 8, at + 8 + length), report);
    at += 12 + length;
    if (name === "IEND") return rest(bytes, at, report);
  }
}

function webp(bytes, report) {
  report.format = "webp";
  const end = Math.min(bytes.length, 8 + word(bytes, 4, true));
  let at = 12;
  for (let part = 0; part < MOST_PARTS && at + 8 <= end; part++) {
    const length = word(bytes, at + 4, true);
    chunk(ascii(bytes, at, at + 4), bytes.subarray(at + 8, at + 8 + length), report);
    at += 8 + length + (length % 2);
  }
  rest(bytes, end + (end % 2), report);
}

function chunk(name, body, report) {
  if (name === "eXIf" || name === "EXIF") camera(starts(body, "Exif\0\0") ? body.subarray(6) : body, report);
  else if (name === "XMP " || (name === "iTXt" && starts(body, "XML:com.adobe.xmp"))) note(report, "xmp");
  else if (name === "iCCP" || name === "ICCP") note(report, "profile");
  else if (["tEXt", "zTXt", "iTXt"].includes(name)) note(report, "comment", words(name, body));
  else if (name === "tIME" && body.length > 3) note(report, "changed", `${256 * body[0] + body[1]}-${two(body[2])}-${two(body[3])}`);
  else if (!IMAGE_CHUNKS.has(name)) note(report, "other");
}

/** The keyword and the text of a PNG's text chunk (PNG, section 11.3.3); the keyword alone where the text is compressed. */
function words(name, body) {
  const end = body.indexOf(0);
  if (end < 0) return latin(body);
  const key = latin(body.subarray(0, end));
  if (name === "zTXt" || (name === "iTXt" && body[end + 1] !== 0)) return key;
  let text = body.subarray(end + 1);
  if (name === "iTXt") {
    const language = body.indexOf(0, end + 3);
    text = body.subarray(body.indexOf(0, language + 1) + 1);
  }
  const said = name === "iTXt" ? shown(text) : latin(text);
  return key.toLowerCase() === "comment" ? said : `${key}: ${said}`;
}

/** UTF-8 as most write it now, else as others always did. */
function decoded(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true }); // may be cut inside a letter
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

function rest(bytes, end, report) {
  if (bytes.length > end) note(report, "trailing", bytes.length - end);
}

const side = (degrees, [plus, minus]) => `${Math.abs(degrees).toFixed(5)}° ${degrees < 0 ? minus : plus}`;

function camera(bytes, report) {
  const said = exif(bytes);
  const { place } = said;
  if (place) {
    const high = place.altitude === null ? "" : `, ${Math.round(place.altitude)} m`;
    note(report, "place", `${side(place.latitude, "NS")}, ${side(place.longitude, "EW")}${high}`);
  }
  const device = [said.make, said.model].filter(Boolean).join(" ");
  if (device) note(report, "device", device);
  for (const kind of ["lens", "serial", "owner", "artist", "copyright", "software", "description", "comment"]) {
    if (said[kind]) note(report, kind, said[kind]);
  }
  if (said.taken) note(report, "taken", said.taken);
  else if (said.changed) note(report, "changed", said.changed);
  if (said.orientation > 1) note(report, "orientation");
  if (said.maker) note(report, "maker");
  if (said.thumbnail?.length) {
    note(report, "thumbnail");
    report.thumbnail = said.thumbnail;
  }
  if (!report.notes.length) note(report, "other");
}
