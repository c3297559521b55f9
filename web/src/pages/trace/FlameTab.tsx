/** A trace as a flame graph: in time, or with equal calls merged; coloured by service, host or kind. */
import { useCallback, useMemo, useState, type ReactNode } from 'react';

import type { Kind } from '../../api/types';
import { amountText, shareText } from '../../lib/amount';
import { mergeTrace, type CallTree } from '../../lib/calltree';
import { colourOf, kindColours } from '../../lib/colours';
import type { FullTrace } from '../../lib/columns';
import { mergedBoxes, timeBoxes } from '../../lib/flame';
import { durationText, plural } from '../../lib/format';
import { LEGEND_MAX } from '../../lib/legend';
import { useParam } from '../../lib/route';
import { useTheme } from '../../lib/theme';
import { KINDS } from '../../lib/words';
import { Flame, type Look } from '../../ui/Flame';
import { FlameBar, FlameLegend } from '../../ui/FlameBar';

interface Props {
  trace: FullTrace;
  selected: number;
  select: (place: number | undefined) => void;
}

const COLOURS = [
  { name: 'service', words: 'service' },
  { name: 'host', words: 'host' },
  { name: 'kind', words: 'kind' },
];

/** What is drawn, whichever way: names and groups of nodes. */
interface Shown {
  boxes: ReturnType<typeof timeBoxes>;
  name: (id: number) => string;
  group: (id: number) => string;
  failed: (id: number) => boolean;
  words: (id: number) => ReactNode;
}

export function FlameTab({ trace, selected, select }: Props) {
  const [by] = useParam('colour');
  const [merged, setMerged] = useParam('merged');
  const [errors, setErrors] = useParam('errors');
  const [text] = useParam('find');
  const [zoom, setZoom] = useParam('zoom');
  const theme = useTheme();
  const [kinds, setKinds] = useState<Record<Kind, string>>();
  const hold = useCallback((element: HTMLDivElement | null) => {
    if (element !== null) setKinds(kindColours(element));
  }, []);
  const coloured = merged === '' ? by || 'service' : by === 'host' ? 'service' : by || 'service';
  const shown = useMemo(
    () => (merged === '' ? inTime(trace, coloured) : mergedTree(mergeTrace(trace), coloured)),
    [trace, merged, coloured],
  );
  const colour = useCallback(
    (group: string) =>
      coloured === 'kind' ? (kinds?.[group as Kind] ?? '#888888') : colourOf(group, theme),
    [coloured, kinds, theme],
  );
  const wanted = text.toLowerCase();
  const found = useMemo(() => (wanted === '' ? [] : matching(shown, wanted)), [shown, wanted]);
  const look = useCallback(
    (id: number): Look => {
      const name = shown.name(id);
      const fails = errors !== '' && !shown.failed(id);
      const hidden = wanted !== '' && !name.toLowerCase().includes(wanted);
      return {
        colour: colour(shown.group(id)),
        name,
        faint: fails || hidden,
        marked: shown.failed(id),
      };
    },
    [shown, colour, errors, wanted],
  );
  const parts = useMemo(() => legend(trace, coloured), [trace, coloured]);
  return (
    <div ref={hold} className="flame-tab" key={theme}>
      <FlameBar
        colours={merged === '' ? COLOURS : COLOURS.filter(({ name }) => name !== 'host')}
        search="name of a span"
        found={{ count: found.length, share: foundShare(trace, wanted) }}
      >
        <label className="filter check">
          <input
            type="checkbox"
            checked={merged !== ''}
            onChange={(event) => setMerged(event.target.checked ? '1' : '')}
          />{' '}
          merge equal calls
        </label>
        <label className="filter check">
          <input
            type="checkbox"
            checked={errors !== ''}
            disabled={trace.failed === 0}
            onChange={(event) => setErrors(event.target.checked ? '1' : '')}
          />{' '}
          failed only ({trace.failed})
        </label>
      </FlameBar>
      <FlameLegend
        parts={parts.map((part) => ({
          name: part.words,
          colour: colour(part.group),
          share: `${shareText(
            part.micros,
            parts.reduce((sum, one) => sum + one.micros, 0),
          )} of execution`,
          title: durationText(part.micros),
        }))}
      />
      <Flame
        // In time it shows the same stretch as the waterfall; merged, the unit is another one.
        key={merged}
        viewName={merged === '' ? 'view' : 'merged-view'}
        boxes={shown.boxes}
        look={look}
        label={`flame graph of ${plural(trace.nodes.length, 'span')}`}
        words={shown.words}
        hint={
          merged === ''
            ? 'Point at a span, click it for all it carries, double-click it to look closer; Ctrl and the wheel zoom.'
            : 'Each box is as wide as somebody waited for it and all below it. Double-click one to look closer.'
        }
        chosen={merged === '' && selected >= 0 ? selected : undefined}
        choose={(id) => {
          if (merged === '') select(id);
        }}
        zoomed={zoom === '' ? undefined : Number(zoom)}
        zoom={(id) => setZoom(id === undefined ? '' : String(id))}
        found={found}
      />
    </div>
  );
}

