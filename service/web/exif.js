// EXIF: the tags of a TIFF structure that tell of somebody (Exif 2.32, sections 4.6.4 to 4.6.8). Reads as far as the
// bytes are sound and never throws.
const MOST_ENTRIES = 512; // of one directory
const LONGEST = 200; // letters that are shown of one tag
const SIZES = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8 };
const CAMERA = {
  0x010e: "description", 0x010f: "make", 0x0110: "model", 0x0112: "orientation", 0x0131: "software", 0x0132: "changed",
  0x013b: "artist", 0x8298: "copyright", 0x8769: "details", 0x8825: "gps",
  0x9003: "taken", 0x9286: "comment", 0x927c: "maker", 0xa430: "owner", 0xa431: "serial", 0xa434: "lens",
};
const GPS = { 1: "south", 2: "latitude", 3: "west", 4: "longitude", 5: "below", 6: "altitude" };
const SMALL = { 0x0201: "start", 0x0202: "length" };

/** What the tags say, by name; `place` in degrees and metres, `thumbnail` as bytes. */
export function exif(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = {};
  try {
    const little = view.getUint16(0) === 0x4949;
    const first = view.getUint32(4, little);
    const second = directory(view, first, little, CAMERA, found);
    if (found.details) directory(view, found.details, little, CAMERA, found);
    if (found.gps) found.place = place(read(view, found.gps, little, GPS));
    const small = second ? read(view, second, little, SMALL) : {};
    if (small.start && small.length) found.thumbnail = bytes.subarray(small.start, small.start + small.length);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // what stood before the bytes ended is kept
  }
  return found;
}

function read(view, at, little, names) {
  const found = {};
  directory(view, at, little, names, found);
  return found;
}

/** Puts the tags of one directory into `found`; gives where the next one is, 0 for none. */
function directory(view, at, little, names, found) {
  const count = view.getUint16(at, little);
  if (count > MOST_ENTRIES) return 0;
  for (let i = 0; i < count; i++) {
    const entry = at + 2 + 12 * i;
    const name = names[view.getUint16(entry, little)];
    if (name) found[name] = value(view, entry, little) ?? found[name];
  }
  const end = at + 2 + 12 * count;
  return end + 4 <= view.byteLength ? view.getUint32(end, little) : 0;
}

function value(view, entry, little) {
  const kind = view.getUint16(entry + 2, little);
  const count = view.getUint32(entry + 4, little);
  const size = (SIZES[kind] ?? 0) * count;
  if (!size) return undefined;
  const at = size <= 4 ? entry + 8 : view.getUint32(entry + 8, little);
  if (at + size > view.byteLength) return undefined;
  if (kind === 2) return text(view, at, count);
  if (kind === 1 || kind === 7) return size > 1 ? text(view, at, count) : view.getUint8(at);
  if (kind === 3) return view.getUint16(at, little);
  if (kind === 4 || kind === 9) return view.getUint32(at, little);
  return Array.from({ length: Math.min(count, 3) }, (_, i) => {
    const [over, under] = [view.getUint32(at + 8 * i, little), view.getUint32(at + 8 * i + 4, little)];
    return over / under;
  });
}

function text(view, at, count) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, Math.min(count, LONGEST));
  return new TextDecoder().decode(bytes).replace(/[\0-\x1f\ufffd]+/g, " ").trim();
}

function place({ latitude, longitude, south, west, altitude, below }) {
  const degrees = (parts) => parts[0] + (parts[1] || 0) / 60 + (parts[2] || 0) / 3600;
  if (!latitude?.length || !longitude?.length) return undefined;
  const found = {
    latitude: degrees(latitude) * (south === "S" ? -1 : 1),
    longitude: degrees(longitude) * (west === "W" ? -1 : 1),
    altitude: Number.isFinite(altitude?.[0]) ? altitude[0] * (below === 1 ? -1 : 1) : null,
  };
  return Number.isFinite(found.latitude) && Number.isFinite(found.longitude) ? found : undefined;
}
