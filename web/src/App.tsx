/** Which page is shown for which path. */
import { usePathname } from './lib/route';
import { DatabasePage } from './pages/database/DatabasePage';
import { DatabasesPage } from './pages/database/DatabasesPage';
import { EndpointPage } from './pages/endpoint/EndpointPage';
import { EndpointsPage } from './pages/endpoints/EndpointsPage';
import { ExplorePage } from './pages/explore/ExplorePage';
import { FindingPage } from './pages/finding/FindingPage';
import { FindingsPage } from './pages/findings/FindingsPage';
import { PlanPage } from './pages/plan/PlanPage';
import { ResourcesPage } from './pages/resources/ResourcesPage';
import { StatementPage } from './pages/statement/StatementPage';
import { StatusPage } from './pages/status/StatusPage';
import { TracePage } from './pages/trace/TracePage';
import { TracesPage } from './pages/traces/TracesPage';
import { Frame } from './ui/Frame';
import { Empty } from './ui/Empty';
import { Link } from './ui/Link';

export function App() {
  const pathname = usePathname();
  return <Frame pathname={pathname}>{page(pathname)}</Frame>;
}

function page(pathname: string) {
  const [, section = '', id, part, inner] = pathname.split('/');
  switch (section) {
    case '':
      return <FindingsPage />;
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
      return <EndpointPage />;
    case 'traces':
      return id ? <TracePage key={id} id={id} /> : <TracesPage />;
    case 'explore':
      return <ExplorePage />;
    case 'resources':
      return <ResourcesPage />;
    case 'status':
      return <StatusPage />;
    default:
      return (
        <Empty title="There is no such page">
          <p>
            Go to the <Link to="/">findings</Link>.
          </p>
        </Empty>
      );
  }
}
