// Decisions without waiting: the next comment is there at once, while the server is still being told.
// Without script every form and link of the page works by itself; this module sends the same forms.

import * as cards from './cards.js';
import * as rail from './rail.js';

const LOOK_MILLISECONDS = 30_000;
const RETRY_MILLISECONDS = [500, 1000, 2000, 4000, 8000];
const VERBS = new Set(['ham', 'spam', 'remove', 'forget', 'skip', 'keep', 'trust', 'block']);
const ABOUT_AUTHOR = new Set(['trust', 'block']);

const result = document.querySelector('[role=status]');
const arrivals = document.getElementById('arrivals');
let sending = Promise.resolve();
let unsent = 0;

class Refusal extends Error {}

/** Show and speak a sentence, with a button that undoes the decision if there is one. */
function say(sentence, {isProblem = false, decision = null} = {}) {
  const message = document.createElement('p');
  message.className = `message ${isProblem ? 'warning' : 'success'}`;
  message.append(sentence);
  if (decision) {
    const button = document.createElement('button');
    button.className = 'button';
    button.textContent = 'Undo';
    button.addEventListener('click', () => undo(decision));
    message.append(' ', button);
    // A comment's own page leads to the next one.
    const onward = document.querySelector('nav .onward');
    if (onward) message.append(' ', onward.cloneNode(true));
  }
  result.replaceChildren(message);
}

const idField = card => card.querySelector('.actions input[name=id]');
const findButton = (card, verb) => card.querySelector(`button[name=verb][value=${verb}]`);

function decide(card, pressed, byPointer) {
  if (!pressed) return say('This comment has no such button.');
  const name = `${pressed.textContent.trim()}: ${card.querySelector('h2').textContent.trim()}`;
  const href = card.querySelector('a[href*="/queue/comments/"]')?.href ?? location.href;
  const {form, value: verb} = pressed;
  const decision = {name, href, card, verb, action: form.action, body: new FormData(form, pressed), act: null, state: 'waits'};
  // A comment stays where it is if only its author is decided.
  const isAway = cards.isList && !ABOUT_AUTHOR.has(verb);
  const wasFocused = pressed === document.activeElement;
  if (isAway) decision.place = byPointer ? cards.blank(card, name) : cards.take(card);
  // A person who presses Enter on a button finds the same button of the next comment.
  const next = cards.currentCard();
  if (isAway && !byPointer && wasFocused && next) findButton(next, verb)?.focus();
  rail.add(decision, undo);
  say(`${name}.`, {decision});
  enqueue(() => send(decision));
  cards.prefetch();
}

/** Decisions leave one after the other, so that an undo follows its decision. The numbers of a list follow the last. */
function enqueue(task) {
  unsent += 1;
  sending = sending.then(task).then(() => {
    unsent -= 1;
    if (!cards.isList) return cards.renew();
    if (unsent === 0) cards.renew();
  });
}

/** Post a form until the server answers. Returns its answer, `null` where the session has ended; throws `Refusal`. */
async function post(action, body) {
  for (const wait of [...RETRY_MILLISECONDS, null]) {
    const response = await fetch(action, {
      method: 'POST', body, headers: {Accept: 'application/json'}, redirect: 'manual', keepalive: true,
    }).catch(() => null);
    if (response?.type === 'opaqueredirect' || response?.status === 400 || response?.status === 401) return null;
    const answer = await response?.json().catch(() => ({}));
    if (response?.ok) return answer;
    if (response && response.status < 500) throw new Refusal(answer.detail ?? 'The server refused the decision.');
    if (wait === null) throw new Refusal('The server does not answer. Decide again.');
    say('The server does not answer. The decision is sent again.', {isProblem: true});
    await new Promise(resolve => setTimeout(resolve, wait));
  }
}

async function send(decision) {
  if (decision.state === 'undone') return;
  decision.state = 'sent';
  // On a comment's own page, an earlier decision may have been stored since the key was pressed.
  if (!cards.isList) decision.body.set('id', idField(decision.card).value);
  try {
    const answer = await post(decision.action, decision.body);
    if (answer === null) return carryThroughSignIn(decision);
    decision.act = answer.act;
    decision.state = 'stored';
    say(answer.message, {decision});
  } catch (error) {
    refuse(decision, error.message);
  }
  rail.update(decision);
}

/** The form itself, unlike a request of a script, comes back after the sign-in. */
function carryThroughSignIn(decision) {
  if (decision.place) cards.putBack(decision.card, decision.place);
  unsent = 0;
  cards.list.dataset.native = '';
  findButton(decision.card, decision.verb).click();
}

