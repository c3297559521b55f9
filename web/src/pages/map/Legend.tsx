/** Below the picture: what its lines and figures mean, or what is pointed at. */
import type { Graph } from './graph';
import { KINDS, words } from './words';

interface Props {
  graph: Graph;
  /** The node that is pointed at. */
  here: number | undefined;
  /** Every line has its figures; of many only those of the critical path have. */
  figures: 'every' | 'path';
}

export function Legend({ graph, here, figures }: Props) {
  return (
    <figcaption className="readout map-legend">
      {here === undefined ? (
        <>
          <span className="key main">
            <i aria-hidden="true" /> critical path
          </span>
          <span className="key failing">
            <i aria-hidden="true" /> more than 1 % fail
          </span>
          <span>thicker: waited for longer</span>
          <span>
            rate · p95 · share that fails ✗: {figures === 'path' && 'of the critical path, '}on a
            line those of the call
            {figures === 'every' && ', in a box those that the service answers'}
          </span>
          <span>
            Choose a service for what is around it, a line for its spans
            {figures === 'path' && '; point at a service for the figures of its calls'}.
          </span>
        </>
      ) : (
        <Told graph={graph} place={here} />
      )}
    </figcaption>
  );
}

function Told({ graph, place }: { graph: Graph; place: number }) {
  const node = graph.nodes[place];
  if (node === undefined) return null;
  const calls = graph.edges.filter((edge) => edge.from === place).length;
  const callers = graph.edges.filter((edge) => edge.to === place).length;
  return (
    <span>
      <strong>{node.name}</strong>, {KINDS[node.kind]}
      {node.requests != null && `: ${words(node.requests)}`}; calls {calls}, called by {callers}
    </span>
  );
}
