/** Saturation, the fourth golden signal: of hosts, processes, pools and queues, the one that is nearest to full. */
import { path, useApi } from '../../api/use';
import type { Resources } from '../../api/types';
import { resourceFigure } from '../../lib/question';
import { latest, tightest } from '../../lib/resources';
import { to } from '../../lib/route';
import { useRange } from '../../lib/time';
import { Link } from '../../ui/Link';
import { Num } from '../../ui/Num';

export function Fullest() {
  const { data } = useApi<Resources>(path('resources', { ...useRange() }), false);
  const one = tightest(data?.series ?? []);
  const value = one === undefined ? undefined : latest(one);
  if (one === undefined || value === undefined) return null;
  return (
    <>
      {' '}
      The fullest resource is <Link to={to('/resources')}>{one.instance}</Link>: {one.words},{' '}
      <Num of={resourceFigure(value, one.unit)} />.
    </>
  );
}
