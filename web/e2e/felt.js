// @ts-check
/**
 * How long a click is felt to take, on each page of a running taut, whatever it holds: `npm run felt`. With `-- --assert` it
 * ends with 1 where an answer is felt later than it should be. `npm run frames` measures it as well.
 */
import { launch } from './browser.js';
import { feel } from './moves.js';

const browser = await launch();
const missed = await feel(browser, process.env['TAUT_BASE_URL'] ?? 'http://127.0.0.1:7070');
await browser.close();
if (missed.length > 0) console.log(`goals that were missed: ${missed.join('; ')}`);
if (process.argv.includes('--assert') && missed.length > 0) process.exitCode = 1;
