/** The pages of the frame, each with the letter that follows `g`. */

export const PAGES = [
  { name: 'Overview', path: '/', key: 'o', sections: [''] },
  { name: 'Findings', path: '/findings', key: 'f', sections: ['findings'] },
  { name: 'Endpoints', path: '/endpoints', key: 'e', sections: ['endpoints', 'endpoint'] },
  { name: 'Services', path: '/services', key: 'm', sections: ['services'] },
  { name: 'Database', path: '/database', key: 'd', sections: ['database', 'plan'] },
  {
    name: 'Traces',
    path: '/traces',
    key: 't',
    sections: ['traces', 'flame', 'compare', 'profile'],
  },
  { name: 'Proof', path: '/runs', key: 'p', sections: ['runs'] },
  { name: 'Ledger', path: '/ledger', key: 'l', sections: ['ledger', 'board'] },
  { name: 'Explore', path: '/explore', key: 'x', sections: ['explore'] },
  { name: 'Gateway', path: '/gateway', key: 'w', sections: ['gateway'] },
  { name: 'Resources', path: '/resources', key: 'r', sections: ['resources'] },
  { name: 'Status', path: '/status', key: 's', sections: ['status'] },
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

/** The first part of a path, by which a page is known. */
export function sectionOf(pathname: string): string {
  return pathname.split('/')[1] ?? '';
}
