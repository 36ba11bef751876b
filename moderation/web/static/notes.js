// Notes in a list: the form of a comment's page comes to its card, so that the place in the list is kept.

const list = document.querySelector('.cards');
const result = document.querySelector('[role=status]');

function say(sentence, isProblem = false) {
  const message = document.createElement('p');
  message.className = `message ${isProblem ? 'warning' : 'success'}`;
  message.textContent = sentence;
  result.replaceChildren(message);
}

async function open(link) {
  const card = link.closest('article.card');
  if (!card.querySelector('form.note')) {
    const headers = {Accept: 'text/html', 'X-Requested-Fragment': 'note'};
    const response = await fetch(link.href, {headers, redirect: 'manual'}).catch(() => null);
    const page = response?.ok && new DOMParser().parseFromString(await response.text(), 'text/html');
    const form = page && page.querySelector('form.note');
    if (!form) return location.assign(link.href);
    link.parentElement.after(document.adoptNode(form));
  }
  card.querySelector('form.note textarea').focus();
}

function close(form) {
  const card = form.closest('article.card');
  form.remove();
  card.focus({preventScroll: true});
}

async function save(form, pressed) {
  const response = await fetch(form.action, {
    method: 'POST', body: new FormData(form, pressed), headers: {Accept: 'application/json'}, redirect: 'manual',
  }).catch(() => null);
  const answer = await response?.json().catch(() => ({}));
  if (!response?.ok) return say(answer?.detail ?? 'The note is not stored. Sign in on another page, and save it again.', true);
  const remark = document.createElement('p');
  remark.className = 'remark';
  remark.textContent = answer.remark;
  form.before(remark);
  close(form);
  say(answer.message);
}

list.addEventListener('click', event => {
  const link = event.target.closest('a.note');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link);
});
list.addEventListener('submit', event => {
  if (!event.target.matches('form.note')) return;
  event.preventDefault();
  save(event.target, event.submitter);
});
list.addEventListener('keydown', event => {
  const form = event.target.closest('form.note');
  if (form && event.key === 'Escape' && !event.isComposing) close(form);
});
