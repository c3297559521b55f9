/** How often each route is asked, how fast it answers, and what its limit lets in and refuses. */
import type { GatewayRoute } from '../../api/types';
import { duration, grouped } from '../../lib/format';
import { Num, Rate } from '../../ui/Num';
import { limitText, refusedText } from './words';

export function Routes({ routes }: { routes: GatewayRoute[] }) {
  return (
    <section>
      <h2>Routes</h2>
      <p className="dim">
        Rates of the last five seconds, percentiles of the last one to two minutes, refused ones
        since it started.
      </p>
      <table className="rows">
        <thead>
          <tr>
            <th>route</th>
            <th className="n">rate</th>
            <th className="n p2">p50</th>
            <th className="n">p95</th>
            <th className="n p2">p99</th>
            <th className="n p3">p99.9</th>
            <th className="p3 limit">limit</th>
            <th className="n p2">refused</th>
          </tr>
        </thead>
        <tbody>
          {routes.map((route) => (
            <tr key={route.name}>
              <td title={`to ${route.service ?? ''}`}>{route.name}</td>
              <td className="n">
                <Rate perSecond={route.requests_per_second} />
              </td>
              <Quantile ms={route.p50_ms} of={route} className="n p2" />
              <Quantile ms={route.p95_ms} of={route} className="n" />
              <Quantile ms={route.p99_ms} of={route} className="n p2" />
              <Quantile ms={route.p999_ms} of={route} className="n p3" />
              <td className="p3 dim limit">{route.limit != null && limitText(route.limit)}</td>
              <td className="n p2" title="by its limit, since the start">
                {route.limit != null && refusedText(route.limit)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface QuantileProps {
  ms: number | null | undefined;
  of: GatewayRoute;
  className: string;
}

function Quantile({ ms, of, className }: QuantileProps) {
  const title = `of ${grouped(of.requests)} requests in the last one to two minutes`;
  return (
    <td className={className}>
      {ms == null ? '–' : <Num of={duration(ms * 1000)} title={title} />}
    </td>
  );
}
