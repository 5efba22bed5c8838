// Values for people. Without DOM.

const DURATIONS: [number, string][] = [[3.6e12, 'h'], [6e10, 'min'], [1e9, 's'], [1e6, 'ms'], [1e3, '\u00b5s'], [1, 'ns']];
const BYTES: [number, string][] = [[2 ** 40, 'TiB'], [2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [1024, 'KiB'], [1, 'B']];
const TIMES: Record<string, number> = { nanoseconds: 1, microseconds: 1e3, milliseconds: 1e6, seconds: 1e9 };

/** Three significant digits, thousands with commas. */
function significant(value: number): string {
  const size = Math.abs(value);
  if (size >= 999.5) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.1 ? 2 : 3);
}

/** The same, but whole numbers stay so. */
export function digits(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-US') : significant(value);
}

/** "1.23 s", "45.6 MiB", "1,234": a value in the unit of its type. */
export function format(value: number, unit: string): string {
  const time = TIMES[unit];
  const scales = time ? DURATIONS : unit === 'bytes' ? BYTES : null;
  const v = value * (time ?? 1);
  if (!v) return '0';
  if (!scales) return digits(v) + (unit === 'count' || !unit ? '' : ' ' + unit);
  const [scale, name] = scales.find(([s]) => Math.abs(v) >= s * 0.9995) ?? scales[scales.length - 1]!;
  return `${scale === 1 ? digits(v) : significant(v / scale)} ${name}`;
}

/** What a second of a window holds: CPU time as a number of CPUs in use, others a second. */
export function formatRate(perSecond: number, unit: string, name: string): string {
  const time = TIMES[unit];
  if (time) return `${digits((perSecond * time) / 1e9)} ${name === 'cpu' ? 'CPUs' : 's/s'}`;
  return `${format(perSecond, unit)}/s`;
}

/** A share as "12.3%". Small ones keep two significant digits and never read as 0. */
export function percent(share: number): string {
  const p = 100 * share;
  if (p && Math.abs(p) < 0.01) return p < 0 ? '>\u22120.01%' : '<0.01%';
  return `${Math.abs(p) >= 99.95 ? p.toFixed(0) : Math.abs(p) >= 9.95 ? p.toFixed(1) : p.toFixed(2)}%`;
}

/** A change as "+12.3%" or, with a real minus sign, "\u221212.3%". */
export function signed(change: number): string {
  const p = 100 * change;
  const text = Math.abs(p) >= 999.5 ? Math.abs(p).toFixed(0).replace(/\B(?=(\d{3})+$)/g, ',') : Math.abs(p).toFixed(1);
  if (Number(text) === 0) return '0.0%';
  return `${p < 0 ? '\u2212' : '+'}${text}%`;
}

const two = (n: number): string => String(n).padStart(2, '0');

/** "12:34:56" in UTC: a report is read in other places than it was written in. */
export function clock(ms: number): string {
  const d = new Date(ms);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

export function day(ms: number): string {
  return Number.isFinite(new Date(ms).getTime()) ? new Date(ms).toISOString().slice(0, 10) : '';
}

/** "2026-11-25 12:34:56 – 12:44:56 UTC", the second day only where it is another. */
export function period(from: number, to: number): string {
  const last = day(from) === day(to) ? clock(to) : `${day(to)} ${clock(to)}`;
  return `${day(from)} ${clock(from)} \u2013 ${last} UTC`;
}
