/** The map as a picture: callers left of those they call, edges as thick as they are waited for. */
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';

import type { MapEdge, MapNode } from '../../api/types';
import { layered, type Layout } from '../../lib/layers';
import { setParams, to, useParam, useQuery } from '../../lib/route';
import { useWidth } from '../../lib/size';
import { Link } from '../../ui/Link';
import { spansOf } from './evidence';
import { criticalPath, type Graph } from './graph';
import { Legend } from './Legend';
import { walked } from './walk';
import { detail, KINDS, words } from './words';

/** Above that many nodes each has one line, so that 200 of them can be looked over. */
const TALL_MAX = 40;

const WIDTH_MIN = 118;
const WIDTH_MAX = 220;
const GAP = 84;
/** Higher than that it is scrolled. */
const LARGE_HEIGHT = 700;
const PAD = 12;
const LETTER = 6.7;
/** Of what stands below the name. */
const SMALL_LETTER = 6.1;

export function Picture({ graph, focus }: { graph: Graph; focus: string }) {
  const [measure, room] = useWidth(1000);
  const [here, setHere] = useState<number>();
  const [size, setSize] = useParam('size');
  const whole = size === 'page';
  const scroller = useRef<HTMLDivElement>(null);
  const q = (useQuery().get('q') ?? '').toLowerCase();
  const layout = useMemo(
    () =>
      layered(
        graph.nodes.length,
        graph.edges.map(({ from, to, traffic }) => ({ from, to, weight: traffic.sampled })),
      ),
    [graph],
  );
  const path = useMemo(() => criticalPath(graph), [graph]);
  const tall = graph.nodes.length <= TALL_MAX;
  const sizes = sizesOf(layout, graph, room, tall);
  const begin = [...path][0]?.from;
  const middle = begin === undefined ? undefined : sizes.at(begin).y;
  useEffect(() => {
    // A large map opens where the critical path begins.
    const box = scroller.current;
    if (box !== null && middle !== undefined) box.scrollTop = middle - box.clientHeight / 2;
  }, [middle, whole]);
  const large = sizes.width > room || sizes.height > LARGE_HEIGHT;
  const shrunk = whole ? Math.min(1, room / sizes.width) : 1;
  const lit = (edge: MapEdge) => here === edge.from || here === edge.to;
  const found = (node: MapNode) => q !== '' && node.name.toLowerCase().includes(q);
  const edges = graph.edges.toSorted(
    (one, other) => one.traffic.critical_share - other.traffic.critical_share,
  );
  const pointed = here !== undefined && here < graph.nodes.length ? here : undefined;
  const stop = pointed ?? begin ?? 0;
  const walk = (event: KeyboardEvent, place: number) => {
    const next = walked(layout, place, event.key);
    if (next === undefined) return;
    event.preventDefault();
    scroller.current?.querySelectorAll<SVGAElement>('.map-node')[next]?.focus();
  };
  return (
    <figure className="chart map" ref={measure}>
      <div
        className="map-scroll"
        ref={scroller}
        role="region"
        tabIndex={0}
        aria-label="Map of services"
      >
        <svg
          width={sizes.width * shrunk}
          height={sizes.height * shrunk}
          viewBox={`0 0 ${sizes.width} ${sizes.height}`}
          className={here === undefined ? '' : 'pointing'}
          aria-label={`${graph.nodes.length} services, databases, queues and hosts; the calls are in the table`}
          role="group"
          onPointerLeave={() => setHere(undefined)}
        >
          {edges.map((edge) => (
            <Edge
              key={`${edge.from} ${edge.to}`}
              edge={edge}
              sizes={sizes}
              className={[lit(edge) ? 'lit' : '', path.has(edge) ? 'main' : ''].join(' ')}
              ends={[graph.nodes[edge.from], graph.nodes[edge.to]]}
            />
          ))}
          {/* Over all lines, so that none goes through what is to be read. */}
          {edges
            .filter((edge) => tall || lit(edge) || (here === undefined && path.has(edge)))
            .map((edge) => (
              <EdgeLabel
                key={`${edge.from} ${edge.to}`}
                edge={edge}
                sizes={sizes}
                className={lit(edge) ? 'lit' : ''}
              />
            ))}
          {graph.nodes.map((node, place) => (
            <Node
              key={`${node.kind} ${node.name}`}
              node={node}
              at={sizes.at(place)}
              width={sizes.box}
              tall={tall}
              className={[
                node.kind,
                node.name === focus ? 'focus' : '',
                found(node) ? 'found' : '',
                q !== '' && !found(node) ? 'faded' : '',
                place === here ? 'here' : '',
              ].join(' ')}
              point={() => setHere(place)}
              // Of many nodes Tab reaches one, and arrows the others.
              tabIndex={tall || place === stop ? 0 : -1}
              walk={(event) => walk(event, place)}
            />
          ))}
        </svg>
      </div>
      <Legend graph={graph} here={pointed} figures={tall ? 'every' : 'path'} />
      {large && (
        <p className="choices">
          <button
            type="button"
            className="copy"
            aria-pressed={whole}
            onClick={() => setSize(whole ? '' : 'page')}
          >
            {whole ? 'As large as it can be read' : 'As wide as the page'}
          </button>
        </p>
      )}
      {focus !== '' && (
        <p>
          <button type="button" className="copy" onClick={() => setParams({ focus: '' }, 'push')}>
            Show every service
          </button>{' '}
          {graph.nodes.some((node) => node.name === focus && node.kind === 'service') && (
            <Link to={to('/endpoints', { service: focus })}>Endpoints of {focus}</Link>
          )}
        </p>
      )}
    </figure>
  );
}

