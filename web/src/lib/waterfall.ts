/** Which rows a waterfall has: the tree in order, with similar siblings folded into one row. */
import type { Trace } from '../api/types';
import { placesText, readPlaces } from './held';

export interface SpanRow {
  type: 'span';
  node: number;
  depth: number;
  /** It has children, and whether they are shown. */
  open: boolean | undefined;
}

export interface FoldRow {
  type: 'fold';
  fold: number;
  members: number[];
  depth: number;
  open: boolean;
}

export type Row = SpanRow | FoldRow;

/** What the reader opened and closed: folds start closed, spans start open. */
export interface Opened {
  folds: ReadonlySet<number>;
  closed: ReadonlySet<number>;
}

type Item = { node: number } | { fold: number; members: number[] };

/** Without recursion: a trace may be as deep as it has spans. */
export function rows(trace: Trace, opened: Opened): Row[] {
  const children = childrenOf(trace);
  const found: Row[] = [];
  const pending: { item: Item; depth: number }[] = [];
  const push = (nodes: number[], depth: number, folding: boolean) => {
    const items = folding ? foldedItems(trace, nodes) : nodes.map((node) => ({ node }));
    for (const item of items.toReversed()) pending.push({ item, depth });
  };
  push(children.roots, 0, true);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { item, depth } = next;
    if ('fold' in item) {
      const open = opened.folds.has(item.fold);
      found.push({ type: 'fold', ...item, depth, open });
      if (open) push(item.members, depth + 1, false);
    } else {
      const below = children.of.get(item.node);
      const open = below === undefined ? undefined : !opened.closed.has(item.node);
      found.push({ type: 'span', node: item.node, depth, open });
      if (below !== undefined && open === true) push(below, depth + 1, true);
    }
  }
  return found;
}

/** Spans whose children only tell the same again (the driver below the ORM) start closed. */
export function closedAtFirst(trace: Trace): Set<number> {
  const closed = new Set<number>();
  for (const [parent, children] of childrenOf(trace).of) {
    if (children.every((child) => trace.nodes[child]?.double)) closed.add(parent);
  }
  return closed;
}

/** What all rows being open, and none, are called in the address: it has no room for thousands. */
const [ALL, NONE] = ['all', 'none'];

/** What was opened and closed since the beginning, as the address tells it: `f2.5_c1a_o3`, folds, closed and opened rows. */
export function openedText(opened: Opened, trace: Trace, closedFirst: ReadonlySet<number>): string {
  const closed = [...opened.closed].filter((node) => !closedFirst.has(node));
  const open = [...closedFirst].filter((node) => !opened.closed.has(node));
  if (opened.folds.size + closed.length + open.length === 0) return '';
  const { closed: shut, folds } = opened;
  if (shut.size === 0 && folds.size === trace.folds.length) return ALL;
  if (folds.size === 0 && shut.size === childrenOf(trace).of.size) return NONE;
  return Object.entries({ f: folds, c: closed, o: open })
    .map(([kind, places]) => [kind, placesText(places)])
    .filter(([, places]) => places !== '')
    .map((part) => part.join(''))
    .join('_');
}

/** The rows that the address tells, beside those that are closed at first. */
export function readOpened(text: string, trace: Trace, closedFirst: ReadonlySet<number>): Opened {
  if (text === ALL || text === NONE) return allOf(trace, text === ALL);
  const told = (kind: string, count: number) => {
    const part = text.split('_', 3).find((one) => one.startsWith(kind)) ?? '';
    return readPlaces(part.slice(1), count);
  };
  const closed = new Set([...closedFirst, ...told('c', trace.nodes.length)]);
  for (const node of told('o', trace.nodes.length)) closed.delete(node);
  return { folds: told('f', trace.folds.length), closed };
}

/** What has to be open so that a span is to be seen. */
export function openedFor(trace: Trace, opened: Opened, node: number): Opened {
  const folds = new Set(opened.folds);
  const closed = new Set(opened.closed);
  for (let place: number | null | undefined = node; place != null;) {
    const here: Trace['nodes'][number] | undefined = trace.nodes[place];
    if (here === undefined) break;
    if (here.fold != null) folds.add(here.fold);
    if (place !== node) closed.delete(place);
    place = here.parent;
  }
  return { folds, closed };
}

