// The last ten decisions, each of which can still be undone. The tab keeps those that the server has stored.

const KEPT = 10;
const rail = document.getElementById('rail');
const rows = rail.querySelector('ol');
const template = rail.querySelector('template');
const storedAs = `moderation.rail.${rail.dataset.moderator}`;
const decisions = [];

/** The fields of a form that undoes an act. */
export const undoForm = {action: rail.dataset.undo, token: rail.dataset.token};

/** Return the newest decision that can be undone. */
export const newest = () => decisions.find(({state}) => state !== 'refused');

/** Show a decision, `{name, href, state, act}`. `undo` is called with it when its button is pressed. */
export function add(decision, undo) {
  decision.row = template.content.firstElementChild.cloneNode(true);
  const link = decision.row.querySelector('a');
  link.textContent = decision.name;
  link.href = decision.href;
  decision.row.querySelector('button').addEventListener('click', () => undo(decision));
  decisions.unshift(decision);
  rows.prepend(decision.row);
  for (const old of decisions.splice(KEPT)) old.row.remove();
  update(decision);
}

/** Show the state of a decision. */
export function update(decision) {
  decision.row.classList.toggle('refused', decision.state === 'refused');
  decision.row.querySelector('button').disabled = decision.state === 'refused';
  keep();
}

export function remove(decision) {
  decision.row.remove();
  const place = decisions.indexOf(decision);
  if (place >= 0) decisions.splice(place, 1);
  keep();
}

/** Show the decisions of the same moderator on earlier pages of this tab. */
export function recall(undo) {
  try {
    const stored = JSON.parse(sessionStorage.getItem(storedAs)) ?? [];
    for (const {name, href, act} of stored.reverse()) add({name, href, act, state: 'stored'}, undo);
  } catch { /* Storage is refused, or of another version: the rail begins anew. */ }
}

function keep() {
  rail.hidden = decisions.length === 0;
  const stored = decisions.filter(({state}) => state === 'stored').map(({name, href, act}) => ({name, href, act}));
  try {
    sessionStorage.setItem(storedAs, JSON.stringify(stored));
  } catch { /* The next page then begins with an empty rail. */ }
}
