/** A trace as a flame graph: in time, or with equal calls merged; coloured by service, host or kind. */
import { useCallback, useMemo, useState, type ReactNode } from 'react';

import type { Kind } from '../../api/types';
import { amountText, shareText } from '../../lib/amount';
import { mergeTrace, type CallTree } from '../../lib/calltree';
import { colourOf, kindColours } from '../../lib/colours';
import type { FullTrace } from '../../lib/columns';
import { mergedBoxes, timeBoxes, type Boxes } from '../../lib/flame';
import { durationText, plural } from '../../lib/format';
import { shares, type Part } from '../../lib/legend';
import { useParam } from '../../lib/route';
import { useTheme } from '../../lib/theme';
import { Flame, type Look } from '../../ui/Flame';
import { FlameBar } from '../../ui/FlameBar';
import { FlameLegend } from '../../ui/FlameLegend';

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

/** What is told of boxes, whichever way they are drawn: names and groups of nodes. */
interface Shown {
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
  const tree = useMemo(() => (merged === '' ? undefined : mergeTrace(trace)), [trace, merged]);
  // Apart from their colours: other boxes would take back how close they are looked at.
  const boxes = useMemo(
    () =>
      tree === undefined
        ? timeBoxes(trace)
        : mergedBoxes(tree, (place) => tree.sides[0]?.total[place] ?? 0),
    [trace, tree],
  );
  const shown = useMemo(
    () => (tree === undefined ? inTime(trace, coloured) : mergedTree(tree, coloured)),
    [trace, tree, coloured],
  );
  const colour = useCallback(
    (group: string) =>
      coloured === 'kind' ? (kinds?.[group as Kind] ?? '#888888') : colourOf(group, theme),
    [coloured, kinds, theme],
  );
  const wanted = text.toLowerCase();
  const found = useMemo(
    () => (wanted === '' ? [] : matching(boxes, shown, wanted)),
    [boxes, shown, wanted],
  );
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
        parts={parts}
        by={coloured}
        of="execution"
        unnamed="no host named"
        text={durationText}
      />
      <Flame
        // In time it shows the same stretch as the waterfall; merged, the unit is another one.
        key={merged}
        viewName={merged === '' ? 'view' : 'merged-view'}
        boxes={boxes}
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
function legend(trace: FullTrace, by: string): Part[] {
  const sums = new Map<string, number>();
  let all = 0;
  trace.nodes.forEach((node, place) => {
    const group = groupOf(trace, place, by);
    sums.set(group, (sums.get(group) ?? 0) + node.critical_own_micros);
    all += node.critical_own_micros;
  });
  return shares(sums, all);
}

function matching(boxes: Boxes, shown: Shown, wanted: string): number[] {
  return [...boxes.id]
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
