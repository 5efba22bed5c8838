// Colours of bars: by what a frame is and where it comes from, or by its change. Text on them has a contrast of 4.5 or more. Without DOM.
import type { Kind } from './profile';

export type Rgb = readonly [number, number, number];
export type Scale = 'blind' | 'classic';

/** From -100 % over no change to +100 %. */
export const SCALES: Record<Scale, readonly [Rgb, Rgb, Rgb]> = {
  blind: [[26, 133, 255], [200, 200, 204], [220, 50, 32]],
  classic: [[20, 170, 60], [200, 200, 204], [215, 40, 40]],
};

export const css = (c: Rgb): string => `rgb(${c.join(' ')})`;

export function changeColour(scale: Scale, change: number): Rgb {
  const [less, same, more] = SCALES[scale];
  const t = Math.min(1, Math.abs(change));
  const to = change < 0 ? less : more;
  return [0, 1, 2].map((k) => Math.round(same[k]! + (to[k]! - same[k]!) * t)) as unknown as Rgb;
}

/** Relative luminance, as WCAG defines it. */
export function luminance(c: Rgb): number {
  const [r, g, b] = c.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)) as unknown as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p) as [number, number];
  return (x + 0.05) / (y + 0.05);
}

const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];

/** Black or white, whichever is read better: of one of them the contrast is always 4.58 or more. */
export function textOn(c: Rgb): Rgb {
  return contrast(c, BLACK) >= contrast(c, WHITE) ? BLACK : WHITE;
}

function hsl(h: number, s: number, l: number): Rgb {
  const a = (s * Math.min(l, 100 - l)) / 10000;
  const channel = (n: number): number => {
    const k = (n + h / 30) % 12;
    return Math.round(255 * (l / 100 - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

export function hash(text: string): number {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return h >>> 0;
}

/** The namespace or class of a C++ name, so that neighbours in the source are neighbours in colour. */
export function packageOf(name: string): string {
  const plain = name.slice(0, 200).replace(/^(?:[\w:<>,*& ]+ )?(?=[\w:~]+[(<])/, '');
  const end = plain.search(/[(<]/);
  const path = end < 0 ? plain : plain.slice(0, end);
  const last = path.lastIndexOf('::');
  return last < 0 ? path : path.slice(0, last);
}

const SCOPE_HUES = [34, 24, 44, 14, 52];
const NATIVE_HUES = [208, 190, 226, 172, 250, 156];

/** Scopes are warm, native frames cool and paler, what the profiler made up is grey. */
export function nameColour(name: string, module: string, kind: Kind, dark: boolean): Rgb {
  const h = hash(kind === 'native' ? module + packageOf(name) : name);
  const shade = ((h >>> 8) % 7) - 3;
  if (kind === 'scope') return hsl(SCOPE_HUES[h % SCOPE_HUES.length]!, dark ? 62 : 88, (dark ? 60 : 69) + shade);
  if (kind === 'native') return hsl(NATIVE_HUES[h % NATIVE_HUES.length]!, dark ? 26 : 48, (dark ? 62 : 80) + shade);
  return dark ? [146, 150, 160] : [214, 217, 224];
}
