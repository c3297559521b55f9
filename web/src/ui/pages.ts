/** The pages of the frame, each with the letter that follows `g`. */

export const PAGES = [
  { name: 'Findings', path: '/', key: 'f', sections: ['', 'findings'] },
  { name: 'Endpoints', path: '/endpoints', key: 'e', sections: ['endpoints', 'endpoint'] },
  { name: 'Database', path: '/database', key: 'd', sections: ['database', 'plan'] },
  { name: 'Traces', path: '/traces', key: 't', sections: ['traces'] },
  { name: 'Explore', path: '/explore', key: 'x', sections: ['explore'] },
  { name: 'Resources', path: '/resources', key: 'r', sections: ['resources'] },
  { name: 'Status', path: '/status', key: 's', sections: ['status'] },
];
