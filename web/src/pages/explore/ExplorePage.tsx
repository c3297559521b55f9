/** A question of one's own: filter, group, measure; its answer as a chart, a table and rows. */
import { path, useApi } from '../../api/use';
import type { TableAnswer } from '../../api/types';
import { grouped, plural } from '../../lib/format';
import { askOf, DEFAULTS, type Of } from '../../lib/question';
import { useQuery } from '../../lib/route';
import { rangeOf, type Range } from '../../lib/time';
import { CoverageNote } from '../../ui/CoverageNote';
import { Fresh, Problem, Waiting } from '../../ui/Empty';
import { Tabs } from '../../ui/Tabs';
import { Chart } from './Chart';
import { Compared } from './Compared';
import { Form } from './Form';
import { Groups } from './Groups';
import { HeatmapView } from './HeatmapView';
import { Nothing } from './Notes';
import { OfWhat } from './OfWhat';
import { Rows } from './Rows';
import { SqlView } from './SqlView';
import { Tail } from './Tail';
import { Views } from './Views';

export interface Question {
  of: Of;
  range: Range;
  where: string;
  group: string;
  show: string;
  order: string;
}

export function ExplorePage() {
  const query = useQuery();
  const question = questionOf(query);
  const tab = query.get('tab') ?? 'groups';
  if (query.get('of') === 'sql') {
    return (
      <>
        <div className="claim">
          <h1>Ask your own question</h1>
        </div>
        <div className="question">
          <OfWhat of="sql" />
        </div>
        <Views />
        <SqlView />
      </>
    );
  }
  return (
    <>
      <div className="claim">
        <h1>Ask your own question</h1>
      </div>
      <Form key={question.of} question={question} />
      <Views />
      <Tabs
        label="Answers"
        tabs={[
          { name: 'groups', words: 'Groups' },
          ...(question.of === 'metrics' ? [] : [{ name: 'rows', words: words(question.of) }]),
          ...(question.of === 'spans'
            ? [
                { name: 'heatmap', words: 'Heatmap' },
                { name: 'tail', words: 'Live tail' },
              ]
            : []),
          ...(question.of === 'metrics' ? [] : [{ name: 'compare', words: 'What stands out' }]),
        ]}
        tab={tab}
        first="groups"
      >
        <Answer question={question} tab={tab} />
      </Tabs>
    </>
  );
}

function words(of: Of): string {
  return of === 'logs' ? 'Records' : 'Spans';
}

export function questionOf(query: URLSearchParams): Question {
  const asked = query.get('of');
  const of: Of = asked === 'logs' || asked === 'metrics' ? asked : 'spans';
  return {
    of,
    range: rangeOf(query),
    where: query.get('where') ?? '',
    group: query.get('group') ?? DEFAULTS[of].group,
    show: query.get('show') ?? DEFAULTS[of].show,
    order: query.get('order') ?? '',
  };
}

function Answer({ question, tab }: { question: Question; tab: string }) {
  if (tab === 'rows' && question.of !== 'metrics') return <Rows question={question} />;
  if (tab === 'tail' && question.of === 'spans') return <Tail question={question} />;
  if (tab === 'heatmap' && question.of === 'spans') return <HeatmapView question={question} />;
  if (tab === 'compare' && question.of !== 'metrics') return <Compared question={question} />;
  return <GroupAnswer question={question} />;
}

function GroupAnswer({ question }: { question: Question }) {
  const { data, problem, stale } = useApi<TableAnswer>(path('ask', askOf(question)), false);
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.rows.length === 0) return <Nothing question={question} />;
  return (
    <Fresh stale={stale}>
      <Chart answer={data} />
      <Groups answer={data} question={question} />
      <p className="dim">
        {plural(data.rows_passed, 'row')} in {plural(data.rows.length + data.left_out, 'group')}
        {data.left_out > 0 && `, the first ${grouped(data.rows.length)} of which are shown`}
        {data.cut && '; there are more groups than can be kept: filter or group less finely'}.{' '}
        <CoverageNote coverage={data.coverage} />
      </p>
    </Fresh>
  );
}
