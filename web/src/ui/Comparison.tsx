/** Two merged trees: what changed as a difference, one above the other, and as a table. */
import { useMemo } from 'react';

import { amountText, changeText } from '../lib/amount';
import type { CallTree } from '../lib/calltree';
import {
  frameChanges,
  relativeText,
  type Change,
  type FrameChange,
  type Per,
} from '../lib/difference';
import { digits, plural } from '../lib/format';
import { useParam, useQuery } from '../lib/route';
import { Breaks } from './Breaks';
import { FlameBar } from './FlameBar';
import { Heads } from './Heads';
import { Tabs } from './Tabs';
import { matches, TreeFlame } from './TreeFlame';
import { TreeLegend } from './TreeLegend';

const ROWS_MAX = 300;

interface Props {
  tree: CallTree;
  per: Per;
  /** What the sides are called. */
  names: [string, string];
}

export function Comparison({ tree, per, names }: Props) {
  const tab = useQuery().get('tab') ?? 'difference';
  const [text] = useParam('find');
  const [colour] = useParam('colour');
  const kinds = tree.frames.some((frame) => frame.kind !== undefined);
  const by = colour || (kinds ? 'kind' : 'group');
  const hint = 'Point at a box for its figures; Enter or a double click fills the width with it.';
  return (
    <Tabs
      label="Views of the comparison"
      tabs={[
        { name: 'difference', words: 'Difference' },
        { name: 'both', words: 'One above the other' },
        { name: 'table', words: 'Table' },
      ]}
      tab={tab}
      first="difference"
    >
      <FlameBar
        colours={
          tab === 'both' && kinds
            ? [
                { name: 'kind', words: 'kind' },
                { name: 'group', words: 'service' },
              ]
            : []
        }
        search="name"
      />
      {tab === 'table' ? (
        <ChangeTable tree={tree} per={per} wanted={text.toLowerCase()} />
      ) : tab === 'both' ? (
        ([0, 1] as const).map((side) => (
          <section key={side} aria-label={names[side]}>
            <h2 className="side-name">
              {names[side]}{' '}
              <span className="dim">
                {amountText((tree.sides[side]?.all ?? 0) / per[side], tree.unit)}
              </span>
            </h2>
            <TreeLegend tree={tree} side={side} by={by} />
            <TreeFlame
              tree={tree}
              side={side}
              per={per}
              by={by}
              search={text}
              label={`flame graph of ${names[side]}`}
              hint={hint}
            />
          </section>
        ))
      ) : (
        <>
          <ul className="legend" aria-label="what the colours mean">
            <li>
              <i className="swatch less" aria-hidden="true" /> less than before
            </li>
            <li>
              <i className="swatch more" aria-hidden="true" /> more than before
            </li>
            <li className="dim">
              each box as wide as the larger of the two; its name says by how much
            </li>
          </ul>
          <TreeFlame
            tree={tree}
            side="both"
            per={per}
            by={by}
            search={text}
            label={`flame graph of the difference between ${names[0]} and ${names[1]}`}
            hint={hint}
          />
        </>
      )}
    </Tabs>
  );
}

function ChangeTable({ tree, per, wanted }: { tree: CallTree; per: Per; wanted: string }) {
  const rows = useMemo(() => frameChanges(tree, per), [tree, per]);
  const shown = rows.filter((row) => wanted === '' || matches(tree, row.frame, wanted));
  return (
    <>
      <table className="rows changes">
        <Heads
          columns={[
            ['what'],
            ['calls', 'n'],
            ['own before', 'n p2'],
            ['own after', 'n p2'],
            ['change', 'n'],
            ['in percent', 'n p3'],
          ]}
        />
        <tbody>
          {shown.slice(0, ROWS_MAX).map((row) => (
            <Row key={row.frame} tree={tree} row={row} />
          ))}
        </tbody>
      </table>
      {shown.length === 0 && <p className="nothing">Nothing is called like that.</p>}
      {shown.length > ROWS_MAX && (
        <p className="dim">{plural(shown.length - ROWS_MAX, 'more row')}.</p>
      )}
    </>
  );
}

function Row({ tree, row }: { tree: CallTree; row: FrameChange }) {
  const frame = tree.frames[row.frame];
  const change = row.own.after - row.own.before;
  return (
    <tr>
      <td className="what">
        {frame?.kind !== undefined && (
          <i className={`swatch kind-${frame.kind}`} aria-hidden="true" />
        )}{' '}
        <Breaks text={frame?.name ?? ''} /> <span className="dim service">{frame?.group}</span>
        {row.state !== 'same' && <span className="badge">{row.state}</span>}
      </td>
      <td className="n">{arrow(row.count)}</td>
      <td className="n p2">{amountText(row.own.before, tree.unit)}</td>
      <td className="n p2">{amountText(row.own.after, tree.unit)}</td>
      <td className={`n strong ${change > 0 ? 'over' : ''}`}>{changeText(change, tree.unit)}</td>
      <td className="n p3">{relativeText(row.own)}</td>
    </tr>
  );
}

function arrow({ before, after }: Change): string {
  return before === after ? digits(before) : `${digits(before)} → ${digits(after)}`;
}
