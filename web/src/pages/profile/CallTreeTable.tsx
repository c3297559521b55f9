/** The call tree as rows that open, down to a depth and a share. */
import { useMemo } from 'react';

import { amountText, shareText } from '../../lib/amount';
import type { CallTree } from '../../lib/calltree';
import { digits, plural } from '../../lib/format';
import { placesText, readPlaces, useHeld } from '../../lib/held';
import { useParam } from '../../lib/route';
import { Breaks } from '../../ui/Breaks';
import { Heads } from '../../ui/Heads';
import { NumberField } from './NumberField';

const ROWS_MAX = 400;
const DEPTH_DEFAULT = 12;
const SHARE_DEFAULT = 1;

export function CallTreeTable({ tree, side }: { tree: CallTree; side: 0 | 1 }) {
  const [depthText, setDepth] = useParam('depth');
  const [shareWanted, setShare] = useParam('min');
  const [closed, setClosed] = useHeld<ReadonlySet<number>>(
    'closed',
    (text) => readPlaces(text, tree.depth.length),
    placesText,
  );
  const depth = Number(depthText) || DEPTH_DEFAULT;
  const least = shareWanted === '' ? SHARE_DEFAULT : Number(shareWanted);
  const amounts = tree.sides[side];
  const all = amounts?.all ?? 0;
  const rows = useMemo(() => {
    const found: number[] = [];
    let hiddenFrom = Infinity;
    tree.depth.forEach((level, place) => {
      if (level > hiddenFrom) return;
      hiddenFrom = Infinity;
      const small = (amounts?.total[place] ?? 0) < (all * least) / 100;
      if (small || level >= depth) {
        hiddenFrom = level;
        return;
      }
      found.push(place);
      if (closed.has(place)) hiddenFrom = level;
    });
    return found;
  }, [tree, amounts, all, least, depth, closed]);
  const flip = (place: number) =>
    setClosed((before) => {
      const next = new Set(before);
      if (!next.delete(place)) next.add(place);
      return next;
    });
  return (
    <>
      <div className="flame-bar">
        <NumberField words="levels" min={1} max={200} value={depth} change={setDepth} />
        <NumberField
          words="at least"
          unit="% of all"
          min={0}
          max={100}
          step={0.1}
          value={least}
          change={setShare}
        />
      </div>
      <table className="rows call-tree">
        <Heads
          columns={[
            ['function'],
            ['with all below', 'n'],
            ['share', 'n p2'],
            ['own', 'n p2'],
            ['calls', 'n p3'],
          ]}
        />
        <tbody>
          {rows.slice(0, ROWS_MAX).map((place) => {
            const frame = tree.frames[tree.frame[place] ?? -1];
            const level = tree.depth[place] ?? 0;
            const inner = (tree.depth[place + 1] ?? 0) > level;
            return (
              <tr key={place}>
                <td className="what" style={{ paddingLeft: `${Math.min(level, 16) * 12}px` }}>
                  {inner ? (
                    <button
                      type="button"
                      className="unfold"
                      aria-expanded={!closed.has(place)}
                      data-row
                      onClick={() => flip(place)}
                    >
                      <Breaks text={frame?.name ?? ''} />
                    </button>
                  ) : (
                    <span className="leaf-name">
                      <Breaks text={frame?.name ?? ''} />
                    </span>
                  )}{' '}
                  <span className="dim service">{frame?.group}</span>
                </td>
                <td className="n strong">{amountText(amounts?.total[place] ?? 0, tree.unit)}</td>
                <td className="n p2">{shareText(amounts?.total[place] ?? 0, all)}</td>
                <td className="n p2">{amountText(amounts?.own[place] ?? 0, tree.unit)}</td>
                <td className="n p3">{digits(amounts?.count[place] ?? 0)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {rows.length > ROWS_MAX && (
        <p className="dim">
          {plural(rows.length - ROWS_MAX, 'more row')}: a larger share or fewer levels show less.
        </p>
      )}
    </>
  );
}
