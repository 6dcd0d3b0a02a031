// Numbers as people read them.

const NONE = "–";

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** A count: 1,234. */
export function count(value) {
  return isNumber(value) ? Math.round(value).toLocaleString("en") : NONE;
}

/** Something a second: 0, 0.3, 12, 1,234. */
export function rate(value) {
  if (!isNumber(value)) {
    return NONE;
  }
  return value > 0 && value < 10 ? value.toFixed(1) : count(value);
}

/** A size: 12 KB, 3.4 MB. */
export function size(bytes) {
  if (!isNumber(bytes)) {
    return NONE;
  }
  if (bytes < 1024) {
    return `${bytes} B`;
  }
  const units = ["KB", "MB", "GB", "TB"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A duration in seconds: 250 µs, 3.2 ms, 1.5 s, 4 min, 2 h. */
export function duration(seconds) {
  if (!isNumber(seconds)) {
    return NONE;
  }
  const steps = [[1e-3, 1e-6, "µs"], [1, 1e-3, "ms"], [120, 1, "s"], [7200, 60, "min"],
    [172800, 3600, "h"], [Infinity, 86400, "d"]];
  const [, unit, name] = steps.find(([limit]) => seconds < limit);
  const value = seconds / unit;
  return `${value !== 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${name}`;
}

/** A part of one: 12 %. */
export function share(value) {
  return isNumber(value) ? `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %` : NONE;
}

/** A moment in seconds since 1970: its date and time here. */
export function moment(seconds) {
  return isNumber(seconds) ? new Date(1000 * seconds).toLocaleString("sv") : NONE;
}

/** The time of day. */
export function clock(seconds) {
  const date = new Date(1000 * seconds);
  return `${date.toLocaleTimeString("sv")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** A text, or a dash where there is none. */
export function text(value) {
  return value === null || value === undefined || value === "" ? NONE : String(value);
}
