/** The pages of the frame, each with the letter that follows `g`. */
import { path } from '../api/use';
import type { Range } from '../lib/time';

interface Page {
  name: string;
  path: string;
  key: string;
  sections: string[];
  /** What of the API it begins with where nothing but the time is chosen. */
  asks?: string;
}

export const PAGES: Page[] = [
  { name: 'Overview', path: '/', key: 'o', sections: [''], asks: 'overview' },
  { name: 'Findings', path: '/findings', key: 'f', sections: ['findings'], asks: 'findings' },
  {
    name: 'Endpoints',
    path: '/endpoints',
    key: 'e',
    sections: ['endpoints', 'endpoint'],
    asks: 'operations',
  },
  { name: 'Services', path: '/services', key: 'm', sections: ['services'], asks: 'service-map' },
  {
    name: 'Database',
    path: '/database',
    key: 'd',
    sections: ['database', 'plan'],
    asks: 'databases',
  },
  {
    name: 'Traces',
    path: '/traces',
    key: 't',
    sections: ['traces', 'flame', 'compare', 'profile'],
    asks: 'requests',
  },
  { name: 'Proof', path: '/runs', key: 'p', sections: ['runs'], asks: 'runs' },
  { name: 'Ledger', path: '/ledger', key: 'l', sections: ['ledger', 'board'], asks: 'ledger' },
  { name: 'Explore', path: '/explore', key: 'x', sections: ['explore'] },
  { name: 'Gateway', path: '/gateway', key: 'w', sections: ['gateway'], asks: 'gateway' },
  { name: 'Resources', path: '/resources', key: 'r', sections: ['resources'], asks: 'resources' },
  { name: 'Status', path: '/status', key: 's', sections: ['status'], asks: 'status' },
];

/** Sections that tell all that is kept, or what is now, whatever stretch of time is chosen. */
const TIMELESS = ['findings', 'ledger', 'gateway', 'status', 'plan', 'profile'];

/** Whether a page looks at the stretch of time that is chosen. */
export function isTimed(pathname: string, query: URLSearchParams): boolean {
  const [, section = '', id = ''] = pathname.split('/');
  switch (section) {
    case 'traces':
      return id === '';
    case 'database':
      return id !== '';
    case 'runs':
      return (query.get('compare') ?? '') !== '';
    case 'compare':
      return (query.get('operation') ?? '') !== '';
    default:
      return !TIMELESS.includes(section);
  }
}

/** What a page asks first, so that it can be asked for before somebody is there. */
export function firstQuestion(page: Page, range: Range): string | undefined {
  if (page.asks === undefined) return undefined;
  return path(page.asks, isTimed(page.path, new URLSearchParams()) ? { ...range } : {});
}

/** The first part of a path, by which a page is known. */
export function sectionOf(pathname: string): string {
  return pathname.split('/')[1] ?? '';
}
