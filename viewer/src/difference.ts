// What differs between two sides, and whether chance explains it. Without DOM.
import { signed } from './units';

/**
 * The relative change of share from baseline to comparison: -1 ... Infinity (new). 0 where a side is empty: there is nothing to compare
 * with.
 */
export function changeOf(base: number, baseTotal: number, other: number, otherTotal: number): number {
  if (!baseTotal || !otherTotal) return 0;
  const p = base / baseTotal;
  const q = other / otherTotal;
  if (!p) return q ? Infinity : 0;
  return (q - p) / p;
}

/** "+12.3%", "new", "gone"; "–" where a side is empty. */
export function changeText(base: number, baseTotal: number, other: number, otherTotal: number): string {
  if (!baseTotal || !otherTotal) return '\u2013';
  if (!base && other) return 'new';
  if (base && !other) return 'gone';
  return signed(changeOf(base, baseTotal, other, otherTotal));
}

/** Half the 95 % confidence interval of a share that is estimated from `samples` samples. */
export function shareError(share: number, samples: number): number {
  if (!samples) return 1;
  // With a sample more on either side, so that a share of 0 or 1 is not taken for certain.
  const p = Math.min(1, Math.max(0, (share * samples + 1) / (samples + 2)));
  return 1.96 * Math.sqrt((p * (1 - p)) / samples);
}

/** Whether a change of share is within what chance alone does to samples (95 %). */
export function isNoise(p: number, samplesP: number, q: number, samplesQ: number): boolean {
  return Math.abs(q - p) <= Math.hypot(shareError(p, samplesP), shareError(q, samplesQ));
}
