// Who decides: the server is told which comment the moderator has open, and tells who else has it or has decided it.

const RENEW_MILLISECONDS = 30_000;
const REST_MILLISECONDS = 1_500;
const list = document.querySelector('.cards');
let rest;

const openCard = () => (list ?? document).querySelector(list ? 'article.card[aria-current]' : 'article.card');

function formData(form) {
  const body = new FormData();
  for (const name of ['csrf_token', 'id']) body.set(name, form.elements[name].value);
  return body;
}

function show(card, sentence) {
  let shown = card.querySelector('.presence');
  if (!shown) {
    shown = document.createElement('p');
    shown.className = 'presence';
    card.querySelector('h2').after(shown);
  }
  shown.textContent = sentence;
  shown.hidden = !sentence;
}

async function tell() {
  const card = openCard();
  const form = card?.querySelector('form.actions');
  if (!form || document.hidden) return;
  const response = await fetch(new URL('open', form.action), {
    method: 'POST', body: formData(form), headers: {Accept: 'application/json'}, redirect: 'manual',
  }).catch(() => null);
  const answer = response?.ok && await response.json().catch(() => null);
  if (answer) show(card, answer.message);
}

function leave() {
  const form = openCard()?.querySelector('form.actions');
  if (!form) return;
  const body = formData(form);
  body.set('left', '1');
  navigator.sendBeacon(new URL('open', form.action), body);
}

/** A comment that is only passed by counts as open for nobody. */
function restart() {
  clearTimeout(rest);
  rest = setTimeout(tell, REST_MILLISECONDS);
}

if (list) new MutationObserver(restart).observe(list, {attributeFilter: ['aria-current'], subtree: true});
setInterval(tell, RENEW_MILLISECONDS);
document.addEventListener('visibilitychange', () => (document.hidden ? leave() : restart()));
restart();
