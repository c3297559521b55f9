/** A profile as rings around what is looked at; a click makes another function the middle. */
import { useMemo, useState } from 'react';

import { amountText, shareText } from '../../lib/amount';
import type { CallTree } from '../../lib/calltree';
import { colourOf } from '../../lib/colours';
import { keyOf } from '../../lib/legend';
import { useParam } from '../../lib/route';
import { outline, wedges } from '../../lib/sunburst';
import { useTheme } from '../../lib/theme';
import { matches } from '../../ui/TreeFlame';
import { NumberField } from './NumberField';

const RINGS_DEFAULT = 8;
/** More would be thinner than a line. */
const RINGS_MAX = 40;
/** Of the circle, in percent. */
const SHARE_DEFAULT = 0.2;
const INNER = 46;
const THICKNESS = 26;

interface Props {
  tree: CallTree;
  side: 0 | 1;
  /** What colours tell apart: `name` or `group`. */
  by: string;
  search: string;
}

export function Sunburst({ tree, side, by, search }: Props) {
  const theme = useTheme();
  const [zoom, setZoom] = useParam('centre');
  const [ringsAsked, setRings] = useParam('rings');
  const [shareAsked, setShare] = useParam('angle');
  const rings = Math.min(RINGS_MAX, Math.max(1, Math.round(Number(ringsAsked)) || RINGS_DEFAULT));
  const least = shareAsked === '' ? SHARE_DEFAULT : Number(shareAsked) || 0;
  const [hover, setHover] = useState<number>();
  const root = zoom === '' || Number(zoom) >= tree.depth.length ? undefined : Number(zoom);
  const shown = useMemo(
    () => wedges(tree, side, root, rings, least / 100),
    [tree, side, root, rings, least],
  );
  const outer = shown.reduce((most, wedge) => Math.max(most, wedge.ring + 1), 4);
  const size = 2 * (INNER + outer * THICKNESS + 4);
  const amounts = tree.sides[side];
  const wanted = search.toLowerCase();
  const told = hover ?? root;
  const frame = told === undefined ? undefined : tree.frames[tree.frame[told] ?? -1];
  const total = told === undefined ? (amounts?.all ?? 0) : (amounts?.total[told] ?? 0);
  const out = () => {
    const parent = root === undefined ? -1 : (tree.parent[root] ?? -1);
    setZoom(parent < 0 ? '' : String(parent));
  };
  return (
    <figure className="sunburst">
      <div className="flame-bar">
        <NumberField words="rings" min={1} max={RINGS_MAX} value={rings} change={setRings} />
        <NumberField
          words="at least"
          unit="% of the circle"
          min={0}
          max={100}
          step={0.1}
          value={least}
          change={setShare}
        />
      </div>
      <svg
        viewBox={`${-size / 2} ${-size / 2} ${size} ${size}`}
        role="group"
        aria-label="functions as rings, the callers within"
        onPointerLeave={() => setHover(undefined)}
      >
        {shown.map((wedge) => {
          const place = wedge.place;
          const name = tree.frames[tree.frame[place] ?? -1];
          const fits = wanted === '' || matches(tree, tree.frame[place] ?? -1, wanted);
          const wide = wedge.to - wedge.from > 0.06;
          return (
            <path
              key={place}
              d={outline(wedge, INNER, THICKNESS)}
              fill={colourOf(keyOf(tree, tree.frame[place] ?? -1, by), theme)}
              opacity={fits ? 1 : 0.25}
              className={hover === place ? 'here' : ''}
              {...(wide
                ? {
                    tabIndex: 0,
                    role: 'button',
                    'aria-label': `${name?.name ?? ''}, ${shareText(amounts?.total[place] ?? 0, amounts?.all ?? 0)}`,
                  }
                : { 'aria-hidden': true })}
              onPointerEnter={() => setHover(place)}
              onFocus={() => setHover(place)}
              onClick={() => setZoom(String(place))}
              onKeyDown={(event) => {
                if (event.key === 'Enter' || event.key === ' ') {
                  event.preventDefault();
                  setZoom(String(place));
                } else if (event.key === 'Escape') out();
              }}
            />
          );
        })}
        <circle
          r={INNER - 2}
          className="middle"
          {...(root === undefined
            ? {}
            : { role: 'button', tabIndex: 0, 'aria-label': 'one ring out' })}
          onClick={out}
          onKeyDown={(event) => {
            if (event.key === 'Enter' || event.key === 'Escape') out();
          }}
        />
        <text className="middle-text" textAnchor="middle" y={-2}>
          {amountText(total, tree.unit)}
        </text>
        <text className="middle-text dim" textAnchor="middle" y={14}>
          {shareText(total, amounts?.all ?? 0)}
        </text>
      </svg>
      <figcaption className="readout" aria-live="polite">
        {frame === undefined ? (
          'Callers are within, what they called is outside; a click makes a function the middle, the middle leads back out.'
        ) : (
          <>
            <strong>{frame.name}</strong> {amountText(total, tree.unit)}, in itself{' '}
            {amountText(told === undefined ? 0 : (amounts?.own[told] ?? 0), tree.unit)}{' '}
            <span className="dim">
              {frame.group}
              {frame.line == null ? '' : `:${frame.line}`}
            </span>
          </>
        )}
      </figcaption>
    </figure>
  );
}