/** The comment is back, with the reason why the server refused. */
function refuse(decision, sentence) {
  decision.state = 'refused';
  if (decision.place && !decision.isUndone) cards.putBack(decision.card, decision.place);
  say(sentence, {isProblem: true});
  if (!cards.isList) return;
  decision.card.querySelector('.refusal')?.remove();
  const note = document.createElement('p');
  note.className = 'message warning refusal';
  note.textContent = sentence;
  decision.card.querySelector('h2').before(note);
}

function undo(decision) {
  if (!decision) return say('There is nothing to undo.');
  const wasSent = decision.state !== 'waits';
  if (!wasSent) decision.state = 'undone';
  decision.isUndone = true;
  rail.remove(decision);
  if (decision.card) restore(decision);
  say(`Undone: ${decision.name}.`);
  if (wasSent) enqueue(() => sendUndo(decision));
}

/** Its form no longer names the label that the moderator saw: the undo writes a row of the log with another number. */
function restore({card, place}) {
  idField(card).value = card.dataset.id;
  card.querySelector('.refusal')?.remove();
  if (place) cards.putBack(card, place);
}

async function sendUndo(decision) {
  // Refused meanwhile: there is nothing to undo.
  if (decision.act === null) return;
  const body = new FormData();
  body.set('csrf_token', rail.undoForm.token);
  body.set('act', decision.act);
  try {
    const answer = await post(rail.undoForm.action, body);
    if (answer === null || !decision.card) return location.reload();
    say(answer.message);
  } catch (error) {
    say(error.message, {isProblem: true});
  }
}

async function look() {
  if (document.hidden || !cards.isList) return;
  const words = await cards.arrived();
  arrivals.hidden = !words;
  arrivals.textContent = words;
  if (unsent === 0) cards.renew();
}

async function showNew() {
  const isNew = await cards.showArrived();
  arrivals.hidden = true;
  if (!isNew) say('Nothing new.');
}

async function move(step) {
  if (!cards.isList) return press('.onward');
  const isMoved = cards.move(step);
  const fetched = cards.prefetch();
  if (isMoved) return;
  // The next page may be on its way, and large.
  await fetched;
  if (cards.move(step)) return;
  say(step > 0 ? 'This is the last comment of the list.' : 'This is the first comment of the list.');
}

function showSingle(isSingle) {
  cards.list.classList.toggle('single', isSingle);
  if (cards.currentCard()) cards.reveal();
  try {
    localStorage.setItem('moderation.single', isSingle);
  } catch { /* The next page is then a list again. */ }
}

function undoNewest() {
  // The message with which the page came is about a newer decision than the rail.
  const button = result.querySelector('form button');
  if (button) button.click();
  else undo(rail.newest());
}

/** Press what a command is about: a part of the current comment, or of the page around the comments. */
function press(selector) {
  const isMeant = found => [null, cards.currentCard()].includes(found.closest('article.card'));
  const target = [...document.querySelectorAll(selector)].find(isMeant);
  if (!target) return say('This comment has no such button.');
  target.focus();
  if (!target.matches('input, textarea')) target.click();
}

const COMMANDS = {
  next: () => move(1),
  previous: () => move(-1),
  undo: undoNewest,
  single: () => showSingle(!cards.list.classList.contains('single')),
  new: showNew,
};

document.addEventListener('queue:command', ({detail: {command, needs}}) => {
  const card = cards.currentCard();
  if (COMMANDS[command]) COMMANDS[command]();
  else if (VERBS.has(command)) card && decide(card, findButton(card, command), false);
  else if (needs) press(needs);
});

cards.list.addEventListener('click', event => {
  const pressed = event.target.closest('article.card button[name=verb]');
  if (!pressed || 'native' in cards.list.dataset) return;
  event.preventDefault();
  decide(pressed.closest('article.card'), pressed, event.detail > 0);
});
arrivals?.addEventListener('click', showNew);
addEventListener('focus', look);
setInterval(look, LOOK_MILLISECONDS);
addEventListener('beforeunload', event => { if (unsent > 0) event.preventDefault(); });

rail.recall(undo);
cards.setCurrent(cards.cards()[0], {focus: false});
try {
  cards.list.classList.toggle('single', cards.isList && localStorage.getItem('moderation.single') === 'true');
} catch { /* A list, then. */ }
