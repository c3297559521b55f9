/** A merged tree as a flame graph: of one side, or of the difference between two. */
import { useCallback, useMemo, useState } from 'react';

import type { Kind } from '../api/types';
import { amountText, changeText, shareText } from '../lib/amount';
import type { CallTree } from '../lib/calltree';
import { changeColour, colourOf, kindColours } from '../lib/colours';
import { differenceBoxes, relative, relativeText, totals, type Per } from '../lib/difference';
import { mergedBoxes } from '../lib/flame';
import { digits } from '../lib/format';
import { keyOf } from '../lib/legend';
import { useParam } from '../lib/route';
import { useTheme } from '../lib/theme';
import { Flame, type Look } from './Flame';

interface Props {
  tree: CallTree;
  /** Which side is shown; both for their difference. */
  side: 0 | 1 | 'both';
  /** Amounts are for one of so many requests. */
  per: Per;
  label: string;
  hint: string;
  /** `group`, `kind` or `name`. */
  by: string;
  search: string;
  /** Under which name the address keeps what fills the width, where a page shows several trees. */
  zoomName?: string;
}

export function TreeFlame({ tree, side, per, label, hint, by, search, zoomName }: Props) {
  const theme = useTheme();
  const [kinds, setKinds] = useState<Record<Kind, string>>();
  const hold = useCallback((element: HTMLElement | null) => {
    if (element !== null) setKinds(kindColours(element));
  }, []);
  const name = zoomName ?? `zoom${side === 'both' ? '' : side}`;
  const [zoom, setZoom] = useParam(name);
  const boxes = useMemo(
    () =>
      side === 'both'
        ? differenceBoxes(tree, per)
        : mergedBoxes(tree, (place) => (tree.sides[side]?.total[place] ?? 0) / per[side]),
    [tree, side, per],
  );
  const wanted = search.toLowerCase();
  const found = useMemo(
    () =>
      wanted === ''
        ? []
        : tree.frame.flatMap((frame, place) =>
            matches(tree, frame, wanted) && (boxes.boxOf[place] ?? -1) !== -1 ? [place] : [],
          ),
    [tree, boxes, wanted],
  );
  const look = useCallback(
    (place: number): Look => {
      const frame = tree.frames[tree.frame[place] ?? -1];
      const name = frame?.name ?? '';
      const faint = wanted !== '' && !matches(tree, tree.frame[place] ?? -1, wanted);
      if (side === 'both') {
        const change = totals(tree, per, place);
        return {
          colour: changeColour(relative(change), theme),
          name: `${name} (${relativeText(change)})`,
          faint,
          marked: false,
        };
      }
      const key = keyOf(tree, tree.frame[place] ?? -1, by);
      const colour = by === 'kind' ? (kinds?.[key as Kind] ?? '#888888') : colourOf(key, theme);
      return { colour, name, faint, marked: false };
    },
    [tree, side, per, by, kinds, theme, wanted],
  );
  return (
    <div ref={hold} key={theme}>
      <Flame
        boxes={boxes}
        look={look}
        label={label}
        hint={hint}
        found={found}
        zoomed={zoom === '' ? undefined : Number(zoom)}
        zoom={(id) => setZoom(id === undefined ? '' : String(id))}
        viewName={`${name}-view`}
        words={(place) => <Words tree={tree} side={side} per={per} place={place} />}
      />
    </div>
  );
}

function Words({
  tree,
  side,
  per,
  place,
}: {
  tree: CallTree;
  side: 0 | 1 | 'both';
  per: Per;
  place: number;
}) {
  const frame = tree.frames[tree.frame[place] ?? -1];
  const where = [frame?.group, frame?.line].filter((part) => part != null && part !== '').join(':');
  if (side === 'both') {
    const change = totals(tree, per, place);
    return (
      <>
        <strong>{frame?.name}</strong>: {amountText(change.before, tree.unit)} before,{' '}
        {amountText(change.after, tree.unit)} after,{' '}
        <strong>{changeText(change.after - change.before, tree.unit)}</strong> (
        {relativeText(change)}); calls {digits((tree.sides[0]?.count[place] ?? 0) / per[0])} →{' '}
        {digits((tree.sides[1]?.count[place] ?? 0) / per[1])} <span className="dim">{where}</span>
      </>
    );
  }
  const amounts = tree.sides[side];
  const total = amounts?.total[place] ?? 0;
  return (
    <>
      <strong>{frame?.name}</strong>: {amountText(total / per[side], tree.unit)} (
      {shareText(total, amounts?.all ?? 0)}), in itself{' '}
      {amountText((amounts?.own[place] ?? 0) / per[side], tree.unit)}, calls{' '}
      {digits((amounts?.count[place] ?? 0) / per[side])} <span className="dim">{where}</span>
    </>
  );
}

export function matches(tree: CallTree, frame: number, wanted: string): boolean {
  const known = tree.frames[frame];
  if (known === undefined) return false;
  return known.name.toLowerCase().includes(wanted) || known.group.toLowerCase().includes(wanted);
}
