/** A plan as a tree with own times, as an icicle, and as it was printed. */
import { useEffect, useState } from 'react';

import { request, type Answer } from '../api/request';
import type { Plan, PlanAnswer, PlanNode, Problem } from '../api/types';
import { path } from '../api/use';
import {
  digits,
  duration,
  durationText,
  grouped,
  percent,
  sentence,
  type Figure,
} from '../lib/format';
import { Code } from './Copy';
import { Num, Percent } from './Num';
import { Icicle } from './PlanIcicle';

/** Typing is not asked about letter by letter. */
const PAUSE_MS = 250;

export function PlanView({ text }: { text: string }) {
  const [answer, setAnswer] = useState<PlanAnswer>();
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    const stopped = new AbortController();
    const timer = setTimeout(() => {
      void read(text, stopped.signal).then((next) => {
        if (stopped.signal.aborted) return;
        setAnswer(next.data);
        setProblem(next.problem);
      });
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stopped.abort();
    };
  }, [text]);
  return (
    <>
      {problem !== undefined && (
        <p className="broken" role="alert">
          {problem.detail}: {problem.hint}.
        </p>
      )}
      {answer?.problems.map((one) => (
        <p key={one} className="dim">
          {one}
        </p>
      ))}
      {answer?.plans.map((plan, place) => (
        <One key={place} plan={plan} text={text} />
      ))}
    </>
  );
}

async function read(text: string, signal: AbortSignal): Promise<Answer<PlanAnswer>> {
  const headers = { 'content-type': 'text/plain' };
  const how = { method: 'POST', headers, body: text, signal };
  return (await request(path('plan'), how)) as Answer<PlanAnswer>;
}

/** Time, or the planner's cost where nothing was run. */
export function amount(plan: Plan, value: number): Figure {
  return plan.basis === 'time' ? duration(value) : { value: digits(value), unit: 'cost' };
}

function One({ plan, text }: { plan: Plan; text: string }) {
  const [here, setHere] = useState<number>();
  const [how, setHow] = useState<'tree' | 'icicle' | 'text'>('tree');
  const views = [
    { how: 'tree', words: 'Tree' },
    { how: 'icicle', words: 'Icicle' },
    { how: 'text', words: 'As it was printed' },
  ] as const;
  return (
    <section className="plan">
      <Summary plan={plan} />
      <ul className="notes" aria-label="What to look at">
        {plan.notes.map((note) => (
          <li key={`${note.name} ${note.node}`}>
            <button
              type="button"
              className="as-link"
              onClick={() => setHere(note.node ?? undefined)}
            >
              {sentence(note.claim)}
            </button>{' '}
            {sentence(note.hint)} <span className="tag">{note.name}</span>
          </li>
        ))}
      </ul>
      <div className="tabs" role="group" aria-label="Views of the plan">
        {views.map((view) => (
          <button
            key={view.how}
            type="button"
            aria-pressed={how === view.how}
            onClick={() => setHow(view.how)}
          >
            {view.words}
          </button>
        ))}
      </div>
      {how === 'tree' && <Tree plan={plan} here={here} select={setHere} />}
      {how === 'icicle' && <Icicle plan={plan} here={here} select={setHere} />}
      {how === 'text' && <Code text={text} label="plan" />}
    </section>
  );
}

function Summary({ plan }: { plan: Plan }) {
  const hottest = plan.nodes.toSorted((left, right) => right.own - left.own)[0];
  return (
    <p>
      <strong>
        <Num of={amount(plan, plan.total)} />
      </strong>
      {plan.basis === 'cost' && ' as the planner estimates it: it was not run'}
      {plan.planning_micros != null && `, planned in ${durationText(plan.planning_micros)}`}
      {hottest !== undefined && plan.total > 0 && (
        <>
          ; <strong>{hottest.name}</strong> takes{' '}
          <strong>
            <Percent share={hottest.own_share} />
          </strong>
        </>
      )}
      .{' '}
      <span className="dim">
        {plan.facts.map((fact) => `${fact.key} ${fact.value}`).join(' · ')}
      </span>
    </p>
  );
}

