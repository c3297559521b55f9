/** The map as a table: each call with its figures, that most waited for first. It says all that the picture does. */
import type { MapEdge } from '../../api/types';
import { plural } from '../../lib/format';
import { to, useQuery } from '../../lib/route';
import { Heads } from '../../ui/Heads';
import { Link } from '../../ui/Link';
import { Duration, Percent, Rate } from '../../ui/Num';
import { spansOf } from './evidence';
import { criticalPath, type Graph } from './graph';

const KINDS = {
  service: 'http',
  database: 'database',
  cache: 'cache',
  queue: 'queue',
  remote: 'http',
};

export function Calls({ graph }: { graph: Graph }) {
  const q = (useQuery().get('q') ?? '').toLowerCase();
  const path = criticalPath(graph);
  const name = (place: number) => graph.nodes[place]?.name ?? '';
  const passes = (edge: MapEdge) =>
    q === '' || `${name(edge.from)} ${name(edge.to)}`.toLowerCase().includes(q);
  const edges = graph.edges
    .filter(passes)
    .toSorted((one, other) => other.traffic.critical_share - one.traffic.critical_share);
  if (edges.length === 0) return <p className="nothing">No call is like that.</p>;
  return (
    <table className="rows calls">
      <Heads
        columns={[
          ['caller'],
          ['calls'],
          ['waited for', 'n'],
          ['rate', 'n p2'],
          ['errors', 'n p2'],
          ['p50', 'n p3'],
          ['p95', 'n p2'],
          ['p99', 'n p3'],
          ['evidence'],
        ]}
      />
      <tbody>
        {edges.map((edge) => {
          const { traffic } = edge;
          const seldom = traffic.seldom === true;
          const [caller, called] = [graph.nodes[edge.from], graph.nodes[edge.to]];
          return (
            <tr key={`${edge.from} ${edge.to}`}>
              <td>
                <Link to={to('/services', { focus: name(edge.from), tab: 'calls' })} data-row>
                  {name(edge.from)}
                </Link>
              </td>
              <td>
                <i
                  className={`swatch kind-${KINDS[graph.nodes[edge.to]?.kind ?? 'service']}`}
                  title={graph.nodes[edge.to]?.kind}
                />
                <Link to={to('/services', { focus: name(edge.to), tab: 'calls' })}>
                  {name(edge.to)}
                </Link>
                {path.has(edge) && <span className="badge strong on-path">critical path</span>}
              </td>
              <td className="n strong">
                {seldom ? (
                  <span className="dim">seldom</span>
                ) : (
                  <Percent share={traffic.critical_share} />
                )}
              </td>
              <td className="n p2" title={`${plural(traffic.sampled, 'call')} in the sample`}>
                {!seldom && <Rate perSecond={traffic.rate_per_second} />}
              </td>
              <td className={`n p2 ${traffic.error_share > 0 ? 'broken' : 'dim'}`}>
                {!seldom && <Percent share={traffic.error_share} />}
              </td>
              <td className="n p3">
                {!seldom && <Duration micros={traffic.duration.p50_micros} />}
              </td>
              <td className="n p2">
                {!seldom && <Duration micros={traffic.duration.p95_micros} />}
              </td>
              <td className="n p3">
                {!seldom && <Duration micros={traffic.duration.p99_micros} />}
              </td>
              <td>
                {caller !== undefined && called !== undefined && (
                  <Link
                    to={spansOf(caller, called)}
                    aria-label={`spans of ${caller.name} calling ${called.name}`}
                  >
                    spans
                  </Link>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
