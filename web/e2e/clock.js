// @ts-check
/* global document, getComputedStyle, history, performance, Request, requestAnimationFrame, window */
/**
 * A clock inside the page: how long after a click its answer is on the screen, and how long after it all data is. It goes
 * into the browser as it is written here, before the page's own code; nothing outside of `clock` is known there.
 */

/**
 * What was felt of one click, in milliseconds; `null` where it did not come in half a minute. `answer`: something new is
 * painted in the main part, be it only that it is being asked. `data`: nothing waits there, nothing older is marked as
 * such, no question is under way, and that is painted.
 * @typedef {{ answer: number | null, data: number | null }} Felt
 */

export function clock() {
  const GIVEN_UP_MS = 30_000;
  /** What is fainter, or dimmed by less, nobody sees. */
  const SEEN = 0.1;
  /** Questions under way. */
  let asked = 0;
  const really = window.fetch;
  window.fetch = async (what, how) => {
    const url = what instanceof Request ? what.url : String(what);
    if (!url.includes('/api/v1/') || url.includes('/api/v1/events')) return really(what, how);
    asked += 1;
    try {
      const response = await really(what, how);
      // It is answered once all of it is read.
      for (const way of /** @type {const} */ (['json', 'text', 'blob', 'arrayBuffer'])) {
        const read = response[way].bind(response);
        response[way] = () => read().finally(() => (asked -= 1));
      }
      return response;
    } catch (fault) {
      asked -= 1;
      throw fault;
    }
  };

  const faint = (/** @type {Element} */ one) => Number(getComputedStyle(one).opacity);

  /** What somebody sees of the page; what waits is there before it is seen. */
  function look() {
    const main = document.querySelector('main');
    const waiting = [...(main?.querySelectorAll('.waiting') ?? [])];
    const busy = [...(main?.querySelectorAll('[aria-busy=true]') ?? [])];
    return {
      words: waiting.reduce(
        (words, one) => words.replace(one.textContent, ''),
        main?.textContent ?? '',
      ),
      signs:
        waiting.filter((one) => faint(one) > SEEN).length +
        busy.filter((one) => faint(one) < 1 - SEEN).length,
      isDone: waiting.length + busy.length + asked === 0,
    };
  }

  /** Follows each frame until all is there. A frame is painted when the next one begins.
   * @param {number} begun @param {ReturnType<typeof look>} before @param {(felt: Felt) => void} tell */
  function follow(begun, before, tell) {
    /** @type {Felt} */
    const felt = { answer: null, data: null };
    let answered = false;
    let done = false;
    const frame = () => {
      const passed = performance.now() - begun;
      if (answered) felt.answer ??= passed;
      if (done) felt.data = passed;
      if (done || passed > GIVEN_UP_MS) {
        tell(felt);
        return;
      }
      const now = look();
      done = now.isDone;
      // Where the answer is what stood there already, that it is there is all there is to see.
      answered ||=
        done || now.signs > before.signs || (now.words !== before.words && now.words.trim() !== '');
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** @type {Promise<Felt> | undefined} */
  let told;
  /** Measures from the next event on; it began at `begun`, or when the event did.
   * @param {'click' | 'popstate'} type @param {number} [begun] */
  function listen(type, begun) {
    told = new Promise((tell) => {
      // Where nothing happens at all.
      setTimeout(() => tell({ answer: null, data: null }), 2 * GIVEN_UP_MS);
      window.addEventListener(
        type,
        // Before the page hears of it.
        (event) => follow(begun ?? Math.min(event.timeStamp, performance.now()), look(), tell),
        { capture: true, once: true },
      );
    });
  }

  Object.assign(window, {
    felt: {
      listen: () => listen('click'),
      back: () => {
        listen('popstate', performance.now());
        history.back();
      },
      told: () => told,
    },
  });
}
