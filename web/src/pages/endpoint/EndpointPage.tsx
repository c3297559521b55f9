/** One endpoint: its figures, its latency over time and what tells the slow ones apart, where its time goes, what is wrong. */
import { path, useAlongside, useApi } from '../../api/use';
import type { Marks, OperationDetail } from '../../api/types';
import { digits, durationText, plural } from '../../lib/format';
import { ofEndpoint } from '../../lib/question';
import { to, useQuery } from '../../lib/route';
import { comparedWith, useRange, type Range } from '../../lib/time';
import { Fresh, NotTold, Problem, Waiting } from '../../ui/Empty';
import { KindBar, KindLegend } from '../../ui/Kinds';
import { Link } from '../../ui/Link';
import { MarkList } from '../../ui/Marks';
import { Percent } from '../../ui/Num';
import { RequestTable } from '../../ui/Requests';
import { FindingTable } from '../../ui/FindingTable';
import { CompareSelect } from '../../ui/CompareSelect';
import { Distribution } from './Distribution';
import { Figures } from './Figures';
import { Groups } from './Groups';
import { Heat, heatUrl } from './Heat';
import { Quantiles, PerRequest, Shares } from './OverTime';

/** Which endpoint, when, and what it is compared with. */
export interface At {
  service: string;
  operation: string;
  range: Range;
}

export function EndpointPage() {
  const query = useQuery();
  const range = useRange();
  const service = query.get('service') ?? '';
  const operation = query.get('operation') ?? '';
  const { data, problem, stale } = useApi<OperationDetail>(
    path('operation', { ...range, service, operation }),
  );
  const other = comparedWith(range, query.get('compare') ?? '');
  const before = useApi<OperationDetail>(
    other === undefined ? undefined : path('operation', { ...other, service, operation }),
    false,
  );
  const at = { service, operation, range };
  useAlongside(marksUrl(at));
  useAlongside(operation === '' ? undefined : heatUrl(at), false);
  return (
    <Fresh stale={stale && data !== undefined}>
      <div className="claim">
        <p className="over">
          <Link to={to('/endpoints')}>Endpoints</Link>{' '}
          <Link to={to('/services', { focus: service })}>{service}</Link>
        </p>
        <h1 className="op">{operation}</h1>
        {data !== undefined && problem === undefined && <Claim data={data} />}
      </div>
      <div className="filters">
        <CompareSelect range={range} problem={before.problem} />
        <Link className="copy" to={to('/flame', { service, operation })}>
          Flame graph
        </Link>
        <Link
          className="copy"
          to={to('/compare', { service, operation, compare: query.get('compare') ?? 'previous' })}
        >
          Compare flame graphs
        </Link>
        <Link className="copy" to={to('/explore', { where: ofEndpoint(at) })}>
          Ask more of it
        </Link>
      </div>
      {problem !== undefined && <Problem part problem={problem} />}
      {problem === undefined && data === undefined && <Waiting />}
      {problem === undefined && data !== undefined && (
        <Detail
          at={at}
          data={data}
          before={other !== undefined && before.other !== true ? before.data : undefined}
        />
      )}
    </Fresh>
  );
}

function Claim({ data }: { data: OperationDetail }) {
  const { duration, share, count } = data.operation;
  const times = duration.p95_micros / data.targets.p95_micros;
  return (
    <p>
      One request in twenty takes longer than <strong>{durationText(duration.p95_micros)}</strong>
      {times > 1 ? `, ${digits(times, 2)} times the target; ` : ', within the target; '}
      {plural(count, 'request')} in this window take <Percent share={share} /> of all time.
    </p>
  );
}

function marksUrl({ range, service }: At): string {
  return path('marks', { ...range, service });
}

interface DetailProps {
  at: At;
  data: OperationDetail;
  before: OperationDetail | undefined;
}

function Detail({ at, data, before }: DetailProps) {
  const { operation, targets } = data;
  const { data: marked, problem: unmarked } = useApi<Marks>(marksUrl(at));
  const marks = marked?.marks ?? [];
  return (
    <>
      <Figures data={data} before={before} />
      <section>
        <h2>When requests take how long</h2>
        <Heat at={at} marks={marks} target={targets.p95_micros} />
        <MarkList marks={marks} />
        <NotTold what="Releases and remedies are not known" problem={unmarked} />
      </section>
      <div className="pair">
        <section>
          <h2>How long requests take</h2>
          <Distribution at={at} data={data} before={before} />
        </section>
        <section>
          <h2>Quantiles over time</h2>
          <Quantiles data={data} before={before} marks={marks} />
        </section>
      </div>
      <section>
        <h2>Where the time of a request goes</h2>
        <div className="wide-bar">
          <KindBar breakdown={operation.breakdown} />
        </div>
        <KindLegend breakdown={operation.breakdown} per={Math.max(1, operation.count)} />
      </section>
      <div className="pair after">
        <section>
          <h2>On the critical path, over time</h2>
          <Shares data={data} before={before} marks={marks} />
        </section>
        <section>
          <h2>Requests, errors and queries over time</h2>
          <PerRequest data={data} before={before} marks={marks} />
        </section>
      </div>
      {data.findings.length > 0 && (
        <section>
          <h2>What is wrong with it</h2>
          <FindingTable findings={data.findings} short />
        </section>
      )}
      <section>
        <h2>What it does</h2>
        <Groups groups={data.groups} />
      </section>
      <section>
        <h2>Its slowest requests</h2>
        <RequestTable requests={data.slowest.slice(0, 10)} plain />
      </section>
    </>
  );
}
