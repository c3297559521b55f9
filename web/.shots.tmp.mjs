import { chromium } from '@playwright/test';
const base = 'http://127.0.0.1:7171';
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox','--disable-gpu','--disable-quic','--no-first-run','--disable-background-networking','--disable-component-update','--disable-sync'] });
const api = async (p) => (await fetch(base + '/api/v1/' + p)).json();
const f = await api('findings');
const orders = f.findings.find((x) => x.operation.includes('orders')) ?? f.findings[0];
const reqs = await api('requests?last=24h&limit=500');
const big = [...reqs.requests].sort((a,b)=>b.spans-a.spans)[0];
const pay = reqs.requests.find((r) => r.failed);
const ex = orders.examples[0];
const pages = {
  findings: '/', finding: '/findings/' + orders.id, endpoints: '/endpoints',
  endpoint: '/endpoint?service=shop&operation=' + encodeURIComponent(orders.operation),
  posts: '/endpoint?service=shop&operation=' + encodeURIComponent('GET /api/posts/'),
  traces: '/traces', trace: '/traces/' + ex.trace_id, big: '/traces/' + big.trace_id,
  statements: '/traces/' + ex.trace_id + '?tab=statements', status: '/status',
  span: pay ? '/traces/' + pay.trace_id : '/', 
};
const only = process.argv[2]?.split(',') ?? Object.keys(pages);
const modes = (process.argv[3] ?? '1440-light').split(',');
for (const mode of modes) {
  const [width, theme] = mode.split('-');
  const context = await browser.newContext({ viewport: { width: +width, height: +width < 500 ? 844 : 900 }, colorScheme: theme, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') console.log(mode, m.text()); });
  page.on('pageerror', (e) => console.log('PAGEERROR', e.message));
  for (const name of only) {
    await page.goto(base + pages[name]);
    await page.waitForTimeout(700);
    if (name === 'span') { const rows = page.locator('.row'); await rows.nth(2).click(); await page.waitForTimeout(500); }
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (over > 0) console.log(name, mode, 'overflows by', over);
    await page.screenshot({ path: `/tmp/shots/${name}-${mode}.png`, fullPage: process.argv[4] === 'full' });
  }
  await context.close();
}
await browser.close();
