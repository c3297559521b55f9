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
