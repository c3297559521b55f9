/** The map as a table: each call with its figures, that most waited for first. It says all that the picture does. */
import type { MapEdge, MapNode, MapTraffic } from '../../api/types';
import { plural } from '../../lib/format';
import { to, useQuery } from '../../lib/route';
import { Breaks } from '../../ui/Breaks';
import { Link } from '../../ui/Link';
import { Duration, Percent, Rate } from '../../ui/Num';
import { SortHeads, useSort, type PlainColumn, type SortColumn } from '../../ui/Sorted';
import { spansOf } from './evidence';
import { criticalPath, type Graph } from './graph';

const KINDS = {
  service: 'http',
  database: 'database',
  cache: 'cache',
  queue: 'queue',
  remote: 'http',
};

type Order = 'waited' | 'rate' | 'errors' | 'p50' | 'p95' | 'p99';

const COLUMNS: (SortColumn<Order> | PlainColumn)[] = [
  { words: 'caller', className: '' },
  { words: 'calls', className: '' },
  { key: 'waited', words: 'waited for', className: 'n' },
  { key: 'rate', words: 'rate', className: 'n p2' },
  { key: 'errors', words: 'errors', className: 'n p2' },
  { key: 'p50', words: 'p50', className: 'n p3' },
  { key: 'p95', words: 'p95', className: 'n p2' },
  { key: 'p99', words: 'p99', className: 'n p3' },
  { words: 'evidence', className: '' },
];

const FIGURES: Record<Order, (traffic: MapTraffic) => number> = {
  waited: (traffic) => traffic.critical_share,
  rate: (traffic) => traffic.rate_per_second,
  errors: (traffic) => traffic.error_share,
  p50: ({ duration }) => duration.p50_micros,
  p95: ({ duration }) => duration.p95_micros,
  p99: ({ duration }) => duration.p99_micros,
};

export function Calls({ graph }: { graph: Graph }) {
  const q = (useQuery().get('q') ?? '').toLowerCase();
  const by = useSort(COLUMNS, 'waited');
  const path = criticalPath(graph);
  const name = (place: number) => graph.nodes[place]?.name ?? '';
  const passes = (edge: MapEdge) =>
    q === '' || `${name(edge.from)} ${name(edge.to)}`.toLowerCase().includes(q);
  // Calls too seldom to have figures come last.
  const figure = ({ traffic }: MapEdge) => (traffic.seldom === true ? -1 : FIGURES[by](traffic));
  const edges = graph.edges.filter(passes).toSorted((one, other) => figure(other) - figure(one));
  if (edges.length === 0) return <p className="nothing">No call is like that.</p>;
  return (
    <table className="rows calls">
      <thead>
        <tr>
          <SortHeads columns={COLUMNS} by={by} first="waited" />
        </tr>
      </thead>
      <tbody>
        {edges.map((edge) => (
          <Row
            key={`${edge.from} ${edge.to}`}
            caller={graph.nodes[edge.from]}
            called={graph.nodes[edge.to]}
            traffic={edge.traffic}
            critical={path.has(edge)}
          />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  caller: MapNode | undefined;
  called: MapNode | undefined;
  traffic: MapTraffic;
  /** It is on the critical path. */
  critical: boolean;
}

function Row({ caller, called, traffic, critical }: RowProps) {
  if (caller === undefined || called === undefined) return null;
  const seldom = traffic.seldom === true;
  const around = ({ name }: MapNode) => to('/services', { focus: name, tab: 'calls' });
  return (
    <tr>
      <td>
        <Link to={around(caller)} data-row>
          <Breaks text={caller.name} />
        </Link>
      </td>
      <td>
        <span className="called">
          <i className={`swatch kind-${KINDS[called.kind]}`} title={called.kind} />
          <Link to={around(called)}>
            <Breaks text={called.name} />
          </Link>
        </span>
        {critical && <span className="badge strong on-path">critical path</span>}
      </td>
      <td className="n strong">
        {seldom ? <span className="dim">seldom</span> : <Percent share={traffic.critical_share} />}
      </td>
      <td className="n p2" title={`${plural(traffic.sampled, 'call')} in the sample`}>
        {!seldom && <Rate perSecond={traffic.rate_per_second} />}
      </td>
      <td className={`n p2 ${traffic.error_share > 0 ? 'broken' : 'dim'}`}>
        {!seldom && <Percent share={traffic.error_share} />}
      </td>
      <td className="n p3">{!seldom && <Duration micros={traffic.duration.p50_micros} />}</td>
      <td className="n p2">{!seldom && <Duration micros={traffic.duration.p95_micros} />}</td>
      <td className="n p3">{!seldom && <Duration micros={traffic.duration.p99_micros} />}</td>
      <td>
        <Link
          to={spansOf(caller, called)}
          aria-label={`spans of ${caller.name} calling ${called.name}`}
        >
          spans
        </Link>{' '}
        {called.kind === 'service' && (
          <Link
            to={to('/endpoints', { service: called.name })}
            className="p2"
            aria-label={`endpoints of ${called.name}`}
          >
            endpoints
          </Link>
        )}
      </td>
    </tr>
  );
}