interface Sizes {
  width: number;
  height: number;
  box: number;
  line: number;
  at: (node: number) => { x: number; y: number };
}

function sizesOf(layout: Layout, graph: Graph, room: number, tall: boolean): Sizes {
  const longest = Math.max(...graph.nodes.map((node) => node.name.length), 8);
  // Rate, p95 and share of errors have to fit below the name.
  const below = tall
    ? Math.max(
        ...graph.nodes.map(({ requests }) => (requests == null ? 0 : detail(requests).length)),
      )
    : 0;
  const wanted = Math.max(WIDTH_MIN, longest * LETTER + 18, below * SMALL_LETTER + 18);
  const box = Math.min(WIDTH_MAX, wanted);
  const row = tall ? 58 : 27;
  const least = layout.layers * box + (layout.layers - 1) * GAP + 2 * PAD;
  const width = Math.max(least, Math.min(room, layout.layers * (box + 220)));
  const step = layout.layers > 1 ? (width - 2 * PAD - box) / (layout.layers - 1) : 0;
  return {
    width,
    height: layout.rows * row + 2 * PAD,
    box,
    line: tall ? 38 : 20,
    at: (node) => {
      const placed = layout.nodes[node] ?? { layer: 0, row: 0 };
      return { x: PAD + placed.layer * step, y: PAD + (placed.row + 0.5) * row };
    },
  };
}

interface EdgeProps {
  edge: MapEdge;
  sizes: Sizes;
  className: string;
  /** Caller and called. */
  ends: [MapNode | undefined, MapNode | undefined];
}

/** Where an edge begins and ends, and whether it leads back. */
function ends(edge: MapEdge, sizes: Sizes) {
  const [from, to] = [sizes.at(edge.from), sizes.at(edge.to)];
  const back = to.x <= from.x;
  const [x1, x2] = back ? [from.x, to.x + sizes.box] : [from.x + sizes.box, to.x];
  return { from, to, back, x1, x2 };
}

/** A line from caller to called, a way to the spans of the call; keys go by the table, which has the same. */
function Edge({ edge, sizes, className, ends: [caller, called] }: EdgeProps) {
  if (caller === undefined || called === undefined) return null;
  const { from, to, back, x1, x2 } = ends(edge, sizes);
  const bend = back ? -Math.max(30, (x1 - x2) / 2) : Math.max(30, (x2 - x1) / 2);
  const { traffic } = edge;
  const failing = traffic.error_share > 0.01 ? ' failing' : '';
  const told = `${caller.name} calls ${called.name}: ${words(traffic)}`;
  const width = 1 + 7 * Math.min(1, traffic.critical_share);
  const d = `M${x1} ${from.y}C${x1 + bend} ${from.y} ${x2 - bend} ${to.y} ${x2} ${to.y}`;
  return (
    <Link
      to={spansOf(caller, called)}
      tabIndex={-1}
      className={`map-edge ${className}${failing}`}
      aria-label={told}
    >
      <title>{told}</title>
      {/* Beside the line, which may be red and dashed: the path is told where it fails, too. */}
      {className.includes('main') && <path d={d} className="halo" strokeWidth={width + 7} />}
      <path d={d} strokeWidth={width} />
      <path d={d} className="hit" />
      <path d={`M${x2 - (back ? -6 : 6)} ${to.y - 4}L${x2} ${to.y}l${back ? 6 : -6} 4`} />
    </Link>
  );
}

function EdgeLabel({ edge, sizes, className }: Omit<EdgeProps, 'ends'>) {
  const { from, to, x1, x2 } = ends(edge, sizes);
  if (Math.abs(x2 - x1) <= 70) return null;
  // Nearer to the called: edges part there, where they leave together.
  const middle = { x: x1 + (x2 - x1) * 0.64, y: from.y + (to.y - from.y) * 0.74 };
  return (
    <g className={`map-edge ${className}`} pointerEvents="none">
      <text x={middle.x} y={middle.y - 5} textAnchor="middle">
        {detail(edge.traffic)}
      </text>
    </g>
  );
}

interface NodeProps {
  node: MapNode;
  at: { x: number; y: number };
  width: number;
  tall: boolean;
  className: string;
  point: () => void;
  tabIndex: number;
  walk: (event: KeyboardEvent) => void;
}

function Node({ node, at, width, tall, className, point, tabIndex, walk }: NodeProps) {
  const height = tall ? 38 : 20;
  const fits = Math.floor((width - 16) / LETTER);
  const shown = node.name.length > fits ? `${node.name.slice(0, fits - 1)}…` : node.name;
  const own = node.requests ?? undefined;
  return (
    <Link
      to={to('/services', { focus: node.name })}
      className={`map-node ${className}`}
      onPointerEnter={point}
      onFocus={point}
      onKeyDown={walk}
      tabIndex={tabIndex}
      aria-label={`${node.name}, ${KINDS[node.kind]}${own === undefined ? '' : `: ${words(own)}`}`}
    >
      <rect x={at.x} y={at.y - height / 2} width={width} height={height} rx={RADIUS[node.kind]} />
      <text x={at.x + 9} y={at.y + (tall && own !== undefined ? -2 : 4)}>
        {shown}
      </text>
      {tall && own !== undefined && (
        <text x={at.x + 9} y={at.y + 13} className="small">
          {detail(own)}
        </text>
      )}
    </Link>
  );
}

/** A shape for each kind, so that it is told without its colour. */
const RADIUS = { service: 4, database: 12, cache: 12, queue: 0, remote: 0 };
