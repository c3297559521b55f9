/** What is said of a call or a service: in short on the picture, in full where it is pointed at. */
import type { MapTraffic } from '../../api/types';
import { durationText, percent, rate } from '../../lib/format';

export const KINDS = {
  service: 'service',
  database: 'database',
  cache: 'cache',
  queue: 'queue',
  remote: 'host',
};

/** Rate, p95 and, where some fail, their share: below the name of a service, and on an edge. */
export function detail(traffic: MapTraffic): string {
  if (traffic.seldom === true) return 'seldom';
  const failing = traffic.error_share > 0 ? ` · ${shareText(traffic.error_share)} ✗` : '';
  return `${rateText(traffic)} · ${durationText(traffic.duration.p95_micros)}${failing}`;
}

export function words(traffic: MapTraffic): string {
  if (traffic.seldom === true) return 'seen, but too seldom to be in the sample';
  const { duration } = traffic;
  return [
    rateText(traffic),
    `p50 ${durationText(duration.p50_micros)}`,
    `p95 ${durationText(duration.p95_micros)}`,
    `${shareText(traffic.error_share)} fail`,
    `waited for in ${shareText(traffic.critical_share)} of the time`,
  ].join(', ');
}

function rateText(traffic: MapTraffic): string {
  const { value, unit } = rate(traffic.rate_per_second);
  return `${value}${unit}`;
}

function shareText(share: number): string {
  const { value, unit } = percent(share);
  return `${value} ${unit}`;
}
