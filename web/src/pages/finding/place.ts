/** The page of what a finding is about: its endpoint, or the database that shows it. */
import { path, useApi } from '../../api/use';
import type { Databases, Finding } from '../../api/types';
import { databaseOf } from '../../lib/impact';
import { to } from '../../lib/route';

const DATABASES = '/database';

export function usePlace(finding: Finding): string {
  const name = databaseOf(finding);
  const { data } = useApi<Databases>(name === undefined ? undefined : path('databases'), false);
  if (name === undefined) {
    return to('/endpoint', { service: finding.service, operation: finding.operation });
  }
  const [only, other] = data?.databases.filter((one) => one.shown.endsWith(`/${name}`)) ?? [];
  // Several of one name are told apart by their hosts, which the list has.
  return to(only !== undefined && other === undefined ? `${DATABASES}/${only.id}` : DATABASES);
}

/** The page of its statement, beside the page of the database. */
export function statementOf({ evidence }: Finding, href: string): string | undefined {
  const id = evidence.database?.query_id;
  const { pathname } = new URL(href, location.origin);
  if (id == null || !pathname.startsWith(`${DATABASES}/`)) return undefined;
  return to(`${pathname}/statements/${id}`);
}