/** All rows open, or the roots alone. */
export function allOf(trace: Trace, open: boolean): Opened {
  const none = new Set<number>();
  if (open) return { folds: new Set(trace.folds.keys()), closed: none };
  return { folds: none, closed: new Set(childrenOf(trace).of.keys()) };
}

/** One level more: the rows nearest to the root that are closed are opened; or one less, from the other end. */
export function levelOf(all: Row[], opened: Opened, open: boolean): Opened {
  const able = all.filter((row) => row.open === !open);
  const depth = able.reduce(
    (best, row) => (open ? Math.min(best, row.depth) : Math.max(best, row.depth)),
    open ? Infinity : -1,
  );
  const folds = new Set(opened.folds);
  const closed = new Set(opened.closed);
  const put = (set: Set<number>, value: number, is: boolean) =>
    is ? set.add(value) : set.delete(value);
  for (const row of able) {
    if (row.depth !== depth) continue;
    if (row.type === 'fold') put(folds, row.fold, open);
    else put(closed, row.node, !open);
  }
  return { folds, closed };
}

/** The row that shows a span, or the nearest one that hides it. */
export function placeOf(all: Row[], trace: Trace, node: number): number {
  const spans = new Map<number, number>();
  const folds = new Map<number, number>();
  all.forEach((row, place) => {
    if (row.type === 'span') spans.set(row.node, place);
    else folds.set(row.fold, place);
  });
  for (let at: number | null | undefined = node; at != null;) {
    const here: Trace['nodes'][number] | undefined = trace.nodes[at];
    const place = spans.get(at) ?? (here?.fold == null ? undefined : folds.get(here.fold));
    if (place !== undefined) return place;
    at = here?.parent;
  }
  return 0;
}

interface Children {
  roots: number[];
  of: Map<number, number[]>;
}

const kept = new WeakMap<Trace, Children>();

/** Roots, and the children of all others, in tree order; worked out once for a trace. */
export function childrenOf(trace: Trace): Children {
  const known = kept.get(trace);
  if (known !== undefined) return known;
  const roots: number[] = [];
  const of = new Map<number, number[]>();
  trace.nodes.forEach((node, place) => {
    if (node.parent == null) roots.push(place);
    else {
      const siblings = of.get(node.parent);
      if (siblings === undefined) of.set(node.parent, [place]);
      else siblings.push(place);
    }
  });
  const children = { roots, of };
  kept.set(trace, children);
  return children;
}

/** Siblings, with those of one fold gathered where the first of them stands. */
function foldedItems(trace: Trace, nodes: number[]): Item[] {
  const items: Item[] = [];
  const folds = new Map<number, number[]>();
  for (const node of nodes) {
    const fold = trace.nodes[node]?.fold;
    if (fold == null) {
      items.push({ node });
      continue;
    }
    const members = folds.get(fold);
    if (members !== undefined) members.push(node);
    else {
      const first = [node];
      folds.set(fold, first);
      items.push({ fold, members: first });
    }
  }
  return items;
}

/** Stretches of a span in which none of its children ran: its own time. */
export function gaps(trace: Trace, node: number): [number, number][] {
  const span = trace.nodes[node];
  if (span === undefined) return [];
  const end = span.offset_micros + span.duration_micros;
  const found: [number, number][] = [];
  let cursor = span.offset_micros;
  const children: [number, number][] = [];
  for (let place = node + 1; place < span.subtree_end;) {
    const child = trace.nodes[place];
    if (child === undefined) break;
    children.push([child.offset_micros, child.offset_micros + child.duration_micros]);
    place = child.subtree_end;
  }
  children.sort((left, right) => left[0] - right[0]);
  for (const [from, to] of children) {
    if (from > cursor) found.push([cursor, Math.min(from, end)]);
    cursor = Math.max(cursor, to);
    if (cursor >= end) break;
  }
  if (cursor < end) found.push([cursor, end]);
  return found;
}
