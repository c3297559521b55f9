/** Who calls whom, how often, how long and with how many failures, and where the critical path runs. */
import { path, useApi } from '../../api/use';
import type { ServiceMap } from '../../api/types';
import { grouped, plural } from '../../lib/format';
import { useNarrow } from '../../lib/narrow';
import { setParams, to, useQuery } from '../../lib/route';
import { useRange } from '../../lib/time';
import { Empty, Fresh, Problem, Waiting } from '../../ui/Empty';
import { Search } from '../../ui/Filter';
import { Link } from '../../ui/Link';
import { Percent } from '../../ui/Num';
import { Setup } from '../../ui/Setup';
import { Tabs } from '../../ui/Tabs';
import { CoverageNote } from '../../ui/CoverageNote';
import { criticalPath, focused, type Graph } from './graph';
import { Calls } from './Calls';
import { Picture } from './Picture';

export function MapPage() {
  const range = useRange();
  const query = useQuery();
  const narrow = useNarrow();
  const focus = query.get('focus') ?? '';
  const first = narrow ? 'calls' : 'map';
  const tab = query.get('tab') ?? first;
  const { data, problem, stale } = useApi<ServiceMap>(path('service-map', { ...range }), false);
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.nodes.length === 0) return <Nothing />;
  const graph = focused(data, focus);
  const seldom = data.edges.some(({ traffic }) => traffic.seldom === true);
  const known = focus === '' || data.nodes.some((node) => node.name === focus);
  return (
    <Fresh stale={stale}>
      <div className="claim">
        <h1>Who calls whom</h1>
        <Claim map={data} graph={graph} />
      </div>
      <div className="filters" role="search" aria-label="Find a service">
        <Search label="search" />
        <Focus map={data} focus={focus} />
      </div>
      {!known && (
        <p className="nothing">
          No call of <strong>{focus}</strong> is among the traces that were looked at, so that all
          services are shown.
        </p>
      )}
      <Tabs
        label="The map"
        tabs={[
          { name: 'map', words: 'Map' },
          { name: 'calls', words: `Calls (${grouped(graph.edges.length)})` },
        ]}
        tab={tab}
        first={first}
      >
        {tab === 'calls' ? <Calls graph={graph} /> : <Picture graph={graph} focus={focus} />}
      </Tabs>
      <p className="dim">
        From {plural(data.traces, 'trace')}, a fair sample of {grouped(data.traces_in_all)}; rates
        are those of all.
        {seldom && ' What is marked “seldom” is there, too seldom to be in the sample.'}
        {data.cut && ' There are more calls than are kept: look at one service.'}{' '}
        <CoverageNote coverage={data.coverage} />
      </p>
    </Fresh>
  );
}

function Claim({ map, graph }: { map: ServiceMap; graph: Graph }) {
  const [first] = criticalPath(graph);
  const last = [...criticalPath(graph)].at(-1);
  const services = map.nodes.filter((node) => node.kind === 'service').length;
  const begin = first && graph.nodes[first.from];
  const end = last && graph.nodes[last.to];
  return (
    <p>
      {plural(services, 'service')}
      {map.nodes.length > services &&
        ` and ${plural(map.nodes.length - services, 'database, cache, queue or host', 'databases, caches, queues and hosts')}`}
      .{' '}
      {begin !== undefined && end !== undefined && last !== undefined && (
        <>
          The critical path runs from <strong>{begin.name}</strong> to <strong>{end.name}</strong>,
          which is waited for in <Percent share={last.traffic.critical_share} /> of the time.
        </>
      )}
    </p>
  );
}

/** One service and what is around it, or all of them. */
function Focus({ map, focus }: { map: ServiceMap; focus: string }) {
  const names = map.nodes.map((node) => node.name).toSorted();
  const missing = focus !== '' && !names.includes(focus);
  return (
    <label className="filter">
      <span className="hidden">Around</span>
      <select value={focus} onChange={(event) => setParams({ focus: event.target.value }, 'push')}>
        <option value="">around every service</option>
        {missing && <option>{focus}</option>}
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Nothing() {
  return (
    <Empty title="No call came in this window">
      <p>
        Look <Link to={to('/services', { last: '30d' })}>at the last 30 days</Link>, or send some:
      </p>
      <Setup />
    </Empty>
  );
}