function inTime(trace: FullTrace, by: string): Shown {
  const node = (id: number) => trace.nodes[id];
  return {
    boxes: timeBoxes(trace),
    name: (id) => node(id)?.label ?? '',
    group: (id) => groupOf(trace, id, by),
    failed: (id) => node(id)?.failed === true,
    words: (id) => {
      const one = node(id);
      if (one === undefined) return null;
      return (
        <>
          <strong>{one.label}</strong> took {durationText(one.duration_micros)}, after{' '}
          {durationText(one.offset_micros)}; {durationText(one.critical_own_micros)} in itself while
          somebody waited <span className="dim">{trace.services[one.service]}</span>
          {one.failed && <span className="broken"> failed</span>}
        </>
      );
    },
  };
}

function mergedTree(tree: CallTree, by: string): Shown {
  const [side] = tree.sides;
  const frame = (id: number) => tree.frames[tree.frame[id] ?? -1];
  return {
    boxes: mergedBoxes(tree, (place) => side?.total[place] ?? 0),
    name: (id) => frame(id)?.name ?? '',
    group: (id) => (by === 'kind' ? (frame(id)?.kind ?? 'own') : (frame(id)?.group ?? '')),
    failed: (id) => (tree.failed?.[id] ?? 0) > 0,
    words: (id) => (
      <>
        <strong>{frame(id)?.name}</strong> × {side?.count[id] ?? 0}: waited for{' '}
        {amountText(side?.total[id] ?? 0, 'nanos')} (
        {shareText(side?.total[id] ?? 0, side?.all ?? 0)}
        ), {amountText(side?.own[id] ?? 0, 'nanos')} in itself{' '}
        <span className="dim">{frame(id)?.group}</span>
        {(tree.failed?.[id] ?? 0) > 0 && (
          <span className="broken"> {plural(tree.failed?.[id] ?? 0, 'call')} failed</span>
        )}
      </>
    ),
  };
}

function groupOf(trace: FullTrace, place: number, by: string): string {
  const node = trace.nodes[place];
  if (node === undefined) return '';
  if (by === 'kind') return node.kind;
  return (by === 'host' ? trace.hosts[node.host] : trace.services[node.service]) ?? '';
}

/** Groups by their share of execution time: time in themselves while somebody waited. */
function legend(trace: FullTrace, by: string): { group: string; words: string; micros: number }[] {
  const sums = new Map<string, number>();
  trace.nodes.forEach((node, place) => {
    const group = groupOf(trace, place, by);
    sums.set(group, (sums.get(group) ?? 0) + node.critical_own_micros);
  });
  const words = (group: string) => {
    if (by === 'kind') return KINDS.find(({ kind }) => kind === group)?.name ?? group;
    return group === '' ? 'no host named' : group;
  };
  return [...sums]
    .map(([group, micros]) => ({ group, words: words(group), micros }))
    .toSorted((left, right) => right.micros - left.micros)
    .slice(0, LEGEND_MAX);
}

function matching(shown: Shown, wanted: string): number[] {
  return [...shown.boxes.id]
    .filter((id) => shown.name(id).toLowerCase().includes(wanted))
    .toSorted((left, right) => left - right);
}

function foundShare(trace: FullTrace, wanted: string): string {
  if (wanted === '') return '';
  let sum = 0;
  for (const node of trace.nodes)
    if (node.label.toLowerCase().includes(wanted)) sum += node.critical_own_micros;
  return `${shareText(sum, trace.duration_micros)} of the trace`;
}
