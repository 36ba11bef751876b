// The comments of the page, a list or the one whose page it is: which one is current, the pages that follow a list, and
// the comments that came since.

const MIN_AHEAD = 10;

export const list = document.querySelector('.cards') ?? document.querySelector('main');
export const isList = list.matches('.cards');
const known = new Set();
let current = null;
let loading = null;
let renewals = 0;

const end = list.querySelector(':scope > nav');

export const cards = () => [...list.querySelectorAll(':scope > article.card')];
export const currentCard = () => current;

export function setCurrent(card, {focus = true} = {}) {
  current?.removeAttribute('aria-current');
  current = card ?? null;
  current?.setAttribute('aria-current', 'true');
  if (current && focus) current.focus({preventScroll: true});
}

/** Show the beginning of the current comment unless it is in view. */
export function reveal() {
  const {top} = current.getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) current.scrollIntoView({block: 'start', behavior: 'instant'});
}

/** Return the comment that follows, or the one before the last. */
function neighbour(card) {
  const all = cards();
  const place = all.indexOf(card);
  return all[place + 1] ?? all[place - 1];
}

/** Take a comment from the list: the next one comes to its place in the window. Returns a mark of the place. */
export function take(card) {
  const {top} = card.getBoundingClientRect();
  const next = neighbour(card);
  const mark = document.createComment('');
  card.replaceWith(mark);
  setCurrent(next);
  if (!next) list.querySelector('.end').focus();
  else scrollBy({top: next.getBoundingClientRect().top - Math.max(top, 0), behavior: 'instant'});
  return mark;
}

/** Replace a comment by an empty place of its size, so that no other button slides under the pointer. Returns it. */
export function blank(card, words) {
  const place = document.createElement('div');
  place.className = 'card blank';
  place.style.height = `${card.getBoundingClientRect().height}px`;
  place.textContent = words;
  const next = neighbour(card);
  card.replaceWith(place);
  setCurrent(next, {focus: false});
  return place;
}

/** Put a comment back where it was, and make it current. */
export function putBack(card, place) {
  if (place.isConnected) place.replaceWith(card);
  else list.prepend(card);
  setCurrent(card);
  reveal();
}

/** Make the next or the previous comment current. Returns whether there is one. */
export function move(step) {
  const all = cards();
  const next = all[all.indexOf(current) + step];
  if (!next) return false;
  setCurrent(next);
  reveal();
  return true;
}

async function read(url, fragment = 'cards') {
  const headers = {Accept: 'text/html', 'X-Requested-Fragment': fragment};
  const response = await fetch(url, {headers, redirect: 'manual'}).catch(() => null);
  return response?.ok ? new DOMParser().parseFromString(await response.text(), 'text/html') : null;
}

function unknown(page) {
  const all = [...page.querySelectorAll('.cards > article.card')];
  const found = all.filter(card => !known.has(card.dataset.id));
  return {found, isAll: found.length > 0 && found.length === all.length};
}

function add(found, place) {
  for (const card of found) {
    known.add(card.dataset.id);
    list.insertBefore(document.adoptNode(card), place);
  }
}

/** Fetch the next page before the comments of this one are used up. Returns a promise of its end. */
export function prefetch() {
  const link = document.querySelector('nav a[rel=next]');
  const all = cards();
  if (!loading && link && all.length - all.indexOf(current) <= MIN_AHEAD) {
    list.setAttribute('aria-busy', 'true');
    loading = append(link).finally(() => {
      loading = null;
      list.removeAttribute('aria-busy');
    });
  }
  return loading;
}

async function append(link) {
  const page = await read(link.href);
  if (!page) return;
  add(unknown(page).found, end);
  const further = page.querySelector('nav a[rel=next]');
  if (further) link.replaceWith(document.adoptNode(further));
  else link.remove();
  if (!current) setCurrent(cards()[0]);
}

/** Show the parts of the page that decisions change as the server has them now: numbers, and a comment's own page. */
export async function renew() {
  renewals += 1;
  const number = renewals;
  const page = await read(location.href, 'counts');
  // The answer to an earlier question may come later.
  if (!page || number !== renewals) return;
  for (const part of document.querySelectorAll('[data-live]')) {
    const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
    if (fresh) renewPart(part, fresh);
  }
}

/** Replace the contents of a part. A button that has the focus gives it to the same one, everything else to the part. */
function renewPart(part, fresh) {
  const focused = part.contains(document.activeElement) && document.activeElement;
  part.replaceChildren(...fresh.childNodes);
  if (!focused || focused === part) return;
  const same = focused.name === 'verb' && part.querySelector(`button[value="${focused.value}"]`);
  (same || part).focus({preventScroll: true});
}

/** Return how many comments came since, as words, and none if there are none. */
export async function arrived() {
  const page = list.dataset.newest && await read(list.dataset.newest);
  if (!page) return '';
  const {found, isAll} = unknown(page);
  return found.length ? `${found.length}${isAll ? ' or more' : ''} new` : '';
}

/** Show the comments that came since. Returns whether there are any. */
export async function showArrived() {
  const page = list.dataset.newest && await read(list.dataset.newest);
  const {found, isAll} = page ? unknown(page) : {found: []};
  if (found.length === 0) return false;
  // Others may be between these and the first comment here.
  if (isAll) location.assign(list.dataset.newest);
  add(found, list.firstElementChild);
  setCurrent(found[0]);
  reveal();
  return true;
}

// "All on this page" means the comments that are on it now.
document.getElementById('bulk')?.addEventListener('submit', event => {
  event.target.elements.page.value = cards().map(card => card.querySelector('.actions [name=id]').value).join(' ');
});

for (const card of cards()) known.add(card.dataset.id);
list.addEventListener('focusin', event => {
  const card = event.target.closest('article.card');
  if (card && card !== current) setCurrent(card, {focus: false});
});
