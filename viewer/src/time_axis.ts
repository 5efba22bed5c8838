// Where windows are on the timeline. Wide gaps between them are shortened, so that two minutes on each of two days stay visible. Without DOM.

export interface Axis {
  left: Float64Array; // of each window, as a part of the width (0 ... 1)
  right: Float64Array;
  breaks: number[]; // places of gaps that were shortened
}

const LONGEST_GAP = 0.04; // of the time in windows

export function axisOf(windows: readonly (readonly [number, number])[]): Axis {
  const n = windows.length;
  const left = new Float64Array(n);
  const right = new Float64Array(n);
  const durations = windows.map(([, duration]) => Math.max(1, duration));
  const longest = durations.reduce((a, b) => a + b, 0) * LONGEST_GAP;
  const breaks: number[] = [];
  let at = 0;
  let until = n ? windows[0]![0] : 0; // of what has been placed so far, in ms
  for (let i = 0; i < n; i++) {
    const gap = Math.max(0, windows[i]![0] - until);
    if (gap > longest) breaks.push(at + longest / 2);
    at += Math.min(gap, longest);
    left[i] = at;
    at += durations[i]!;
    right[i] = at;
    until = Math.max(until, windows[i]![0] + windows[i]![1]);
  }
  const scale = 1 / (at || 1);
  return { left: left.map((x) => x * scale), right: right.map((x) => x * scale), breaks: breaks.map((x) => x * scale) };
}

/** The window at a place, or the nearest one where a gap is there. */
export function windowAt(axis: Axis, x: number): number {
  let best = 0;
  let distance = Infinity;
  for (let i = 0; i < axis.left.length; i++) {
    const d = x < axis.left[i]! ? axis.left[i]! - x : x > axis.right[i]! ? x - axis.right[i]! : 0;
    if (d < distance) [best, distance] = [i, d];
  }
  return best;
}
