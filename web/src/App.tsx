/** Which page is shown for which path. */
import { tellIn } from './lib/format';
import { usePathname, useQuery } from './lib/route';
import { zoneOf } from './lib/time';
import { BoardPage } from './pages/board/BoardPage';
import { ComparePage } from './pages/compare/ComparePage';
import { DatabasePage } from './pages/database/DatabasePage';
import { DatabasesPage } from './pages/database/DatabasesPage';
import { EndpointPage } from './pages/endpoint/EndpointPage';
import { EndpointsPage } from './pages/endpoints/EndpointsPage';
import { ExplorePage } from './pages/explore/ExplorePage';
import { FindingPage } from './pages/finding/FindingPage';
import { FindingsPage } from './pages/findings/FindingsPage';
import { FlamePage } from './pages/flame/FlamePage';
import { GatewayPage } from './pages/gateway/GatewayPage';
import { LedgerPage } from './pages/ledger/LedgerPage';
import { MapPage } from './pages/map/MapPage';
import { OverviewPage } from './pages/overview/OverviewPage';
import { PlanPage } from './pages/plan/PlanPage';
import { ProfilePage } from './pages/profile/ProfilePage';
import { ResourcesPage } from './pages/resources/ResourcesPage';
import { RunsPage } from './pages/runs/RunsPage';
import { StatementPage } from './pages/statement/StatementPage';
import { StatusPage } from './pages/status/StatusPage';
import { OpenedPage } from './pages/trace/OpenedPage';
import { TracePage } from './pages/trace/TracePage';
import { TracesPage } from './pages/traces/TracesPage';
import { Frame } from './ui/Frame';
import { Empty } from './ui/Empty';
import { Link } from './ui/Link';

export function App() {
  const pathname = usePathname();
  const query = useQuery();
  const place = placeOf(pathname, query);
  // What is on the screen tells all its moments anew when the zone changes.
  const zone = zoneOf(query.get('tz'));
  tellIn(zone);
  return (
    <Frame key={zone} pathname={pathname} place={place}>
      {page(pathname, place)}
    </Frame>
  );
}

/** What is looked at. Endpoints are named in the query: their names are paths themselves. */
function placeOf(pathname: string, query: URLSearchParams): string {
  if (!/^\/(endpoint|flame|compare)\/?$/.test(pathname)) return pathname;
  return [pathname, query.get('service'), query.get('operation')].join('\n');
}

function page(pathname: string, place: string) {
  const [, section = '', id, part, inner] = pathname.split('/');
  switch (section) {
    case '':
      return <OverviewPage />;
    case 'findings':
      return id ? <FindingPage key={id} id={id} /> : <FindingsPage />;
    case 'database':
      if (id === undefined || id === '') return <DatabasesPage />;
      return part === 'statements' && inner ? (
        <StatementPage key={inner} id={id} queryId={inner} />
      ) : (
        <DatabasePage key={id} id={id} />
      );
    case 'plan':
      return <PlanPage />;
    case 'endpoints':
      return <EndpointsPage />;
    case 'endpoint':
      return <EndpointPage key={place} />;
    case 'services':
      return <MapPage />;
    case 'flame':
      return <FlamePage key={place} />;
    case 'compare':
      return <ComparePage key={place} />;
    case 'profile':
      return <ProfilePage />;
    case 'traces':
      if (id === 'file') return <OpenedPage />;
      return id ? <TracePage key={id} id={id} /> : <TracesPage />;
    case 'explore':
      return <ExplorePage />;
    case 'runs':
      return <RunsPage />;
    case 'ledger':
      return <LedgerPage />;
    case 'board':
      return <BoardPage />;
    case 'resources':
      return <ResourcesPage />;
    case 'gateway':
      return <GatewayPage />;
    case 'status':
      return <StatusPage />;
    default:
      return (
        <Empty title="There is no such page">
          <p>
            Go to the <Link to="/">overview</Link>.
          </p>
        </Empty>
      );
  }
}