interface Selection {
  plan: Plan;
  here: number | undefined;
  select: (place: number | undefined) => void;
}

function Tree({ plan, here, select }: Selection) {
  const run = plan.basis === 'time';
  return (
    <table className="rows nodes">
      <thead>
        <tr>
          <th scope="col">node</th>
          <th scope="col" className="n">
            own
          </th>
          <th scope="col" className="p2 impact">
            <span className="hidden">share</span>
          </th>
          <th scope="col" className="n p3">
            with below
          </th>
          <th
            scope="col"
            className="n"
            title={run ? 'as expected, and as they were' : 'as expected'}
          >
            rows
          </th>
          {run && (
            <th scope="col" className="n p3">
              runs
            </th>
          )}
          {run && (
            <th scope="col" className="n p2" title="blocks of 8 kB that it touched itself">
              blocks
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {plan.nodes.map((node, place) => (
          <Row
            key={place}
            plan={plan}
            node={node}
            open={here === place}
            toggle={() => select(here === place ? undefined : place)}
          />
        ))}
      </tbody>
    </table>
  );
}

function Row({
  plan,
  node,
  open,
  toggle,
}: {
  plan: Plan;
  node: PlanNode;
  open: boolean;
  toggle: () => void;
}) {
  const run = plan.basis === 'time';
  const hot = node.own_share > 0.25;
  return (
    <>
      <tr className={open ? 'here' : ''}>
        <td className="what">
          <button
            type="button"
            className="unfold"
            style={{ paddingLeft: `${Math.min(node.depth, 24) * 14}px` }}
            aria-expanded={open}
            onClick={toggle}
            data-row
          >
            {node.relationship !== '' && <span className="tag">{node.relationship} </span>}
            <span className={node.never_executed ? 'dim' : 'op'}>{node.name}</span>
            {node.never_executed && <span className="dim"> never run</span>}
          </button>
        </td>
        <td className={`n strong ${hot ? 'over' : ''}`}>
          <Num of={amount(plan, node.own)} />
        </td>
        <td className="p2 impact">
          <span className="meter">
            <span
              className="kind-database"
              style={{ width: `${Math.min(100, node.own_share * 100)}%` }}
            />
          </span>
        </td>
        <td className="n p3 dim">
          <Num of={amount(plan, node.whole)} />
        </td>
        <td className={`n ${off(node) ? 'over' : ''}`} title={misjudged(node)}>
          {digits(node.rows_planned)}
          {node.rows != null && (
            <>
              <span className="arrow"> → </span>
              {digits(node.rows)}
            </>
          )}
        </td>
        {run && <td className="n p3">{digits(node.loops)}</td>}
        {run && <td className="n p2">{node.blocks > 0 ? digits(node.blocks) : ''}</td>}
      </tr>
      {open && <Details node={node} plan={plan} columns={run ? 7 : 5} />}
    </>
  );
}

function Details({ node, plan, columns }: { node: PlanNode; plan: Plan; columns: number }) {
  const share = percent(node.own_share);
  return (
    <tr className="opened">
      <td colSpan={columns}>
        <dl className="facts">
          <dt>own</dt>
          <dd>
            <Num of={amount(plan, node.own)} /> ({share.value} {share.unit})
          </dd>
          {node.details.map((detail, place) => (
            <Fact key={place} name={detail.key} value={detail.value} />
          ))}
        </dl>
      </td>
    </tr>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className="mono">{value}</dd>
    </>
  );
}

/** A factor of ten is where planners begin to choose wrongly. */
function off(node: PlanNode): boolean {
  return node.factor != null && (node.factor >= 10 || node.factor <= 0.1);
}

function misjudged(node: PlanNode): string {
  if (node.factor == null) return '';
  const expected = `${grouped(node.rows_planned)} a run expected`;
  return `${expected}, ${digits(node.factor)} times as many came`;
}
