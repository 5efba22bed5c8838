// What a side of the view shows: values of tags and a range of windows. Without DOM.
import type { Profile } from './profile';

export interface Selection {
  tags: (ReadonlySet<number> | null)[]; // for each key the numbers allowed in tag sets (0 = absent); null = any
  from: number; // first window
  to: number; // last window
}

export function everything(profile: Profile): Selection {
  return { tags: profile.header.tags.map(() => null), from: 0, to: Math.max(0, profile.header.windows.length - 1) };
}

export function copyOf(s: Selection): Selection {
  return { tags: [...s.tags], from: s.from, to: s.to };
}

/** For each tag set, whether the selection takes it; key `except` is taken as any. */
export function matchingTagsets(profile: Profile, s: Selection, except = -1): boolean[] {
  return profile.header.tagsets.map((set) => set.every((value, key) => key === except || !s.tags[key] || s.tags[key]!.has(value)));
}
