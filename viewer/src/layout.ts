// Which bars a flame graph has under a zoom, in pixels. Without DOM. Subtrees narrower than half a pixel are jumped over, so that the work
// follows what is drawn, not what is there; where many lie side by side, one bar without a node stands for them.
import type { Tree } from './tree';

export interface Bar {
  node: number; // -1: frames too narrow to be told apart
  x: number;
  width: number;
}

const LEAST = 0.5; // pixels

export type Order = 'name' | 'heaviest';

/** Bars by row: the nodes on the way to the zoomed one at full width, it, and what is under it. */
export function layOut(tree: Tree, zoom: number, width: number, order: Order): Bar[][] {
  const rows: Bar[][] = [];
  for (let i = tree.parent[zoom]!; i >= 0; i = tree.parent[i]!) rows.unshift([{ node: i, x: 0, width }]);
  if (!tree.total[zoom]) return rows;
  const first = rows.length - tree.depth[zoom]!;
  const scale = width / tree.total[zoom]!;
  if (order === 'name') inPreorder(tree, zoom, first, scale, rows);
  else byWeight(tree, zoom, first, scale, rows);
  return rows;
}

/** Room for frames that are too narrow; they join those before them. */
function leave(row: Bar[], x: number, width: number): void {
  const last = row[row.length - 1];
  if (last && last.node < 0 && last.x + last.width > x - LEAST) last.width = x + width - last.x;
  else row.push({ node: -1, x, width });
}

function inPreorder(tree: Tree, zoom: number, first: number, scale: number, rows: Bar[][]): void {
  const x: number[] = []; // where the next bar of each row begins
  x[tree.depth[zoom]!] = 0;
  for (let i = zoom; i < tree.end[zoom]!; ) {
    const depth = tree.depth[i]!;
    const width = tree.total[i]! * scale;
    const at = x[depth]!;
    x[depth] = at + width;
    if (width < LEAST) {
      if (width) leave((rows[first + depth] ??= []), at, width);
      i = tree.end[i]!;
      continue;
    }
    x[depth + 1] = at;
    (rows[first + depth] ??= []).push({ node: i, x: at, width });
    i++;
  }
}

function byWeight(tree: Tree, zoom: number, first: number, scale: number, rows: Bar[][]): void {
  const open: Bar[] = [{ node: zoom, x: 0, width: tree.total[zoom]! * scale }];
  for (let bar = open.pop(); bar; bar = open.pop()) {
    const { node } = bar;
    if (node < 0) {
      leave((rows[first + tree.depth[~node]! + 1] ??= []), bar.x, bar.width);
      continue;
    }
    (rows[first + tree.depth[node]!] ??= []).push(bar);
    const children: number[] = [];
    let narrow = 0;
    for (let k = node + 1; k < tree.end[node]!; k = tree.end[k]!)
      if (tree.total[k]! * scale >= LEAST) children.push(k);
      else narrow += tree.total[k]! * scale;
    children.sort((a, b) => tree.total[b]! - tree.total[a]! || a - b);
    let x = bar.x;
    const bars = children.map((child) => {
      const width = tree.total[child]! * scale;
      const placed = { node: child, x, width };
      x += width;
      return placed;
    });
    if (narrow) bars.push({ node: ~node, x, width: narrow }); // under this node
    open.push(...bars.reverse());
  }
}

/** The bar of a row at x, or null. */
export function barAt(row: Bar[] | undefined, x: number): Bar | null {
  if (!row) return null;
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (row[middle]!.x + row[middle]!.width <= x) low = middle + 1;
    else high = middle;
  }
  const bar = row[low];
  return bar && bar.x <= x ? bar : null;
}
