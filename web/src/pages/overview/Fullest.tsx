/** Saturation, the fourth golden signal: of hosts, processes, pools and queues, the one that is nearest to full. */
import type { ResourceLevel } from '../../api/types';
import { resourceFigure } from '../../lib/question';
import { evidence } from '../../lib/resources';
import { to } from '../../lib/route';
import { Link } from '../../ui/Link';
import { Num } from '../../ui/Num';

export function Fullest({ level }: { level: ResourceLevel | null | undefined }) {
  if (level == null) return null;
  return (
    <>
      {' '}
      The fullest resource is <Link to={to('/resources', evidence(level))}>
        {level.instance}
      </Link>: {level.words}, <Num of={resourceFigure(level.value, level.unit)} />.
    </>
  );
}
